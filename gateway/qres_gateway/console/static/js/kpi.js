// SPDX-License-Identifier: Apache-2.0
// The three answers at the top: is the field healthy, where is it dangerous, what did it cost.

import { byId, el, setAttr, setText, svg } from "./dom.js";
import { ago, airtime, clock, DASH, day, duration, number, percent, whole } from "./format.js";
import { icon, PROVENANCES } from "./marks.js";
import { colour, domainOf, isLive, variable } from "./variables.js";

const BULLET_AT = 0.8; // Where the promise stands on the bar; the rest shows an overrun.

const VERDICTS = {
  healthy: { glyph: "M4 10.5l4 4 8-9", words: () => "All replicas agree" },
  attention: { glyph: "M10 4v7M10 15v.2", words: (c, health) => attention(c, health) },
  diverged: { glyph: "M5 5l10 10M15 5L5 15", words: (c) => diverged(c) },
  waiting: { glyph: "M5 10h.2M10 10h.2M15 10h.2", words: () => "Waiting for first reports" },
};

function attention(counts, health) {
  const parts = [];
  if (health.replicas_equal === false) parts.push("some reports were lost");
  if (counts.stale) parts.push(`${counts.stale} silent past deadline`);
  if (counts.unknown) parts.push(`${counts.unknown} never heard`);
  return parts.join(", ");
}

function diverged(counts) {
  return counts.diverged === 1 ? "1 node diverged" : `${counts.diverged} nodes diverged`;
}

