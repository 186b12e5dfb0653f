// SPDX-License-Identifier: Apache-2.0
// All nodes as a table: the accessible twin of the map.

import { byId, el, setText } from "./dom.js";
import { bytes, number, shortAge, whole } from "./format.js";
import { icon, PROVENANCES } from "./marks.js";
import { tabled } from "./variables.js";

const SORT_MS = 1000;
const worst = (node) => PROVENANCES.findIndex((p) => p.key === node.provenance);

const columnOf = (v) => ({ key: v.key, head: v.name, unit: v.unit, value: (n) => n[v.key], show: (n) => number(n[v.key], v.digits), first: v.flip ? "ascending" : "descending" });

// What is `late` stands behind the state, so that the state is seen without scrolling.
const columnsOf = (variables) => [
  { key: "name", head: "Node", unit: "", value: (n) => n.name, first: "ascending" },
  ...variables.filter((v) => !v.late).map(columnOf),
  { key: "state", head: "State", unit: "", value: worst, show: (n) => n.provenance, first: "descending" },
  ...variables.filter((v) => v.late).map(columnOf),
  { key: "last", head: "Last report", unit: "ago", value: (n) => n.last_report_us, show: (n, now) => shortAge(n.last_report_us, now), first: "ascending" },
  { key: "reports", head: "Reports", unit: "", value: (n) => n.reports, show: (n) => whole(n.reports), first: "descending" },
  { key: "rf", head: "On air", unit: "", value: (n) => n.rf_bytes, show: (n) => bytes(n.rf_bytes), first: "descending" },
];

/** Absent values go last in either direction. */
function compare(a, b, sign) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  if (typeof a === "string") return sign * a.localeCompare(b, "en", { numeric: true });
  return sign * (a - b);
}

export class NodeTable {
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.columns = [];
    this.rows = new Map();
    this.sortedMs = 0;
    this.body = el("tbody");
  }

  /** Which columns there are depends on what the nodes report. */
  setColumns(variables) {
    this.columns = columnsOf(variables);
    this.variables = variables.length;
    this.sort = this.columns[1]; // Driest first.
    this.order = "descending";
    this.rows = new Map();
    this.heads = this.columns.map((column) => el("th", { scope: "col" },
      el("button", { type: "button", onclick: () => this.sortBy(column) }, el("span", {}, column.head), el("small", {}, column.unit || "\u00a0"))));
    byId("nodes").replaceChildren(el("thead", {}, el("tr", {}, ...this.heads)), this.body);
    this.markSort();
  }

  sortBy(column) {
    if (this.sort === column) this.order = this.order === "ascending" ? "descending" : "ascending";
    else [this.sort, this.order] = [column, column.first];
    this.markSort();
    this.sortedMs = 0;
    this.update(this.snapshot, this.selected);
  }

  markSort() {
    this.heads.forEach((head, i) => {
      if (this.columns[i] === this.sort) head.setAttribute("aria-sort", this.order);
      else head.removeAttribute("aria-sort");
    });
  }

  update(snapshot, selected) {
    this.snapshot = snapshot;
    this.selected = selected;
    const variables = tabled(snapshot);
    if (variables.length !== this.variables) this.setColumns(variables);
    if (snapshot.nodes.length !== this.rows.size || snapshot.nodes.some((n) => !this.rows.has(n.id))) {
      this.rows = new Map(snapshot.nodes.map((node) => [node.id, this.row(node)]));
      this.sortedMs = 0;
    }
    for (const node of snapshot.nodes) this.fill(this.rows.get(node.id), node, snapshot.field.time_us, selected);
    if (Date.now() - this.sortedMs >= SORT_MS) this.arrange(snapshot.nodes);
  }

  row(node) {
    const open = el("button", { type: "button", class: "who-cell", onclick: (event) => {
      event.stopPropagation();
      this.onSelect(node.id);
    } }, el("span", { class: "cell-mark" }), el("span", { class: "cell-name" }), el("small", { class: "cell-made" }));
    const cells = this.columns.map((_, i) => (i ? el("td") : el("td", {}, open)));
    return { tr: el("tr", { onclick: () => this.onSelect(node.id) }, ...cells), cells, provenance: "" };
  }

  fill(row, node, nowUs, selected) {
    row.tr.dataset.on = String(node.id === selected);
    if (row.provenance !== node.provenance) {
      row.provenance = node.provenance;
      row.tr.dataset.p = node.provenance;
      row.tr.querySelector(".cell-mark").replaceChildren(icon(node.provenance, "var(--accent)"));
    }
    setText(row.tr.querySelector(".cell-name"), node.name);
    setText(row.tr.querySelector(".cell-made"), node.synthetic ? "synthetic" : "");
    this.columns.forEach((column, i) => {
      if (i) setText(row.cells[i], column.show(node, nowUs));
    });
  }

  arrange(nodes) {
    this.sortedMs = Date.now();
    const sign = this.order === "ascending" ? 1 : -1;
    const sorted = [...nodes].sort((a, b) => compare(this.sort.value(a), this.sort.value(b), sign) || a.id - b.id);
    const wanted = sorted.map((n) => this.rows.get(n.id).tr);
    if (wanted.length === this.body.children.length && wanted.every((tr, i) => this.body.children[i] === tr)) return;
    const focused = document.activeElement;
    this.body.replaceChildren(...wanted);
    if (this.body.contains(focused)) focused.focus({ preventScroll: true });
  }
}
