// SPDX-License-Identifier: Apache-2.0
// The variables on the map and in the table. Bright is always the dry, hot, windy side; on rain,
// where more means wetter, bright is more rain.

import { cssVar } from "./dom.js";

export const VARIABLES = [
  { key: "vpd_kpa", name: "VPD", long: "Vapour pressure deficit", unit: "kPa", digits: 2, span: 0.8, step: 0.2, floor: 0 },
  { key: "temp_degc", name: "Temp", long: "Air temperature", unit: "°C", digits: 1, span: 5, step: 1 },
  { key: "rh_pct", name: "RH", long: "Relative humidity", unit: "%", digits: 0, span: 20, step: 5, floor: 0, ceiling: 100, flip: true },
  { key: "wind_m_s", name: "Wind", long: "Wind speed, 10-min mean", unit: "m/s", digits: 1, span: 4, step: 1, floor: 0 },
  { key: "ffmc", name: "FFMC", long: "Fine Fuel Moisture Code, hourly", unit: "", digits: 1, span: 8, step: 2, floor: 0, ceiling: 101, drawn: false, late: true },
  { key: "anomaly", name: "Score", long: "Anomaly score: 50 is once in 100 hours", unit: "", digits: 0, span: 100, step: 25, floor: 0, ceiling: 100, drawn: false },
  { key: "rain_mm", name: "Rain", long: "Rain, last 24 h", unit: "mm", digits: 1, span: 2, step: 1, floor: 0 },
];

/** In the table and the panel of a node, not on the map; of fields whose nodes report it. */
const BATTERY = { key: "batt_mv", name: "Battery", long: "Battery voltage", unit: "mV", digits: 0 };

const extras = (snapshot) => ("batt_mv" in snapshot.tolerance ? [BATTERY] : []);

/** Columns of the table. */
export const tabled = (snapshot) => [...VARIABLES, ...extras(snapshot)];

/** Those whose past is kept, so that the panel of a node can draw them. */
export const drawn = (snapshot) => tabled(snapshot).filter((v) => v.drawn !== false);

export const variable = (key) => [...VARIABLES, BATTERY].find((v) => v.key === key);

// Viridis at tenths (van der Walt and Smith, matplotlib, CC0): even in lightness and readable
// with every common colour blindness.
const VIRIDIS = ["#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725"]
  .map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/** [r, g, b] at 0..1. */
export function ramp(t) {
  const x = Math.min(1, Math.max(0, t)) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(x), VIRIDIS.length - 2);
  const f = x - i;
  return VIRIDIS[i].map((c, k) => Math.round(c + f * (VIRIDIS[i + 1][k] - c)));
}

export function colour(v, domain, value) {
  if (value === null) return cssVar("--card");
  const [r, g, b] = ramp(position(v, domain, value));
  return `rgb(${r} ${g} ${b})`;
}

export function position(v, [low, high], value) {
  const t = (value - low) / (high - low);
  return v.flip ? 1 - t : t;
}

export const isLive = (node) => node.provenance === "reported" || node.provenance === "held";

/** Round limits around the live values, at least `span` wide so that calm air stays one colour. */
export function domainOf(v, nodes) {
  const values = nodes.filter(isLive).map((n) => n[v.key]).filter((x) => x !== null);
  if (!values.length) return [v.floor ?? 0, (v.floor ?? 0) + v.span];
  let low = Math.floor(Math.min(...values) / v.step) * v.step;
  let high = Math.ceil(Math.max(...values) / v.step) * v.step;
  const missing = v.span - (high - low);
  if (missing > 0) {
    low -= Math.floor(missing / 2 / v.step) * v.step;
    high = low + v.span;
  }
  if (v.floor !== undefined && low < v.floor) [low, high] = [v.floor, Math.max(high, v.floor + v.span)];
  if (v.ceiling !== undefined && high > v.ceiling) [low, high] = [Math.min(low, v.ceiling - v.span), v.ceiling];
  return [low, high];
}
