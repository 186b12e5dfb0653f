// SPDX-License-Identifier: Apache-2.0
// The field as a plain map: layout when the size or the nodes change, colours when values do.

import { byId, el, setText, svg } from "./dom.js";
import { number, shortAge } from "./format.js";
import { labelPlaces, spread } from "./declutter.js";
import { fit, graticule, grownPath, scaleBar, toKm } from "./geo.js";
import { furniture, gridLines, renderMarks, renderRamp } from "./legend.js";
import { brackets, shapes } from "./marks.js";
import { contours, paint } from "./surface.js";
import { colour, domainOf, isLive, variable, VARIABLES } from "./variables.js";

const RANK = { diverged: 1, stale: 2, unknown: 3, reported: 4, held: 4 };

export class FieldMap {
  /** onSelect(id) when a node is clicked or entered; onVariable(key) when the colouring changes. */
  constructor(onSelect, onVariable) {
    this.root = byId("map");
    this.svg = byId("map-svg");
    this.canvas = byId("map-surface");
    this.tip = byId("tip");
    this.onSelect = onSelect;
    this.variable = VARIABLES[0];
    this.selected = null;
    this.nodes = [];
    this.looks = "";
    this.groups = new Map();
    byId("variables").append(...VARIABLES.map((v, i) => el("label", { title: v.long },
      el("input", { type: "radio", name: "variable", value: v.key, ...(i ? {} : { checked: "" }), onchange: () => onVariable(v.key) }),
      v.name)));
    renderMarks();
    new ResizeObserver(() => this.layout()).observe(this.root);
    this.svg.addEventListener("keydown", (event) => this.key(event));
  }

  setVariable(key) {
    this.variable = variable(key);
    document.querySelector(`#variables input[value="${key}"]`).checked = true;
    this.refresh();
  }

  setSelected(id) {
    this.selected = id;
    for (const [key, group] of this.groups) group.setAttribute("aria-pressed", String(key === id));
    this.drawLabels();
  }

  update(snapshot) {
    const before = this.shape;
    this.nodes = snapshot.nodes;
    this.nowUs = snapshot.field.time_us;
    this.shape = this.nodes.map((n) => `${n.id}/${n.lat_deg}/${n.lon_deg}/${n.elev_m}/${n.name}`).join();
    if (this.shape !== before) this.layout();
    else this.draw();
  }

  refresh() {
    this.looks = "";
    if (this.nodes.length) this.draw();
  }

  layout() {
    const { width, height } = this.root.getBoundingClientRect();
    if (!this.nodes.length || width < 50 || height < 50) return;
    Object.assign(this, { width, height });
    this.r = Math.max(5.5, Math.min(12, Math.sqrt((width * height) / this.nodes.length) / 9));
    const side = Math.max(30, width * 0.055);
    const { points, pxPerKm } = fit(toKm(this.nodes), width, height, { top: 34, right: side, bottom: 58, left: side });
    this.points = points;
    this.placed = spread(points, 2 * this.r + 7, width, height);
    this.hullPath = grownPath(points, Math.max(22, this.r * 2.6));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.build(scaleBar(pxPerKm, Math.min(170, width * 0.25)));
    this.refresh();
  }

  build(bar) {
    const high = this.nodes.map((n, i) => [n.elev_m, this.points[i]]).filter(([elev]) => elev !== null);
    const lines = high.length >= 0.6 * this.nodes.length && high.length >= 4
      ? contours(high.map((h) => h[1]), high.map((h) => h[0]), this.width, this.height)
      : { path: "", step: null };
    const clip = svg("clipPath", { id: "hull-clip" }, svg("path", { d: this.hullPath }));
    this.labels = svg("g", { "aria-hidden": "true" });
    this.groups.clear();
    const nodes = this.nodes.map((node, i) => this.marker(node, i));
    const leaders = this.points.flatMap((p, i) => this.leader(p, this.placed[i]));
    this.svg.replaceChildren(
      svg("defs", {}, clip),
      gridLines(graticule(this.nodes, this.points, this.width, this.height), this.width, this.height),
      svg("path", { class: "hull", d: this.hullPath }),
      svg("path", { class: "contour", d: lines.path, "clip-path": "url(#hull-clip)" }),
      svg("g", {}, ...leaders),
      svg("g", {}, ...nodes),
      this.labels,
      furniture(this.width, this.height, bar, lines.step),
    );
  }

  leader([x, y], [px, py]) {
    if (Math.hypot(px - x, py - y) < this.r * 0.7) return [];
    return [svg("line", { class: "leader", x1: x, y1: y, x2: px, y2: py }), svg("circle", { class: "site-dot", cx: x, cy: y, r: 2.2 })];
  }

