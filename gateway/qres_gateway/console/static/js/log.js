// SPDX-License-Identifier: Apache-2.0
// The event log, newest first.

import { byId, el, setText } from "./dom.js";
import { clock, day } from "./format.js";

const GLYPHS = { danger: "▲", notice: "◆", info: "·" };

let shown = "";

export function renderLog({ events, nodes }, onNode) {
  const last = events.at(-1);
  const look = `${events.length}/${last?.id}/${events[0]?.id}`;
  if (look === shown) return;
  shown = look;
  const names = new Map(nodes.map((n) => [n.id, n.name]));
  const lines = [];
  let today = null;
  for (const event of [...events].reverse()) {
    const date = day(event.time_us);
    if (date !== today) lines.push(el("li", { class: "day" }, date));
    today = date;
    lines.push(line(event, names, onNode));
  }
  byId("log").replaceChildren(...lines);
  const serious = events.filter((e) => e.severity === "danger").length;
  setText(byId("log-note"), events.length ? `${events.length} shown, ${serious} serious` : "nothing has happened yet");
}

function line(event, names, onNode) {
  const who = event.node === null || !names.has(event.node) ? null
    : el("button", { type: "button", onclick: () => onNode(event.node) }, names.get(event.node));
  return el("li", { "data-s": event.severity },
    el("time", { datetime: new Date(event.time_us / 1000).toISOString() }, clock(event.time_us)),
    el("span", { class: "kind", title: event.severity, role: "img", "aria-label": event.severity }, GLYPHS[event.severity]),
    el("span", {}, event.kind === "info" ? event.text : `${event.kind}: ${event.text}`, ...(who ? [" · ", who] : [])));
}
