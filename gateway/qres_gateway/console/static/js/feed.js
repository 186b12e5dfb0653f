// SPDX-License-Identifier: Apache-2.0
// The stream of changes: keeps one state, tells listeners, and says when it has gone quiet.

const SILENT_MS = 12000;
const RETRY_MS = 2000;
const EVENTS_KEPT = 200;

/** Applies a delta in place. Returns false if it does not follow the state. */
export function apply(state, delta) {
  if (!state || delta.seq !== state.seq + 1) return false;
  const { snapshot } = state;
  state.seq = delta.seq;
  for (const name of ["field", "health", "demo", "speed", "tolerance", "regime", "fire"]) {
    if (name in delta) snapshot[name] = delta[name];
  }
  if (delta.summary) state.summary = delta.summary;
  if (delta.rf) snapshot.rf = { ...delta.rf, hours: snapshot.rf.hours };
  for (const hour of delta.hours ?? []) {
    const hours = snapshot.rf.hours;
    const at = hours.findIndex((h) => h.start_us === hour.start_us);
    if (at >= 0) hours[at] = hour;
    else hours.push(hour);
  }
  for (const moved of delta.nodes ?? []) {
    const node = snapshot.nodes.find((n) => n.id === moved.id);
    if (!node) return false;
    Object.assign(node, moved);
  }
  if (delta.events) snapshot.events = [...snapshot.events, ...delta.events].slice(-EVENTS_KEPT);
  return true;
}

/** onState(state, changed) with changed = null for everything; onLink("live"|"lost", since_ms). */
export function connect(onState, onLink) {
  let state = null;
  let source = null;
  let lastMs = Date.now();

  function heard() {
    lastMs = Date.now();
    onLink("live", lastMs);
  }

  function open() {
    source = new EventSource("/api/events");
    source.addEventListener("snapshot", (event) => {
      state = JSON.parse(event.data);
      heard();
      onState(state, null);
    });
    source.addEventListener("delta", (event) => {
      const delta = JSON.parse(event.data);
      if (!apply(state, delta)) return reopen(0);
      heard();
      onState(state, delta);
    });
    source.addEventListener("alive", heard);
    source.addEventListener("error", () => {
      onLink("lost", lastMs);
      if (source.readyState === EventSource.CLOSED) reopen(RETRY_MS);
    });
  }

  function reopen(delayMs) {
    source.close();
    window.setTimeout(open, delayMs);
  }

  window.setInterval(() => {
    if (Date.now() - lastMs > SILENT_MS) onLink("lost", lastMs);
  }, 1000);
  open();
}
