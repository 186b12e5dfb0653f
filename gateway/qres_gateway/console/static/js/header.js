// SPDX-License-Identifier: Apache-2.0
// Name, time, what kind of data this is, and whether it is live.

import { byId, el, setText } from "./dom.js";
import { clock, date, day, duration } from "./format.js";

function facts({ field, nodes }) {
  const parts = [`${nodes.length} nodes`];
  if (field.region) parts.push(field.region);
  if (field.freq_hz) parts.push(`${(field.freq_hz / 1e6).toFixed(3)} MHz`);
  if (field.sf && field.bw_hz) parts.push(`SF${field.sf} / ${field.bw_hz / 1000} kHz`);
  parts.push(`${field.epoch_s / 60} min epochs`);
  if (field.tolerance_class) parts.push(`${field.tolerance_class} tolerance`);
  return parts.join(" · ");
}

function badges({ demo, speed }, summary) {
  const list = [];
  if (demo) list.push(["demo", "Demo: recorded weather, simulated radio"]);
  if (summary.synthetic > 0) list.push(["synthetic", `${summary.synthetic} synthetic nodes`]);
  if (speed !== null && speed !== 1) list.push(["speed", `${speed.toLocaleString("en")}× real time`]);
  return list;
}

let shown = "";

const NARROW = window.matchMedia("(max-width: 700px)");

export function renderHeader({ snapshot, summary }) {
  const { field } = snapshot;
  setText(byId("field-name"), field.name);
  setText(byId("field-facts"), facts(snapshot));
  document.title = `${field.name} · QRES console`;
  const time = byId("clock-time");
  const text = clock(field.time_us);
  if (time.firstChild.textContent !== text) time.replaceChildren(text, el("small", {}, "UTC"));
  setText(byId("clock-date"), NARROW.matches ? day(field.time_us) : date(field.time_us));
  const list = badges(snapshot, summary);
  if (JSON.stringify(list) !== shown) {
    shown = JSON.stringify(list);
    byId("badges").replaceChildren(...list.map(([kind, words]) => el("li", { class: "badge", "data-kind": kind }, words)));
  }
  const demo = "In this demo the weather is recorded and the radio is simulated.";
  setText(byId("foot-demo"), snapshot.demo ? demo : "");
}

export function renderLink(state, lastMs) {
  document.body.dataset.link = state;
  setText(byId("link"), state === "live" ? "live" : "feed lost");
  const lost = byId("lost");
  lost.hidden = state === "live";
  if (state === "lost") {
    const age = Math.round((Date.now() - lastMs) / 1000);
    const words = age < 60 ? `${age} s` : duration(age * 1e6);
    setText(lost, `No update from the gateway for ${words}. The numbers below are old. Trying again.`);
  }
}
