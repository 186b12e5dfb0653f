# SPDX-License-Identifier: Apache-2.0
"""The console in a real Chromium: what a person does, with no error and no outside request."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qres_gateway.console.server import open_socket, run_console
from qres_gateway.console.view import ConsoleData
from tests.gateway.battery_view import battery_view
from tests.gateway.fake_console import (
    HOUR_US,
    START_US,
    STEP_US,
    FakeConsole,
    flemish_places,
    hill_places,
)
from tests.gateway.recorded_field import recorded

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 15_000
_ALL_INSIDE = """(list, b) => list.every((e) => {
  const r = e.getBoundingClientRect();
  return r.left >= b.x && r.top >= b.y && r.right <= b.x + b.width && r.bottom <= b.y + b.height;
})"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: apt-get install chromium"
    ),
]


def wait_for(port: int, within_s: float = 10.0) -> None:
    """Return once something listens there."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError), socket.socket() as sock:
            sock.connect(("127.0.0.1", port))
            return
    raise TimeoutError(f"nothing listens on port {port} after {within_s} s")


class Field:
    """A console in a thread, over a field whose time the test moves."""

    def __init__(self, **options: Any) -> None:
        self.now_us = START_US + 14 * HOUR_US
        places = options.pop("places", flemish_places())
        data: ConsoleData | None = options.pop("data", None)
        self.data = FakeConsole(places, lambda: self.now_us, **options) if data is None else data
        with open_socket("127.0.0.1", 0) as sock:
            self.port = int(sock.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        wait_for(self.port)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._console = self._loop.create_task(
            run_console(self.data, port=self.port, interval_s=0.05)
        )
        self._loop.run_until_complete(asyncio.wait([self._console]))
        self._loop.close()

    def stop(self) -> None:
        """Stop serving, as a gateway that is switched off."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._console.cancel)
        self._thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this file."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Field]]:
    """Starts fields, and stops them after the test."""
    fields: list[Field] = []

    def start(**options: Any) -> Field:
        fields.append(Field(**options))
        return fields[-1]

    yield start
    for field in fields:
        field.stop()


