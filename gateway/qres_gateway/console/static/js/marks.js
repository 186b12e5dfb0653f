// SPDX-License-Identifier: Apache-2.0
// Provenance by shape and outline, so that it is told without colour as well.

import { svg } from "./dom.js";

export const PROVENANCES = [
  { key: "reported", word: "reported", means: "received in this epoch" },
  { key: "held", word: "held", means: "quiet: every replica predicts it within the tolerance" },
  { key: "stale", word: "stale", means: "silent for longer than its deadline" },
  { key: "diverged", word: "diverged", means: "its replica is known to differ" },
  { key: "unknown", word: "unknown", means: "nothing heard yet" },
];

/** The shapes of one marker around 0,0, for a body of radius r. */
export function shapes(provenance, r) {
  switch (provenance) {
    case "reported":
      return [svg("circle", { class: "ring", r: r + 3.2 }), svg("circle", { class: "body", r })];
    case "held":
      return [svg("circle", { class: "body", r })];
    case "stale": {
      const s = r * 0.95;
      return [svg("rect", { class: "body", x: -s, y: -s, width: 2 * s, height: 2 * s })];
    }
    case "diverged": {
      const t = r * 1.4;
      return [
        svg("path", { class: "body", d: `M0 ${-t}L${t} ${t * 0.78}L${-t} ${t * 0.78}Z` }),
        svg("path", { class: "glyph", d: `M0 ${-t * 0.35}V${t * 0.22}M0 ${t * 0.5}v.1` }),
      ];
    }
    default: {
      const c = r * 0.4;
      return [
        svg("circle", { class: "body", r }),
        svg("path", { class: "glyph", d: `M${-c} ${-c}L${c} ${c}M${c} ${-c}L${-c} ${c}` }),
      ];
    }
  }
}

/** Brackets around a marker: chosen or under the pointer. Not a ring, which means reported. */
export function brackets(r) {
  const [a, b] = [r + 8, r + 2];
  const corner = (sx, sy) => `M${sx * a} ${sy * b}V${sy * a}H${sx * b}`;
  return svg("path", { class: "focus", d: corner(-1, -1) + corner(1, -1) + corner(1, 1) + corner(-1, 1) });
}

/** A marker as an inline icon of 1em. */
export function icon(provenance, fill = "var(--ink-3)") {
  const group = svg("g", { class: "node", "data-p": provenance, fill }, ...shapes(provenance, 6));
  return svg("svg", { class: "mark", viewBox: "-10 -10 20 20", "aria-hidden": "true" }, group);
}