  marker(node, i) {
    const [x, y] = this.placed[i];
    const group = svg("g", {
      class: "node", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, role: "button", tabindex: i ? "-1" : "0",
      "data-id": node.id, "aria-pressed": String(node.id === this.selected),
      onclick: () => this.onSelect(node.id),
      onpointerenter: () => this.showTip(node.id),
      onpointerleave: () => { this.tip.hidden = true; },
      onfocus: () => this.showTip(node.id),
      onblur: () => { this.tip.hidden = true; },
    });
    this.groups.set(node.id, group);
    return group;
  }

  draw() {
    if (!this.placed) return;
    const v = this.variable;
    const looks = JSON.stringify(this.nodes.map((n) => [n[v.key], n.provenance]));
    if (looks === this.looks) return;
    this.looks = looks;
    const domain = domainOf(v, this.nodes);
    for (const node of this.nodes) this.drawMarker(node, v, domain);
    const live = this.nodes.map((n, i) => [n, this.points[i]]).filter(([n]) => isLive(n) && n[v.key] !== null);
    paint(this.canvas, this.hullPath, live.map((e) => e[1]), live.map((e) => e[0][v.key]), v, domain);
    renderRamp(v, domain);
    setText(byId("map-title"), `Field · ${v.long}`);
    this.drawLabels();
  }

  drawMarker(node, v, domain) {
    const group = this.groups.get(node.id);
    const value = node[v.key];
    if (group.dataset.p !== node.provenance || !group.firstChild) {
      group.dataset.p = node.provenance;
      const extra = node.synthetic ? [svg("circle", { class: "made-up", r: this.r * 0.38 })] : [];
      group.replaceChildren(svg("circle", { class: "hit", r: this.r + 9 }), brackets(this.r), ...shapes(node.provenance, this.r), ...extra);
    }
    const body = group.querySelector(".body");
    body.classList.toggle("absent", value === null);
    if (isLive(node)) body.style.fill = value === null ? "" : colour(v, domain, value);
    group.setAttribute("aria-label", `${node.name}, ${node.provenance}, ${v.long} ${number(value, v.digits)} ${v.unit}`);
  }

  drawLabels() {
    if (!this.placed || !this.labels) return;
    const v = this.variable;
    const live = this.nodes.filter((n) => isLive(n) && n[v.key] !== null).sort((a, b) => b[v.key] - a[v.key]);
    const ends = new Set([live[0]?.id, live.at(-1)?.id]);
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const texts = this.nodes.map((n) => number(n[v.key], v.digits));
    const items = this.nodes.map((n, i) => ({
      x: this.placed[i][0], y: this.placed[i][1], r: this.r + 3, h: em * 1.1, w: texts[i].length * em * 0.6 + 2,
      rank: n.id === this.selected ? 0 : ends.has(n.id) ? 0.5 : RANK[n.provenance],
    }));
    const corner = [{ x: this.width - 215, y: this.height - 46, w: 215, h: 46 }];
    const places = labelPlaces(items, this.width, this.height, corner);
    this.labels.replaceChildren(...places.flatMap((place, i) => (place === null ? [] : [svg("text", {
      class: "value", "data-p": this.nodes[i].provenance, x: place.x.toFixed(1), y: place.y.toFixed(1),
      "text-anchor": place.anchor, "dominant-baseline": "central",
    }, texts[i])])));
  }

  showTip(id) {
    const i = this.nodes.findIndex((n) => n.id === id);
    const node = this.nodes[i];
    const v = this.variable;
    const age = node.last_report_us === null ? "never reported" : `last report ${shortAge(node.last_report_us, this.nowUs)} ago`;
    this.tip.replaceChildren(el("b", {}, node.name), el("span", {}));
    const made = node.synthetic ? ", synthetic" : "";
    setText(this.tip.lastChild, `${v.name} ${number(node[v.key], v.digits)} ${v.unit}, ${node.provenance}${made}; ${age}`);
    this.tip.hidden = false;
    const [x, y] = this.placed[i];
    const box = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.min(Math.max(4, x - box.width / 2), this.width - box.width - 4)}px`;
    this.tip.style.top = `${y > box.height + 40 ? y - box.height - 22 : y + 22}px`;
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const group = event.target.closest(".node");
    if (!group) return;
    const id = Number(group.dataset.id);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.onSelect(id);
    } else if (event.key in steps) {
      event.preventDefault();
      this.focusNext(id, steps[event.key]);
    }
  }

  /** The nearest node in a direction, with a cost for leaving the line. */
  focusNext(id, [sx, sy]) {
    const from = this.placed[this.nodes.findIndex((n) => n.id === id)];
    let best = null;
    this.placed.forEach(([x, y], i) => {
      const along = (x - from[0]) * sx + (y - from[1]) * sy;
      const across = Math.abs((x - from[0]) * sy) + Math.abs((y - from[1]) * sx);
      if (along > 1 && (!best || along + 2 * across < best.cost)) best = { cost: along + 2 * across, i };
    });
    if (best) this.focus(this.nodes[best.i].id);
  }

  focus(id) {
    for (const [key, group] of this.groups) group.setAttribute("tabindex", key === id ? "0" : "-1");
    this.groups.get(id)?.focus();
  }
}