class Visit:
    """A page, with everything it complained about and every host it asked."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        options.setdefault("viewport", {"width": 1920, "height": 1080})
        self.page: Page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.urls: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        self.page.on("request", lambda r: self.urls.append(r.url))
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready=true]")

    def node(self, node: int) -> Any:
        """A marker on the map."""
        return self.page.locator(f"#map-svg .node[data-id='{node}']")

    def bars(self) -> Any:
        """The bars of the radio chart."""
        return self.page.locator("#rf-chart .bars path")


def test_a_person_reads_the_wall_and_opens_a_node(
    browser: Browser, serve: Callable[..., Field]
) -> None:
    """Numbers stand there; a click opens a node; variables switch; nothing complains or leaves."""
    field = serve(speed=600.0)
    visit = Visit(browser, field.url)
    page = visit.page
    expect(page.locator("#field-name")).to_have_text("Vlaanderen")
    expect(page.locator("#clock-time")).to_contain_text("14:00")
    expect(page.locator("#live-count")).to_have_text("28")
    expect(page.locator("#badges")).to_contain_text("recorded weather, simulated radio")
    expect(page.locator(".foot")).to_contain_text("not a life-safety alarm")
    expect(visit.bars().first).to_be_attached()
    visit.node(16).click()
    expect(page.locator("#node-name")).to_have_text("Genk")
    expect(page.locator("#led-max")).to_contain_text("kPa")
    expect(page.locator("#node-chart .scatterlayer .trace").first).to_be_attached()
    for key, unit in (("temp_degc", "°C"), ("rh_pct", "%"), ("wind_m_s", "m/s"), ("rain_mm", "mm")):
        page.locator(f"#variables input[value={key}]").check()
        expect(page.locator(".ramp-title")).to_contain_text(unit)
        expect(page.locator("#led-now")).to_contain_text(unit)
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    assert visit.complaints == []
    assert [url for url in visit.urls if not url.startswith(field.url)] == []
    assert any("/vendor/plotly-" in url for url in visit.urls)


def test_batteries_have_a_column_and_a_chart(browser: Browser, serve: Callable[..., Field]) -> None:
    """Where nodes report batteries, table and node panel have them; elsewhere neither does."""
    visit = Visit(browser, serve(data=battery_view(recorded(6, 6.0, battery=True))).url)
    page = visit.page
    head = page.locator("#nodes thead th", has_text="Battery")
    expect(head).to_contain_text("mV")
    cells = page.locator("#nodes tbody tr td:nth-child(8)")
    expect(cells).to_have_text([re.compile(r"^[34]\d{3}$")] * 6)
    head.locator("button").click()
    lowest_last = [int(text) for text in cells.all_inner_texts()]
    assert lowest_last == sorted(lowest_last, reverse=True)
    visit.node(2).click()
    expect(page.locator("#node-place")).to_contain_text("simulated battery")
    page.locator("#reading-batt_mv").check()
    expect(page.locator("#led-now")).to_contain_text("mV")
    expect(page.locator("#led-now")).to_contain_text("tolerance ±100 mV")
    expect(page.locator("#node-chart .scatterlayer .trace").first).to_be_attached()
    page.locator("#variables input[value=rh_pct]").check()
    expect(page.locator("#led-now")).to_contain_text("%")
    assert visit.complaints == []
    plain = Visit(browser, serve().url)
    plain.node(2).click()
    expect(plain.page.locator("#nodes thead th", has_text="Battery")).to_have_count(0)
    expect(plain.page.locator("#reading-batt_mv")).to_have_count(0)


def test_changes_arrive_without_reload(browser: Browser, serve: Callable[..., Field]) -> None:
    """When the field's time moves, clock, values and counts follow by themselves."""
    field = serve()
    visit = Visit(browser, field.url)
    visit.page.evaluate("window.sameLoad = true")
    before = visit.page.locator("#tile-v-vpd_kpa").inner_text()
    field.now_us += 36 * STEP_US
    expect(visit.page.locator("#clock-time")).to_contain_text("20:00")
    expect(visit.page.locator("#tile-v-vpd_kpa")).not_to_have_text(before)
    assert visit.page.evaluate("window.sameLoad")
    assert visit.complaints == []


def test_trouble_is_told_by_shape_and_word(browser: Browser, serve: Callable[..., Field]) -> None:
    """A diverged node is a triangle, a stale one a square, an unheard one a dash, all in words."""
    visit = Visit(browser, serve(trouble=True).url)
    page = visit.page
    expect(page.locator("#verdict")).to_have_text("1 node diverged")
    expect(visit.node(8).locator("path.body")).to_be_attached()
    expect(visit.node(5).locator("rect.body")).to_be_attached()
    assert "diverged" in (visit.node(8).get_attribute("aria-label") or "")
    row = page.locator("#nodes tbody tr", has_text="Kalmthout")
    expect(row.locator("td").nth(1)).to_have_text("—")
    expect(page.locator("#log")).to_contain_text("digest of node 8 differs")
    expect(page.locator("#rf-refused")).to_contain_text("Refused frames: 6")
    assert visit.complaints == []


