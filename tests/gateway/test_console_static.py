# SPDX-License-Identifier: Apache-2.0
"""The files of the page: nothing from elsewhere, nothing inline, nothing missing, legible."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qres_gateway.console.app import STATIC
from qres_gateway.console.view import FRAME_TYPES

FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
NAMESPACES = ("http://www.w3.org/2000/svg",)
HTML = (STATIC / "index.html").read_text(encoding="utf-8")


def read(path: Path) -> str:
    """The text of a file without the names of XML namespaces, which are no addresses."""
    text = path.read_text(encoding="utf-8")
    for name in NAMESPACES:
        text = text.replace(name, "")
    return text


def by_suffix(suffix: str) -> list[Path]:
    """The static files of one kind, at least one."""
    found = [path for path in FILES if path.suffix == suffix]
    assert found
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_file_names_another_host(path: Path) -> None:
    """The field has no Internet: no absolute or protocol-relative address in any file."""
    text = read(path)
    assert re.findall(r"(?i)\b(?:https?|wss?|ftp):", text) == []
    assert re.findall(r"""(?:url\(|src=|href=|import\()\s*["']?//""", text) == []
    assert "@import" not in text


def test_page_has_nothing_inline() -> None:
    """No inline script, style element, style attribute or handler: the policy would refuse it."""
    assert re.findall(r"<script(?![^>]*\bsrc=)", HTML) == []
    assert "<style" not in HTML
    assert re.findall(r"\s(?:style|on\w+)=", HTML) == []


@pytest.mark.parametrize("path", by_suffix(".js"), ids=lambda p: p.name)
def test_scripts_make_no_html_from_text(path: Path) -> None:
    """A node's name is text: no way from a string to markup or code."""
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", read(path))
        == []
    )
    assert re.findall(r"""new Function|setAttribute\("style"|style:\s*["'`]""", read(path)) == []


def test_every_file_that_is_asked_for_exists() -> None:
    """Links of the page and imports of the modules point at files in the tree."""
    wanted = {STATIC / name for name in re.findall(r'(?:href|src)="/static/([^"#]+)', HTML)}
    for path in by_suffix(".js"):
        wanted |= {path.parent / name for name in re.findall(r'from "\./([^"]+)"', read(path))}
    assert len(wanted) > 10
    assert [path for path in wanted if not path.is_file()] == []


def test_no_file_lies_unused() -> None:
    """Every script and style sheet is loaded by the page or by a module."""
    text = HTML + "".join(read(path) for path in by_suffix(".js"))
    assert [
        path.name for path in FILES if path.name != "index.html" and path.name not in text
    ] == []


def test_scripts_use_only_ids_that_the_page_has_or_makes() -> None:
    """A misspelt id would fail only when its panel opens."""
    made = set(re.findall(r'\bid="([^"]+)"', HTML))
    sources = [read(path) for path in by_suffix(".js")]
    for text in sources:
        made |= set(re.findall(r'\bid: "([^"]+)"', text))
        made |= set(re.findall(r'\["[^"]+", "((?:fact|led)-[^"]+)"\]', text))
    asked = {name for text in sources for name in re.findall(r'byId\("([^"]+)"\)', text)}
    assert asked - made == set()


def theme(selector: str) -> dict[str, str]:
    """The colours of one theme."""
    css = read(STATIC / "css" / "tokens.css")
    start = css.index(selector)
    block = css[start : css.index("}", start)]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Relative luminance. source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    """Contrast ratio. source: WCAG 2.2, definition of contrast ratio."""
    bright, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("selector", [":root {", ':root[data-theme="light"]'])
def test_bars_of_frame_types_are_seen_and_told_apart(selector: str) -> None:
    """Bars have 3:1 against the card (WCAG 2.2, 1.4.11 AA), each its own colour and hatch."""
    colours = theme(selector)
    rows = re.findall(r'colour: "--(\w+)", hatch: "([^"]*)"', read(STATIC / "js" / "rf.js"))
    assert [name for name, _ in rows] == list(FRAME_TYPES)
    assert (
        len({hatch for _, hatch in rows}) == len({colours[name] for name, _ in rows}) == len(rows)
    )
    for name, _ in rows:
        assert contrast(colours[name], colours["card"]) >= 3.0, name


@pytest.mark.parametrize("selector", [":root {", ':root[data-theme="light"]'])
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3", "accent", "danger", "watch", "stale"])
def test_text_is_legible_in_both_themes(selector: str, ink: str) -> None:
    """Every text colour has at least 4.5:1 against cards and page (WCAG 2.2, 1.4.3 AA)."""
    colours = theme(selector)
    for ground in ("card", "bg"):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