function renderHealth({ snapshot, summary }) {
  const { counts, state } = summary;
  const total = snapshot.nodes.length;
  byId("health").dataset.state = state;
  setText(byId("live-count"), total ? String(counts.reported + counts.held) : DASH);
  setText(byId("live-of"), `/${total} live`);
  const verdict = VERDICTS[state];
  const mark = byId("verdict-mark");
  if (mark.dataset.state !== state) {
    mark.dataset.state = state;
    mark.replaceChildren(svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" },
      svg("path", { d: verdict.glyph, fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round" })));
  }
  setText(byId("verdict"), verdict.words(counts, snapshot.health));
  for (const { key } of PROVENANCES) {
    byId(`prov-${key}`).dataset.zero = String(counts[key] === 0);
    setText(byId(`prov-n-${key}`), String(counts[key]));
    byId(`prov-bar-${key}`).style.flexBasis = `${total ? (100 * counts[key]) / total : 0}%`;
  }
  renderFacts(snapshot);
}

function renderFacts({ health, field }) {
  const equal = health.replicas_equal;
  const replicas = byId("fact-replicas");
  replicas.className = equal === false ? "bad" : "";
  const words = equal === null ? "not compared yet" : equal ? "equal on all replicas" : "not equal on all replicas";
  const text = `${words}|${health.digest}`;
  if (replicas.dataset.text !== text) {
    replicas.dataset.text = text;
    replicas.replaceChildren(...(health.digest ? [el("code", {}, health.digest), " "] : []), words);
  }
  const checks = byId("fact-checks");
  checks.className = health.divergences ? "bad" : "";
  setText(checks, `${whole(health.divergences)} in ${whole(health.digests_checked)} checks`);
  const last = health.last_checkpoint_us;
  const era = health.era === null ? "" : `, era ${day(health.era * 86400e6)}`;
  setText(byId("fact-checkpoint"), last === null ? "none yet" : `${clock(last)}, ${ago(last, field.time_us)}${era}`);
}

const TILES = [
  { key: "vpd_kpa", label: "Driest air (VPD)", from: "max_vpd_kpa" },
  { key: "temp_degc", label: "Hottest", from: "max_temp_degc" },
  { key: "rh_pct", label: "Lowest RH", from: "min_rh_pct" },
  { key: "wind_m_s", label: "Windiest", from: "max_wind_m_s" },
];

/** A rail with one tick per live node: the spread of the field beside its extreme. */
function strip(v, nodes, extreme) {
  const [low, high] = domainOf(v, nodes);
  const ticks = nodes.filter((n) => isLive(n) && n[v.key] !== null).map((n) => {
    const at = 1.5 + (97 * (n[v.key] - low)) / (high - low);
    const on = extreme && n.id === extreme.node;
    return { at, on, fill: colour(v, [low, high], n[v.key]) };
  }).sort((a, b) => a.on - b.on);
  return [
    svg("line", { x1: "0", x2: "100%", y1: "50%", y2: "50%", stroke: "var(--edge-2)", "stroke-width": 1 }),
    ...ticks.map((t) => svg("line", {
      x1: `${t.at}%`, x2: `${t.at}%`, y1: t.on ? "0" : "24%", y2: t.on ? "100%" : "76%",
      stroke: t.fill, "stroke-width": t.on ? 5 : 2.5,
    })),
  ];
}

function renderTiles({ snapshot, summary }, onNode) {
  for (const { key, from } of TILES) {
    const v = variable(key);
    const extreme = summary[from];
    const tile = byId(`tile-${key}`);
    const node = extreme && snapshot.nodes.find((n) => n.id === extreme.node);
    setText(byId(`tile-v-${key}`), number(extreme?.value, v.digits === 2 ? 2 : v.digits));
    setText(byId(`tile-p-${key}`), node ? node.name : "no live value");
    tile.disabled = !node;
    tile.onclick = node ? () => onNode(node.id, key) : null;
    const [low, high] = domainOf(v, snapshot.nodes);
    const rail = byId(`tile-s-${key}`);
    const look = JSON.stringify([low, high, snapshot.nodes.map((n) => isLive(n) && n[key])]);
    if (rail.dataset.look === look) continue;
    rail.dataset.look = look;
    rail.replaceChildren(...strip(v, snapshot.nodes, extreme));
    setText(byId(`tile-lo-${key}`), number(low, v.step < 1 ? 1 : 0));
    setText(byId(`tile-hi-${key}`), number(high, v.step < 1 ? 1 : 0));
  }
}

/** Regime and indices of the field; nothing is shown where the gateway does not compute them. */
function renderFire({ regime, fire }) {
  const badge = byId("regime");
  badge.hidden = regime === null;
  badge.dataset.regime = regime ?? "";
  setText(badge, regime ?? "");
  const learning = fire && fire.days < 7 ? ` (learns the climate, day ${fire.days} of 7)` : "";
  setText(byId("fire-line"), fire ? `FFMC ${number(fire.ffmc, 1)} · ISI ${number(fire.isi, 1)} · field anomaly ${number(fire.anomaly, 0)}${learning}` : "");
}

function renderRadio({ snapshot, summary }) {
  const { rf } = snapshot;
  const hour = rf.last_hour;
  setText(byId("radio-span"), hour.span_s >= 3600 ? "in the last hour" : `in the first ${duration(hour.span_s * 1e6)}`);
  setText(byId("rf-bytes"), whole(hour.bytes));
  const used = summary.promise_used;
  setText(byId("promise-used"), used === null ? "too early for a rate" : `${whole(100 * used)} % of the promise`);
  setText(byId("promise-at"), rf.promise_bytes_per_hour === 1024 ? "1 KB/h" : `${whole(rf.promise_bytes_per_hour)} B/h`);
  byId("bullet-fill").style.width = `${Math.min(100, 100 * BULLET_AT * (used ?? 0))}%`;
  setAttr(byId("bullet"), "aria-label", `${whole(hour.bytes)} of ${whole(rf.promise_bytes_per_hour)} bytes promised per hour`);
  document.querySelector(".radio").dataset.over = String(used !== null && used > 1);
  const factor = summary.saving_factor;
  setText(byId("factor"), factor === null ? DASH : `${factor.toFixed(factor < 10 ? 1 : 0)}×`);
  setText(byId("factor-note"), factor === null ? "against periodic LoRaWAN: not known yet"
    : `fewer bytes than periodic LoRaWAN (${whole(rf.periodic_bytes_per_hour)} B/h) since start`);
  const [amount, unit] = airtime(hour.airtime_us);
  setText(byId("airtime"), amount);
  setText(byId("airtime-unit"), unit);
  const limit = rf.duty_limit_pct === null ? "" : `, ${number(rf.duty_limit_pct, rf.duty_limit_pct < 1 ? 1 : 0)} % allowed`;
  const share = summary.channel_use_pct === null ? "" : `, ${percent(summary.channel_use_pct)} of the channel`;
  const duty = rf.duty_worst_pct === null ? "" : `; busiest node ${percent(rf.duty_worst_pct)}${limit}`;
  setText(byId("airtime-note"), `on air${share}${duty}`);
}

export function startKpis() {
  byId("provlist").append(...PROVENANCES.map(({ key, word, means }) => el("li", { id: `prov-${key}`, "data-p": key, title: means },
    icon(key, key === "reported" ? "var(--accent)" : "var(--ink-2)"), el("b", { id: `prov-n-${key}` }, DASH), el("span", {}, word))));
  byId("provbar").append(...PROVENANCES.map(({ key }) => el("span", { id: `prov-bar-${key}`, "data-p": key })));
  const facts = [["Digest", "fact-replicas"], ["Divergences", "fact-checks"], ["Checkpoint", "fact-checkpoint"]];
  byId("health-facts").append(...facts.flatMap(([term, id]) => [el("dt", {}, term), el("dd", { id }, DASH)]));
  byId("tiles").append(...TILES.map(({ key, label }) => el("button", { type: "button", class: "tile", id: `tile-${key}` },
    el("span", { class: "tile-label" }, label),
    el("span", { class: "big" }, el("b", { id: `tile-v-${key}` }, DASH), el("span", { class: "unit" }, variable(key).unit)),
    el("span", { class: "tile-place", id: `tile-p-${key}` }),
    svg("svg", { class: "strip", id: `tile-s-${key}`, "aria-hidden": "true" }),
    el("span", { class: "strip-ends", "aria-hidden": "true" }, el("span", { id: `tile-lo-${key}` }), el("span", { id: `tile-hi-${key}` })))));
}

export function renderKpis(state, onNode) {
  renderHealth(state);
  renderTiles(state, onNode);
  renderFire(state.snapshot);
  renderRadio(state);
}
