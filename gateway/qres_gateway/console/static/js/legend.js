// SPDX-License-Identifier: Apache-2.0
// What the colours and shapes of the map mean, its scale and its north.

import { byId, el, svg } from "./dom.js";
import { number } from "./format.js";
import { icon, PROVENANCES } from "./marks.js";
import { position, ramp } from "./variables.js";

export function renderMarks() {
  const made = icon("held");
  made.firstChild.append(svg("circle", { class: "made-up", r: 2.6 }));
  byId("marks").append(
    ...PROVENANCES.map(({ key, word, means }) => el("li", { title: means }, icon(key), word)),
    el("li", { id: "mark-synthetic", title: "weather made up from real neighbours", hidden: "" }, made, "synthetic"),
  );
}

export function renderRamp(v, [low, high]) {
  const stops = 48;
  const bars = Array.from({ length: stops }, (_, i) => {
    const value = low + ((i + 0.5) / stops) * (high - low);
    return svg("rect", { x: i, y: 0, width: 1.05, height: 1, fill: `rgb(${ramp(position(v, [low, high], value)).join(" ")})` });
  });
  const digits = v.step < 1 ? 1 : 0;
  byId("ramp").replaceChildren(
    el("span", { class: "ramp-title" }, `${v.long}, ${v.unit}`),
    el("b", {}, number(low, digits)),
    svg("svg", { viewBox: `0 0 ${stops} 1`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars),
    el("b", {}, number(high, digits)),
  );
}

/** Meridians and parallels with their names at the top and the left. */
export function gridLines(lines, width, height) {
  return svg("g", { class: "graticule", "aria-hidden": "true" }, ...lines.flatMap(({ x, y, label }) => (x === undefined
    ? [svg("line", { x1: 0, x2: width, y1: y, y2: y }), svg("text", { x: 6, y: y - 5 }, label)]
    : [svg("line", { x1: x, x2: x, y1: 0, y2: height }), svg("text", { x: x + 5, y: 14 }, label)])));
}

/** Scale bar and north arrow, bottom right; the contour note, bottom left. */
export function furniture(width, height, bar, contourStep) {
  const y = height - 16;
  const x = width - 52;
  const parts = [
    svg("path", { class: "line", d: `M${x - bar.px} ${y - 5}v5h${bar.px}v-5` }),
    svg("text", { x: x - bar.px / 2, y: y - 8, "text-anchor": "middle" }, bar.label),
    svg("path", { class: "solid", d: `M${width - 24} ${y - 26}l7 22l-7 -5z` }),
    svg("path", { class: "line", d: `M${width - 24} ${y - 26}l7 22l-7 -5l-7 5z` }),
    svg("text", { x: width - 24, y: y + 10, "text-anchor": "middle" }, "N"),
  ];
  if (contourStep && width > 520) parts.push(svg("text", { x: 14, y: y + 4 }, `Contours ${contourStep} m, between node heights`));
  return svg("g", { class: "furniture", "aria-hidden": "true" }, ...parts);
}
