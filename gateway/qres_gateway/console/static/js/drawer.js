// SPDX-License-Identifier: Apache-2.0
// The panel of one node. Its series is asked for when it opens and at most once a second after.

import { byId, el, setText } from "./dom.js";
import { bytes, DASH, duration, number, percent, place, shortAge, whole } from "./format.js";
import { icon, PROVENANCES } from "./marks.js";
import { drawSeries } from "./node-chart.js";
import { drawn, VARIABLES, variable } from "./variables.js";

const HOURS = 24;
const REFRESH_MS = 1000;

function sinceWords(node, nowUs) {
  const age = duration(Math.max(0, nowUs - node.since_us));
  return node.provenance === "reported" ? `, ${age} ago` : `, for ${age}`;
}

const CAUSES = { none: "", weather: "unusual and dangerous weather", heat: "heat at this node, unlike its neighbours", sensor: "probably the sensor" };

export class Drawer {
  constructor(onClose) {
    this.root = byId("drawer");
    this.onClose = onClose;
    this.id = null;
    this.channel = VARIABLES[0].key;
    this.askedMs = 0;
    this.asking = false;
    this.look = "";
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  open(id, channel, state) {
    this.id = id;
    this.drawn = drawn(state.snapshot);
    this.channel = this.drawable(channel);
    this.root.hidden = false;
    this.build();
    this.update(state, true);
    byId("node-close").focus({ preventScroll: true });
  }

  close() {
    if (this.id === null) return;
    const id = this.id;
    this.id = null;
    this.root.hidden = true;
    this.onClose(id);
  }

  /** The variable to draw where that one has no past. */
  drawable(key) {
    return this.drawn.some((v) => v.key === key) ? key : this.drawn[0].key;
  }

  setChannel(wanted) {
    if (this.id === null) return; // opens with the map's
    const key = this.drawable(wanted);
    this.channel = key;
    byId(`reading-${key}`).checked = true;
    this.ask();
  }

  build() {
    const readings = this.drawn.map((v) => el("label", { class: "reading", title: v.long },
      el("input", { type: "radio", name: "reading", id: `reading-${v.key}`, value: v.key, ...(v.key === this.channel ? { checked: "" } : {}), onchange: () => this.setChannel(v.key) }),
      el("span", {}, v.name), el("b", { id: `reading-v-${v.key}` }), el("small", {}, v.unit)));
    const ledger = [["FFMC", "led-ffmc"], ["ISI", "led-isi"], ["Anomaly", "led-anomaly"], ["Error now", "led-now"], ["Largest error", "led-max"], ["Outside tolerance", "led-out"],
      ["Last report", "led-last"], ["Reports sent", "led-reports"], ["On air", "led-bytes"]];
    this.root.replaceChildren(
      el("div", { class: "drawer-head" },
        el("div", {}, el("h2", { id: "node-name" }), el("p", { id: "node-place" })),
        el("button", { type: "button", class: "close", id: "node-close", "aria-label": "Close this node", onclick: () => this.close() }, "×")),
      el("p", { class: "state", id: "node-state" }),
      el("div", { class: "readings", role: "radiogroup", "aria-label": "Values now; choose one to draw" }, ...readings),
      el("div", { class: "node-chart", id: "node-chart", role: "img" }),
      el("ul", { class: "keys node-keys", id: "node-keys" }),
      el("dl", { class: "ledger" }, ...ledger.map(([term, id]) => el("div", {}, el("dt", {}, term), el("dd", { id }, DASH)))),
    );
    this.look = "";
  }

  update(state, force = false) {
    if (this.id === null) return;
    this.state = state;
    const { snapshot } = state;
    const node = snapshot.nodes.find((n) => n.id === this.id);
    if (!node) {
      this.close();
      return;
    }
    setText(byId("node-name"), node.name);
    const made = [node.synthetic ? " · synthetic weather" : "", snapshot.demo && "batt_mv" in snapshot.tolerance ? " · simulated battery" : ""];
    setText(byId("node-place"), place(node) + made.join(""));
    this.renderState(node, snapshot.field.time_us);
    for (const v of this.drawn) setText(byId(`reading-v-${v.key}`), number(node[v.key], v.digits));
    this.entry("led-ffmc", number(node.ffmc, 1), "hourly, 0..101");
    this.entry("led-isi", number(node.isi, 1), "fires spread from about 5");
    this.entry("led-anomaly", number(node.anomaly, 0), CAUSES[node.cause], node.cause !== "none");
    this.entry("led-last", node.last_report_us === null ? "never" : shortAge(node.last_report_us, snapshot.field.time_us), "ago");
    this.entry("led-reports", whole(node.reports), node.reports ? `${bytes(node.rf_bytes / node.reports)} each, all frames` : "");
    this.entry("led-bytes", bytes(node.rf_bytes), "since start");
    if (force || Date.now() - this.askedMs > REFRESH_MS) this.ask();
  }

  renderState(node, nowUs) {
    const box = byId("node-state");
    const { means } = PROVENANCES.find((p) => p.key === node.provenance);
    const since = node.since_us === null ? "" : sinceWords(node, nowUs);
    const text = `${node.provenance}|${means}${since}`;
    if (box.dataset.text === text) return;
    box.dataset.text = text;
    box.dataset.p = node.provenance;
    box.replaceChildren(icon(node.provenance, "var(--accent)"), el("span", {}, el("b", {}, node.provenance), `: ${means}${since}`));
  }

  entry(id, text, small, bad = false) {
    const node = byId(id);
    node.classList.toggle("bad", bad);
    if (node.dataset.text === `${text}|${small}`) return;
    node.dataset.text = `${text}|${small}`;
    node.replaceChildren(text, el("small", {}, small));
  }

  async ask() {
    if (this.asking) return;
    const [id, channel] = [this.id, this.channel];
    this.asking = true;
    this.askedMs = Date.now();
    try {
      const answer = await fetch(`/api/series/${id}/${channel}?hours=${HOURS}`);
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.error);
      if (this.id === id && this.channel === channel) this.renderSeries(body);
    } catch (error) {
      if (this.id === id) this.entry("led-now", DASH, `no series: ${error.message}`);
    } finally {
      this.asking = false;
    }
    if (this.id !== null && (this.id !== id || this.channel !== channel)) await this.ask();
  }

