// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them. null is a dash, never 0. Times are field time in UTC.

export const DASH = "—";
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function number(value, digits) {
  if (value === null || value === undefined) return DASH;
  return value.toFixed(digits).replace("-", "−");
}

export const whole = (value) => (value === null || value === undefined ? DASH : WHOLE.format(value));

/** 1 KB is 1,024 bytes here, as in the promise. */
export function bytes(value) {
  if (value === null || value === undefined) return DASH;
  if (value < 10240) return `${WHOLE.format(value)} B`;
  if (value < 1048576) return `${(value / 1024).toFixed(1)} KB`;
  return `${(value / 1048576).toFixed(1)} MB`;
}

/** "12.4" and "s": the number apart from its unit, so that they can be set in two sizes. */
export function airtime(us) {
  if (us === null || us === undefined) return [DASH, ""];
  const s = us / 1e6;
  if (s < 100) return [s.toFixed(1), "s"];
  if (s < 6000) return [(s / 60).toFixed(1), "min"];
  return [(s / 3600).toFixed(1), "h"];
}

export function percent(value) {
  if (value === null || value === undefined) return DASH;
  if (value === 0) return "0 %";
  if (value > 0 && value < 0.01) return "< 0.01 %";
  return `${value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0)} %`;
}

export function duration(us) {
  const minutes = Math.floor(us / 6e7);
  if (minutes < 1) return "under a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric",
});

export const clock = (us) => CLOCK.format(us / 1000);
export const day = (us) => DAY.format(us / 1000);
export const date = (us) => DATE.format(us / 1000);

export function ago(us, nowUs) {
  return us === null ? DASH : `${duration(Math.max(0, nowUs - us))} ago`;
}

/** "12m", "3h", "2d": for narrow columns. */
export function shortAge(us, nowUs) {
  if (us === null) return DASH;
  const minutes = Math.max(0, Math.floor((nowUs - us) / 6e7));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
  return `${Math.floor(minutes / 1440)} d`;
}

export function place(node) {
  const lat = `${Math.abs(node.lat_deg).toFixed(4)}° ${node.lat_deg < 0 ? "S" : "N"}`;
  const lon = `${Math.abs(node.lon_deg).toFixed(4)}° ${node.lon_deg < 0 ? "W" : "E"}`;
  const height = node.elev_m === null ? "height unknown" : `${whole(node.elev_m)} m`;
  return `node ${node.id} · ${lat}, ${lon} · ${height}`;
}
