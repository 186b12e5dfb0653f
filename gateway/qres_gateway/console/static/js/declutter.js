// SPDX-License-Identifier: Apache-2.0
// Keeps markers apart and puts values beside them without covering anything.

/** Moves points until they are `gap` px apart, pulled back to where they belong. */
export function spread(points, gap, width, height, rounds = 80) {
  const placed = points.map((p, i) => [p[0] + Math.cos(i * 2.4) * 0.01, p[1] + Math.sin(i * 2.4) * 0.01]);
  for (let round = 0; round < rounds; round += 1) {
    let moved = 0;
    for (let i = 0; i < placed.length; i += 1) {
      for (let j = i + 1; j < placed.length; j += 1) {
        const dx = placed[j][0] - placed[i][0];
        const dy = placed[j][1] - placed[i][1];
        const d = Math.hypot(dx, dy);
        if (d >= gap) continue;
        const push = (gap - d) / 2 / (d || 1);
        placed[i][0] -= dx * push;
        placed[i][1] -= dy * push;
        placed[j][0] += dx * push;
        placed[j][1] += dy * push;
        moved += 1;
      }
    }
    for (const p of placed) {
      p[0] = Math.min(width - gap / 2, Math.max(gap / 2, p[0]));
      p[1] = Math.min(height - gap / 2, Math.max(gap / 2, p[1]));
    }
    if (!moved) break;
  }
  return placed;
}

const overlaps = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/**
 * Greedy label places. items: [{x, y, r, w, h, rank}], lower rank first; blocked: boxes to avoid.
 * Returns per item {x, y, anchor} of the text's middle line, or null where there is no room.
 */
export function labelPlaces(items, width, height, blocked = []) {
  const boxes = [...blocked, ...items.map((m) => ({ x: m.x - m.r, y: m.y - m.r, w: 2 * m.r, h: 2 * m.r }))];
  const result = new Array(items.length).fill(null);
  const order = items.map((_, i) => i).sort((a, b) => items[a].rank - items[b].rank);
  for (const i of order) {
    const { x, y, r, w, h } = items[i];
    const g = r + 3;
    const tries = [
      { x: x + g, y: y - h / 2, anchor: "start", tx: x + g },
      { x: x - g - w, y: y - h / 2, anchor: "end", tx: x - g },
      { x: x - w / 2, y: y - g - h, anchor: "middle", tx: x },
      { x: x - w / 2, y: y + g, anchor: "middle", tx: x },
    ];
    for (const t of tries) {
      const box = { x: t.x, y: t.y, w, h };
      if (t.x < 2 || t.y < 2 || t.x + w > width - 2 || t.y + h > height - 2) continue;
      if (boxes.some((other, k) => k !== blocked.length + i && overlaps(box, other))) continue;
      boxes.push(box);
      result[i] = { x: t.tx, y: t.y + h / 2, anchor: t.anchor };
      break;
    }
  }
  return result;
}
