// SPDX-License-Identifier: Apache-2.0
// Colour between the nodes (inverse distance) and contours of their heights. Both are for the
// eye only: the values that count are at the markers.

import { position, ramp } from "./variables.js";

const CELL = 8;

/** Weighted mean at x, y; softened, so that a node does not become a bull's-eye. */
export function between(points, values, soft, x, y) {
  let sum = 0;
  let weights = 0;
  for (let i = 0; i < points.length; i += 1) {
    const d2 = (points[i][0] - x) ** 2 + (points[i][1] - y) ** 2 + soft * soft;
    const w = 1 / (d2 * d2);
    sum += w * values[i];
    weights += w;
  }
  return sum / weights;
}

/** A softening length: a third of the mean spacing of n points on an area. */
export const softness = (width, height, n) => 0.33 * Math.sqrt((width * height) / Math.max(n, 1));

export function paint(canvas, path, points, values, v, domain) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!points.length) return;
  const columns = Math.ceil(width / CELL) + 1;
  const rows = Math.ceil(height / CELL) + 1;
  const image = new ImageData(columns, rows);
  const soft = softness(width, height, points.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = between(points, values, soft, column * CELL, row * CELL);
      image.data.set([...ramp(position(v, domain, value)), 255], 4 * (row * columns + column));
    }
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  context.scale(scale, scale);
  context.clip(new Path2D(path));
  context.imageSmoothingQuality = "high";
  context.drawImage(small, -CELL / 2, -CELL / 2, columns * CELL, rows * CELL);
}

/** A round step that gives about six levels. */
export function contourStep(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough);
}

/** Contour segments as one SVG path (marching squares over the cells of a grid). */
export function contours(points, heights, width, height) {
  const low = Math.min(...heights);
  const high = Math.max(...heights);
  if (high - low < 20) return { path: "", step: null };
  const step = contourStep(low, high);
  const soft = softness(width, height, points.length);
  const cell = 2 * CELL;
  const columns = Math.ceil(width / cell) + 1;
  const rows = Math.ceil(height / cell) + 1;
  const grid = [];
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) grid.push(between(points, heights, soft, c * cell, r * cell));
  }
  const parts = [];
  for (let level = Math.ceil(low / step) * step; level < high; level += step) {
    for (let r = 0; r + 1 < rows; r += 1) {
      for (let c = 0; c + 1 < columns; c += 1) {
        const k = r * columns + c;
        parts.push(...cellLine([grid[k], grid[k + 1], grid[k + columns + 1], grid[k + columns]], level, c * cell, r * cell, cell));
      }
    }
  }
  return { path: parts.join(""), step };
}

/** The line of one level through one cell; corners clockwise from the top left. */
function cellLine(corners, level, x, y, size) {
  const at = [[0, 0], [1, 0], [1, 1], [0, 1]];
  const hits = [];
  for (let i = 0; i < 4; i += 1) {
    const j = (i + 1) % 4;
    const [a, b] = [corners[i], corners[j]];
    if (a < level === b < level) continue;
    const f = (level - a) / (b - a);
    hits.push([x + size * (at[i][0] + f * (at[j][0] - at[i][0])), y + size * (at[i][1] + f * (at[j][1] - at[i][1]))]);
  }
  const lines = [];
  for (let i = 0; i + 1 < hits.length; i += 2) {
    lines.push(`M${hits[i].map((v) => v.toFixed(1)).join(" ")}L${hits[i + 1].map((v) => v.toFixed(1)).join(" ")}`);
  }
  return lines;
}
