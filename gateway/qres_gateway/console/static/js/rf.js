// SPDX-License-Identifier: Apache-2.0
// Bytes per hour by frame type against the promise and against periodic LoRaWAN. The two yardsticks
// are a factor apart, so the scale is broken: a linear part up to the promise, a band for periodic.

import { byId, cssVar, el, setAttr, setText, svg } from "./dom.js";
import { airtime, bytes, whole } from "./format.js";
import { axis, draw, fontPx, layout } from "./plot.js";

const SHOWN_HOURS = 24;
const HOUR_US = 3600e6;
const TYPES = [
  { key: "report", id: "rf-key-report", name: "reports", colour: "--report", hatch: "" },
  { key: "beacon", id: "rf-key-beacon", name: "beacons", colour: "--beacon", hatch: "/" },
  { key: "checkpoint", id: "rf-key-checkpoint", name: "checkpoints", colour: "--checkpoint", hatch: "x" },
  { key: "relay", id: "rf-key-relay", name: "relayed", colour: "--relay", hatch: "\\" },
];

const sum = (byType) => Object.values(byType).reduce((a, b) => a + b, 0);

/** The hours on show, ending with the one that is filling; an empty slot before the first. */
function slots(rf, nowUs) {
  const last = Math.floor(nowUs / HOUR_US) * HOUR_US;
  const known = new Map(rf.hours.map((hour) => [hour.start_us, hour]));
  return Array.from({ length: SHOWN_HOURS }, (_, i) => {
    const start = last - (SHOWN_HOURS - 1 - i) * HOUR_US;
    return { start, hour: known.get(start) ?? null, filling: start === last };
  });
}

/** A field without relays has no place for them in its legend. */
function present(shown) {
  return TYPES.filter(({ key }) => key !== "relay" || shown.some((s) => s.hour?.bytes.relay));
}

function bars(shown) {
  return present(shown).map(({ key, name, colour, hatch }) => ({
    type: "bar", name, x: shown.map((s) => (s.start + HOUR_US / 2) / 1000),
    y: shown.map((s) => (s.hour ? (s.hour.bytes[key] ?? 0) : null)),
    width: HOUR_US / 1000 * 0.82,
    marker: {
      color: cssVar(colour), opacity: shown.map((s) => (s.filling ? 0.5 : 1)),
      pattern: { shape: hatch, fgcolor: cssVar("--card"), size: 5, solidity: 0.35, fillmode: "overlay" },
    },
    hovertemplate: `%{y:,} B ${name}<extra></extra>`,
  }));
}

function level(y, colour, dash, yref) {
  return { type: "line", xref: "paper", x0: 0, x1: 1, yref, y0: y, y1: y, line: { color: colour, width: 2, dash } };
}

function note(text, y, yref, colour, yshift) {
  return { text, xref: "paper", x: 1, xanchor: "right", y, yref, yshift, showarrow: false, bgcolor: cssVar("--card"), borderpad: 1, font: { color: colour, size: fontPx(0.85) } };
}

