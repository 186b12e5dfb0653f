// SPDX-License-Identifier: Apache-2.0
// Dark unless the system asks for light; the button overrides and is remembered.

const KEY = "qres-theme";

function remember(theme) {
  try {
    window.localStorage.setItem(KEY, theme);
  } catch (error) {
    console.info("theme is not remembered:", error.name);
  }
}

export function startTheme(button, onChange) {
  const root = document.documentElement;
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    remember(root.dataset.theme);
    onChange();
  });
}
