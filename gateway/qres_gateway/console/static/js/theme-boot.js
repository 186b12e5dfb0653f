// SPDX-License-Identifier: Apache-2.0
// Runs before the first paint, so that a chosen theme does not flash the other one.
"use strict";
{
  const dark = !window.matchMedia("(prefers-color-scheme: light)").matches;
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("qres-theme");
  } catch {
    chosen = null; // Storage is switched off: follow the system.
  }
  document.documentElement.dataset.theme = chosen ?? (dark ? "dark" : "light");
}
