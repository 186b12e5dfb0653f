// SPDX-License-Identifier: Apache-2.0
// Plain local geometry: no tiles, no projection library.

const KM_PER_DEG = 111.195; // Mean Earth radius 6371 km (IUGG).

/** Kilometres east and north of the middle of the nodes; good to 1 % below 300 km. */
export function toKm(nodes) {
  const lats = nodes.map((n) => n.lat_deg);
  const lat0 = (Math.min(...lats) + Math.max(...lats)) / 2;
  const k = KM_PER_DEG * Math.cos((lat0 * Math.PI) / 180);
  const lon0 = nodes[0].lon_deg;
  // Differences are wrapped, so that a field across 180 degrees east stays in one piece.
  return nodes.map((n) => [k * (((n.lon_deg - lon0 + 540) % 360) - 180), KM_PER_DEG * (n.lat_deg - lat0)]);
}

/** Pixels for a box, with margins {top, right, bottom, left}; y down. Returns {points, pxPerKm}. */
export function fit(km, width, height, margin) {
  const xs = km.map((p) => p[0]);
  const ys = km.map((p) => p[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const w = width - margin.left - margin.right;
  const h = height - margin.top - margin.bottom;
  const pxPerKm = Math.max(0.01, Math.min(w / Math.max(x1 - x0, 0.2), h / Math.max(y1 - y0, 0.2)));
  const cx = margin.left + w / 2;
  const cy = margin.top + h / 2;
  const points = km.map(([x, y]) => [cx + (x - (x0 + x1) / 2) * pxPerKm, cy - (y - (y0 + y1) / 2) * pxPerKm]);
  return { points, pxPerKm };
}

/** Where round meridians and parallels cross the box: [{x|y, label}], for at most about five each. */
export function graticule(nodes, points, width, height) {
  const [west, east] = extent(nodes.map((n) => n.lon_deg));
  const [south, north] = extent(nodes.map((n) => n.lat_deg));
  if (east - west > 180 || east === west || north === south) return [];
  const [left, right] = extent(points.map((p) => p[0]));
  const [top, bottom] = extent(points.map((p) => p[1]));
  const perLon = (right - left) / (east - west);
  const most = Math.max(2, Math.min(7, width / 130));
  const perLat = (bottom - top) / (north - south);
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((s) => Math.max(width / perLon, height / perLat) / s <= most) ?? 10;
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const name = (deg, signs) => `${Math.abs(deg).toFixed(digits)}° ${signs[deg < 0 ? 1 : 0]}`;
  const lines = [];
  for (let lon = Math.ceil((west - left / perLon) / step) * step; ; lon += step) {
    const x = left + (lon - west) * perLon;
    if (x > width) break;
    lines.push({ x, label: name(lon, "EW") });
  }
  for (let lat = Math.ceil((south - (height - bottom) / perLat) / step) * step; ; lat += step) {
    const y = bottom - (lat - south) * perLat;
    if (y < 0) break;
    lines.push({ y, label: name(lat, "NS") });
  }
  return lines;
}

const extent = (list) => [Math.min(...list), Math.max(...list)];

/** Convex hull, clockwise on a screen (Andrew's monotone chain). */
export function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
  const half = (list) => {
    const chain = [];
    for (const p of list) {
      while (chain.length > 1 && cross(chain.at(-2), chain.at(-1), p) <= 0) chain.pop();
      chain.push(p);
    }
    chain.pop();
    return chain;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/** The hull grown by r pixels with round corners, as an SVG path. */
export function grownPath(points, r) {
  const ring = hull(points);
  if (ring.length < 2) {
    const [x, y] = points[0];
    return `M${x - r} ${y}a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0Z`;
  }
  const parts = ring.map((p, i) => {
    const q = ring[(i + 1) % ring.length];
    const d = Math.hypot(q[0] - p[0], q[1] - p[1]);
    const [nx, ny] = [(r * (q[1] - p[1])) / d, (-r * (q[0] - p[0])) / d];
    const f = (v) => v.toFixed(1);
    const start = `${f(p[0] + nx)} ${f(p[1] + ny)}`;
    return `${i ? `A${r} ${r} 0 0 1 ${start}` : `M${start}`}L${f(q[0] + nx)} ${f(q[1] + ny)}`;
  });
  const first = parts[0].slice(1).split("L")[0];
  return `${parts.join("")}A${r} ${r} 0 0 1 ${first}Z`;
}

/** A round length for a scale bar of at most maxPx: {km, px, label}. */
export function scaleBar(pxPerKm, maxPx) {
  const most = maxPx / pxPerKm;
  const power = 10 ** Math.floor(Math.log10(most));
  const km = [5, 2, 1].map((m) => m * power).find((length) => length <= most);
  return { km, px: km * pxPerKm, label: km < 1 ? `${Math.round(km * 1000)} m` : `${km} km` };
}