function settings(shown, rf) {
  const sums = shown.map((s) => (s.hour ? sum(s.hour.bytes) : 0));
  const promise = rf.promise_bytes_per_hour;
  const periodic = rf.periodic_bytes_per_hour;
  const top = Math.max(1.22 * promise, 1.1 * Math.max(...sums));
  const broken = periodic !== null && periodic > 1.25 * top;
  const ink = cssVar("--ink");
  const quiet = cssVar("--ink-2");
  const shapes = [level(promise, ink, "solid", "y")];
  const words = promise === 1024 ? "1 KB/h promised" : `${whole(promise)} B/h promised`;
  const annotations = [note(words, promise, "y", ink, fontPx(0.75))];
  if (periodic !== null) {
    shapes.push(level(periodic, quiet, "dash", broken ? "y2" : "y"));
    annotations.push(note(`periodic LoRaWAN would send ${whole(periodic)} B/h`, periodic, broken ? "y2" : "y", quiet, fontPx(0.75)));
  }
  if (broken) shapes.push(...breakMark(quiet));
  return layout({
    barmode: "stack", bargap: 0, hovermode: "x unified",
    margin: { l: fontPx(3.6), r: 4, t: 4, b: fontPx(1.7) },
    xaxis: axis({
      type: "date", range: [shown[0].start / 1000, (shown.at(-1).start + HOUR_US) / 1000], tickformat: "%H:%M", hoverformat: "%H:%M",
      nticks: Math.max(3, Math.floor(byId("rf-chart").clientWidth / fontPx(3.6))), tickangle: 0, showgrid: false, anchor: "y",
    }),
    yaxis: axis({ domain: broken ? [0, 0.77] : [0, 1], range: [0, broken || periodic === null ? top : Math.max(top, 1.2 * periodic)], nticks: 5, tickformat: ",", rangemode: "tozero" }),
    yaxis2: axis({ domain: [0.84, 1], visible: broken, range: broken ? [periodic * 0.98, periodic * 1.06] : [0, 1], tickvals: broken ? [periodic] : [], tickformat: ",.0f", anchor: "x", showgrid: false }),
    shapes, annotations,
  });
}

/** Two short strokes on the axis at the break. */
function breakMark(colour) {
  return [0.79, 0.815].map((y) => ({
    type: "line", xref: "paper", yref: "paper", x0: -0.008, x1: 0.012, y0: y - 0.012, y1: y + 0.012, line: { color: colour, width: 1.5 },
  }));
}

let looks = "";

export function renderRf({ snapshot }, force = false) {
  const { rf, field } = snapshot;
  renderText(rf);
  const shown = slots(rf, field.time_us);
  const now = JSON.stringify([shown, rf.promise_bytes_per_hour, rf.periodic_bytes_per_hour]);
  if (now === looks && !force) return;
  looks = now;
  byId("rf-key-relay").hidden = present(shown).length < TYPES.length;
  draw(byId("rf-chart"), bars(shown), settings(shown, rf));
}

function renderText(rf) {
  const [time, unit] = airtime(rf.total_airtime_us);
  const totals = byId("rf-totals");
  const over = rf.hours.slice(-SHOWN_HOURS).filter((hour) => sum(hour.bytes) > rf.promise_bytes_per_hour).length;
  const late = over ? `; ${over} of the last ${Math.min(SHOWN_HOURS, rf.hours.length)} hours over the promise` : "";
  const text = `${bytes(rf.total_bytes)} in ${whole(rf.total_frames)} frames, ${time} ${unit} on air since start${late}`;
  if (totals.dataset.text !== text) {
    totals.dataset.text = text;
    totals.replaceChildren(el("b", {}, bytes(rf.total_bytes)), ` in ${whole(rf.total_frames)} frames, `, el("b", {}, `${time} ${unit}`), ` on air since start${late}`);
  }
  const refused = Object.entries(rf.refused).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const total = refused.reduce((so_far, [, n]) => so_far + n, 0);
  const reasons = refused.map(([reason, n]) => `${reason} ${whole(n)}`).join(", ");
  setText(byId("rf-refused"), total ? `Refused frames: ${whole(total)} (${reasons})` : "Refused frames: none");
}

export function startRf() {
  byId("rf-keys").append(...TYPES.map(({ id, name, colour, hatch }) => el("li", { id }, swatch(colour, hatch), name)));
  setAttr(byId("rf-chart"), "data-ready", "true");
}

function swatch(colour, hatch) {
  const strokes = { "/": "M0 10L10 0", "\\": "M0 0L10 10", x: "M0 10L10 0M0 0L10 10" };
  return svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" },
    svg("rect", { width: 10, height: 10, rx: 1.5, fill: `var(${colour})` }),
    ...(strokes[hatch] ? [svg("path", { d: strokes[hatch], stroke: "var(--card)", "stroke-width": 1.6 })] : []));
}
