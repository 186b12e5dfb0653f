# SPDX-License-Identifier: Apache-2.0
"""The report: one file that needs nothing else, and says what the figures say."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qres_gateway.audit.page import page
from qres_gateway.audit.svg import decades, linear_ticks, log_scale, time_ticks
from tests.gateway.audit.made_store import HOUR_US, Sent, every, made, run

MINUTE_US = 60_000_000
NASTY = '<script>alert("1")</script>&'
_VOID = {"meta", "br", "link", "img", "input", "hr"}
_LOADS = ("src=", "url(", "@import", "<script", "<link", "<iframe", "<object", "<img", "srcset")


class Reader(HTMLParser):
    """Checks that elements nest, and gathers what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open."""
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and close."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if "style" not in self.open:
            self.seen.append(data)


def read(text: str) -> Reader:
    """*text*, parsed to its end."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on a field with a hostile name, with a gap and refused frames."""
    sent = [
        *every(10 * MINUTE_US, 30 * HOUR_US),
        *every(20 * MINUTE_US, 60 * HOUR_US, 1, 40 * HOUR_US),
        Sent(HOUR_US, 2, "beacon", 16),
        Sent(2 * HOUR_US, reason="tag"),
    ]
    m = made(tmp_path_factory.mktemp("page"), sorted(sent, key=lambda s: s.at_us), name=NASTY)
    return page(m.audit())


def test_nothing_is_loaded(report: str) -> None:
    """No script, no style sheet, no font, no picture from anywhere; the policy forbids it, too."""
    lower = report.lower()
    assert [word for word in _LOADS if word in lower] == []
    links = re.findall(r"https?://[^\s\"<;.]+(?:\.[^\s\"<;.]+)*", report)
    assert all(link.startswith("https://meshtastic.org") for link in links)  # in words only
    assert "href=" not in lower
    assert "default-src 'none'; style-src 'unsafe-inline'" in report


def test_names_are_escaped(report: str) -> None:
    """A name that is markup stays a name."""
    assert NASTY not in report
    assert "&lt;script&gt;" in report
    assert NASTY in "".join(read(report).seen)


def test_plots_can_be_read_without_seeing_them(report: str) -> None:
    """Four pictures, each with a title and a description, and tables with heads and captions."""
    reader = read(report)
    pictures = [attrs for tag, attrs in reader.tags if tag == "svg"]
    assert len(pictures) == 4
    ids = {attrs["id"] for _, attrs in reader.tags if "id" in attrs}
    for attrs in pictures:
        assert attrs["role"] == "img"
        assert set((attrs["aria-labelledby"] or "").split()) <= ids
    assert len(ids) == 8
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("caption") >= 5
    assert ("html", {"lang": "en"}) in reader.tags
    assert tags.count("h1") == 1


def test_the_verdict_comes_first(report: str) -> None:
    """The paragraph stands before the first plot; the gap is told with its length."""
    body = report.index("<main>")
    assert body < report.index("Not auditable", body) < report.index("<svg")
    assert "A receiver sees only what it hears" in report
    assert "2024-10-05 05:50 to 2024-10-05 16:00 UTC, 10.2 h" in report


def test_a_year_is_drawn_day_by_day(tmp_path: Path) -> None:
    """More than 800 hours become days: the page stays small."""
    m = made(tmp_path, every(HOUR_US, 1200 * HOUR_US))
    text = page(m.audit())
    read(text)
    assert "fullest clock hour of the day" in text
    assert len(text) < 120_000


def test_a_report_on_nothing(tmp_path: Path) -> None:
    """No frame at all: a page that says so."""
    text = page(made(tmp_path, []).audit())
    assert "Not auditable" in text
    read(text)


def test_the_file_is_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--html` writes it, readable by everybody, and says where."""
    m = made(tmp_path / "field", every(10 * MINUTE_US, 5 * HOUR_US))
    out = tmp_path / "a.html"
    code, _, err = run(capsys, "audit", m.store, "--site", m.site_file, "--html", out)
    assert code == 0
    assert f"wrote {out}" in err
    assert out.stat().st_mode & 0o777 == 0o644
    read(out.read_text(encoding="utf-8"))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.html"]


def test_axes() -> None:
    """Ticks are round, rise, and contain the data."""
    assert linear_ticks(0.9) == [0, 0.2, 0.4, 0.6000000000000001, 0.8]
    assert decades(3, 3) == [1.0, 10.0]
    place = log_scale([1, 10, 100], 0, 200)
    assert [place(v) for v in (0.1, 1, 10, 100, 1e9)] == [0, 0, 100, 200, 200]
    assert [label for _, label in time_ticks(480_000, 480_024)][:2] == [
        "04 Oct 00 h",
        "04 Oct 03 h",
    ]
    for span in (1, 50, 500, 5_000, 50_000):
        assert len(list(time_ticks(480_000, 480_000 + span))) <= 11


@pytest.mark.parametrize("hours", [23, 24, 47, 48, 49, 71, 72, 400])
def test_labels_of_the_hours_stand_apart(tmp_path: Path, hours: int) -> None:
    """No label of the time axis is written over another, wherever the record ends."""
    text = page(made(tmp_path, every(50 * MINUTE_US, hours * HOUR_US)).audit())
    plot = text[text.index("hours-title") : text.index("</svg>", text.index("hours-title"))]
    found = re.findall(r'x="([\d.]+)" y="253.0" text-anchor="(\w+)">([^<]+)<', plot)
    assert len(found) > 3
    edge = 0.0
    for x, anchor, label in found:
        width = 6.5 * len(label)
        left = float(x) - (width if anchor == "end" else width / 2)
        assert left >= edge, found
        edge = left + width


def test_replace_keeps_the_figures(tmp_path: Path) -> None:
    """The page is a function of the audit: the same twice."""
    done = made(tmp_path, every(10 * MINUTE_US, 5 * HOUR_US)).audit()
    assert page(done) == page(replace(done))
