// SPDX-License-Identifier: Apache-2.0
// Wires the parts: one state in, at most one render per frame out.

import { byId } from "./dom.js";
import { Drawer } from "./drawer.js";
import { connect } from "./feed.js";
import { renderHeader, renderLink } from "./header.js";
import { renderKpis, startKpis } from "./kpi.js";
import { renderLog } from "./log.js";
import { FieldMap } from "./map.js";
import { renderRf, startRf } from "./rf.js";
import { NodeTable } from "./table.js";
import { startTheme } from "./theme.js";

let state = null;
let selected = null;
let queued = false;

const map = new FieldMap((id) => select(id), (key) => choose(key));
const table = new NodeTable((id) => select(id));
const drawer = new Drawer((id) => {
  selected = null;
  map.setSelected(null);
  table.update(state.snapshot, null);
  map.focus(id);
});

function select(id, key = map.variable.key) {
  selected = id;
  if (key !== map.variable.key) map.setVariable(key);
  map.setSelected(id);
  table.update(state.snapshot, id);
  drawer.open(id, key, state);
}

function choose(key) {
  map.setVariable(key);
  drawer.setChannel(key);
}

function render() {
  queued = false;
  if (!state || document.hidden) return;
  const { snapshot } = state;
  renderHeader(state);
  renderKpis(state, select);
  map.update(snapshot);
  byId("mark-synthetic").hidden = state.summary.synthetic === 0;
  renderRf(state);
  table.update(snapshot, selected);
  renderLog(snapshot, select);
  drawer.update(state);
  document.body.dataset.ready = "true";
}

function queue() {
  if (queued) return;
  queued = true;
  window.requestAnimationFrame(render);
}

function redraw() {
  if (!state) return;
  map.refresh();
  renderRf(state, true);
  drawer.update(state, true);
}

startKpis();
startRf();
startTheme(byId("theme"), redraw);
new ResizeObserver(() => state && renderRf(state, true)).observe(byId("rf-chart"));
document.addEventListener("visibilitychange", queue);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") drawer.close();
});
connect((next) => {
  state = next;
  queue();
}, renderLink);
