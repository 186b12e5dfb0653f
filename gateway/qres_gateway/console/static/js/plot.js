// SPDX-License-Identifier: Apache-2.0
// What all charts share: theme, fonts, and plotly's switches.

import { cssVar } from "./dom.js";

export const CONFIG = { displayModeBar: false, responsive: true, displaylogo: false, locale: "en" };

export function fontPx(rem) {
  return rem * parseFloat(getComputedStyle(document.documentElement).fontSize);
}

export function axis(extra = {}) {
  return {
    gridcolor: cssVar("--edge"), linecolor: cssVar("--edge-2"), zeroline: false, fixedrange: true,
    tickfont: { size: fontPx(0.8), color: cssVar("--ink-2") }, automargin: false, ...extra,
  };
}

export function layout(extra = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: fontPx(0.8), color: cssVar("--ink-2") },
    hoverlabel: { bgcolor: cssVar("--card-2"), bordercolor: cssVar("--edge-2"), font: { color: cssVar("--ink"), size: fontPx(0.85) } },
    ...extra,
  };
}

/** plotly.js comes from a classic deferred script, which runs before modules do. */
export const draw = (node, traces, settings) => window.Plotly.react(node, traces, settings, CONFIG);
