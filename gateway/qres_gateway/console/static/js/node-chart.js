// SPDX-License-Identifier: Apache-2.0
// One node and channel through time: what replicas hold, its tolerance band, the truth in a demo,
// and the moments at which a report was on air.

import { cssVar } from "./dom.js";
import { axis, draw, fontPx, layout } from "./plot.js";

const ms = (us) => us / 1000;

function band({ time_us, reconstructed, tolerance }) {
  if (tolerance === null) return [];
  const at = (i) => (Array.isArray(tolerance) ? tolerance[i] : tolerance);
  const x = time_us.map(ms);
  const edge = (sign) => reconstructed.map((v, i) => (v === null ? null : v + sign * at(i)));
  const common = { type: "scatter", mode: "lines", x, line: { width: 0, shape: "hv" }, hoverinfo: "skip" };
  return [{ ...common, y: edge(-1) }, { ...common, y: edge(1), fill: "tonexty", fillcolor: cssVar("--band") }];
}

export function drawSeries(node, series, v, nowUs, hours) {
  const x = series.time_us.map(ms);
  const marks = series.time_us.map((_, i) => i).filter((i) => series.reported[i] && series.reconstructed[i] !== null);
  const traces = [
    ...band(series),
    {
      type: "scatter", mode: "lines", name: "replicas hold", x, y: series.reconstructed, line: { color: cssVar("--accent"), width: 2, shape: "hv" },
      hovertemplate: `%{y:.${v.digits}f} ${v.unit} held<extra></extra>`,
    },
  ];
  if (series.true !== null) {
    traces.push({
      type: "scatter", mode: "lines", name: "measured", x, y: series.true, line: { color: cssVar("--truth"), width: 1.4, dash: "dot" },
      hovertemplate: `%{y:.${v.digits}f} ${v.unit} measured<extra></extra>`,
    });
  }
  traces.push({
    type: "scatter", mode: "markers", name: "report", x: marks.map((i) => x[i]), y: marks.map((i) => series.reconstructed[i]),
    marker: { symbol: "circle", size: fontPx(0.5), color: cssVar("--card"), line: { color: cssVar("--accent"), width: 2 } },
    hovertemplate: "report<extra></extra>",
  });
  return draw(node, traces, layout({
    hovermode: "x unified", margin: { l: fontPx(3), r: 8, t: 8, b: fontPx(2.6) },
    xaxis: axis({ type: "date", range: [ms(nowUs) - hours * 3600e3, ms(nowUs)], tickformat: "%H:%M\n%a %e %b", hoverformat: "%a %H:%M UTC", nticks: 6, showgrid: false }),
    yaxis: axis({ nticks: 6, ticksuffix: "" }),
  }));
}