def test_keyboard_alone_is_enough(browser: Browser, serve: Callable[..., Field]) -> None:
    """Arrows move between nodes, Enter opens, Escape closes and gives the focus back."""
    visit = Visit(browser, serve().url)
    page = visit.page
    visit.node(0).focus()
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.dataset.id")
    assert focused not in (None, "0")
    page.keyboard.press("Enter")
    expect(page.locator("#node-close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(visit.node(int(focused))).to_be_focused()


def test_table_sorts_with_absent_values_last(browser: Browser, serve: Callable[..., Field]) -> None:
    """A click sorts, a second click turns round, and a node without the value stays at the end."""
    visit = Visit(browser, serve(trouble=True).url)
    page = visit.page
    head = page.get_by_role("columnheader", name="Wind")
    cells = page.locator("#nodes tbody tr td:nth-child(5)")
    for order in ("descending", "ascending"):
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", order)
        texts = cells.all_inner_texts()
        assert texts[-2:] == ["—", "—"]
        values = [float(text) for text in texts[:-2]]
        assert values == sorted(values, reverse=order == "descending")


def test_a_dead_gateway_is_told(browser: Browser, serve: Callable[..., Field]) -> None:
    """When the server goes the page says that its numbers are old, in words, at once."""
    field = serve()
    visit = Visit(browser, field.url)
    expect(visit.page.locator("#link")).to_have_text("live")
    field.stop()
    expect(visit.page.locator("#lost")).to_contain_text("The numbers below are old")
    expect(visit.page.locator("body")).to_have_attribute("data-link", "lost")


@pytest.mark.parametrize("nodes", [28, 100])
def test_it_fits_its_screens(browser: Browser, serve: Callable[..., Field], nodes: int) -> None:
    """No sideways scrolling anywhere; on the wall no scrolling at all; all nodes on the map."""
    places = flemish_places() if nodes == 28 else hill_places(nodes)
    visit = Visit(browser, serve(places=places).url)
    page = visit.page
    for width, height in ((1920, 1080), (1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(
            "e => document.querySelector(e).viewBox.baseVal.width"
            " === document.querySelector(e).getBoundingClientRect().width",
            arg="#map-svg",
        )
        assert page.locator("html").evaluate("e => e.scrollWidth") <= width
        if width == 1920:
            assert page.locator("html").evaluate("e => e.scrollHeight") <= height
        box = page.locator("#map").bounding_box()
        markers = page.locator("#map-svg .node .body")
        assert markers.count() == nodes
        assert box is not None
        assert markers.evaluate_all(_ALL_INSIDE, box)


def test_the_theme_is_the_systems_until_chosen(
    browser: Browser, serve: Callable[..., Field]
) -> None:
    """Light where the system asks for light; the button overrides, also after a reload."""
    visit = Visit(browser, serve().url, color_scheme="light")
    html = visit.page.locator("html")
    expect(html).to_have_attribute("data-theme", "light")
    visit.page.locator("#theme").click()
    expect(html).to_have_attribute("data-theme", "dark")
    visit.page.reload()
    expect(html).to_have_attribute("data-theme", "dark")


def test_helpers_of_the_page(browser: Browser, serve: Callable[..., Field]) -> None:
    """Absent is a dash, colours get lighter all the way, the scale bar is round and fits."""
    page = Visit(browser, serve().url).page
    assert page.evaluate(
        """async () => {
          const { number, bytes, percent, duration } = await import("/static/js/format.js");
          return [number(null, 1), number(-3.26, 1), bytes(1023), bytes(20480), percent(0),
                  percent(0.004), duration(3.9e9), duration(9e9)];
        }"""
    ) == ["—", "−3.3", "1,023 B", "20.0 KB", "0 %", "< 0.01 %", "1 h 5 min", "2 h 30 min"]
    lightness = page.evaluate(
        """async () => {
          const { ramp } = await import("/static/js/variables.js");
          const steps = Array.from({ length: 101 }, (_, i) => ramp(i / 100));
          const light = (v) => v ** 2.2;
          return steps.map(([r, g, b]) => 0.213 * light(r) + 0.715 * light(g) + 0.072 * light(b));
        }"""
    )
    assert lightness == sorted(lightness)
    bars = page.evaluate(
        """async () => {
          const { scaleBar } = await import("/static/js/geo.js");
          return [0.9, 5.5, 30, 400].map((px) => scaleBar(px, 170));
        }"""
    )
    assert [bar["label"] for bar in bars] == ["100 km", "20 km", "5 km", "200 m"]
    assert all(bar["px"] <= 170 for bar in bars)