  renderSeries({ series, stats, hours }) {
    const v = variable(series.channel);
    const last = (list) => (Array.isArray(list) ? list.at(-1) : list);
    const limit = last(series.tolerance);
    const window = `in ${hours} h`;
    const unit = (value) => `${number(value, v.digits < 2 ? v.digits + 1 : v.digits)} ${v.unit}`;
    const known = stats.error_now !== null;
    const against = limit === null || limit === undefined ? "no tolerance promised" : `tolerance ±${number(limit, v.digits)} ${v.unit}${v.key === "vpd_kpa" ? ", from temp and RH" : ""}`;
    const beyond = (value) => known && typeof limit === "number" && value > limit;
    this.entry("led-now", known ? unit(stats.error_now) : DASH, known ? against : "truth not known here", beyond(stats.error_now));
    this.entry("led-max", known ? unit(stats.error_max) : DASH, known ? `${window}, rms ${unit(stats.error_rms)}` : "", stats.outside_share > 0);
    this.entry("led-out", stats.outside_share === null ? DASH : percent(100 * stats.outside_share), stats.outside_share === null ? "" : `of samples ${window}`, stats.outside_share > 0);
    this.renderKeys(series);
    byId("node-chart").setAttribute("aria-label", `${v.long} over ${hours} hours: ${known ? `largest error ${unit(stats.error_max)}` : "reconstructed values"}`);
    drawSeries(byId("node-chart"), series, v, this.state.snapshot.field.time_us, hours);
  }

  renderKeys(series) {
    const keys = ["replicas hold", ...(series.tolerance === null ? [] : ["tolerance"]), ...(series.true === null ? [] : ["measured at the node"]), "report on air"];
    if (this.look === keys.join()) return;
    this.look = keys.join();
    byId("node-keys").replaceChildren(...keys.map((word) => el("li", { class: "key", "data-key": word.split(" ")[0] }, word)));
  }
}
