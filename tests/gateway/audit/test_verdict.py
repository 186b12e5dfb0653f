# SPDX-License-Identifier: Apache-2.0
"""The verdict: law, budget, evidence, and the words for it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from qres.region import region
from qres_gateway.audit.law import SOURCES, Law
from qres_gateway.audit.tally import Transmitter
from tests.gateway.audit.made_store import HOUR_US, START_US, Sent, every, made

MINUTE_US = 60_000_000
SECOND_US = 1_000_000


def busy(node: int, from_us: int, frames: int, size: int = 51) -> list[Sent]:
    """Many frames in a minute or more."""
    return [Sent(from_us + i * SECOND_US // 2, node, "checkpoint", size) for i in range(frames)]


def test_the_worst_sliding_hour_decides(tmp_path: Path) -> None:
    """On a 1 % channel 37 s are over the limit, though each clock hour has less than 36 s."""
    # 328.704 ms a frame: 110 frames are 36.157 s, 55 in each of two clock hours 18.079 s
    sent = [
        *every(10 * MINUTE_US, 4 * HOUR_US, node=1),
        *busy(0, 2 * HOUR_US - 28 * SECOND_US, 110),
    ]
    m = made(tmp_path, sorted(sent, key=lambda s: s.at_us), freq_hz=868_300_000, sf=9)
    f = m.figures(budget_bytes_h=100_000)
    assert f["law"]["limit_us_per_hour"] == 36_000_000
    assert (f["law"]["worst_node"], f["law"]["worst_us"]) == (0, 110 * 328_704)
    assert f["law"]["margin_us"] == 36_000_000 - 110 * 328_704
    assert [(r["severity"], r["code"]) for r in f["reasons"]] == [
        ("exceeded", "law_duty"),
        ("caution", "beyond_protocol"),
    ]
    assert "Node 0 was on air for 36.157 s of 60 minutes in sub-band M" in f["text"]
    assert f["text"].startswith("A limit was exceeded. Node 0")


def test_the_law_counts_transmitters_apart(tmp_path: Path) -> None:
    """The same airtime by two nodes is legal, for the limit is one transmitter's."""
    sent = [
        *every(10 * MINUTE_US, 4 * HOUR_US, node=2),
        *busy(0, 2 * HOUR_US - 28 * SECOND_US, 55),
        *busy(1, 2 * HOUR_US, 55),
    ]
    m = made(tmp_path, sorted(sent, key=lambda s: s.at_us), freq_hz=868_300_000, sf=9)
    f = m.figures(budget_bytes_h=100_000)
    assert f["verdict"] == "within"
    beyond = [r["text"] for r in f["reasons"] if r["code"] == "beyond_protocol"]
    assert len(beyond) == 1
    assert "nodes 0, 1" in beyond[0]


def test_a_frame_longer_than_the_dwell_time(tmp_path: Path) -> None:
    """US915 at SF11/500 kHz: 400 ms a frame; 255 B last longer, and no hour has a limit."""
    sent = [*every(10 * MINUTE_US, 3 * HOUR_US), Sent(3 * HOUR_US, 1, "checkpoint", 255)]
    m = made(tmp_path, sent, region_name="US915", sf=11)
    f = m.figures(budget_bytes_h=100_000)
    assert f["law"]["limit_us_per_hour"] is None
    assert f["law"]["dwell_limit_us"] == 400_000
    assert [r["code"] for r in f["reasons"]] == ["law_dwell"]
    assert "the limit is 400 ms" in f["text"]


def test_every_supported_region_names_its_source() -> None:
    """A limit without a source is no limit that a regulator takes."""
    assert all(region(name).sub_bands for name in SOURCES)


def test_a_forbidden_sub_band(tmp_path: Path) -> None:
    """Frames in a gap that belongs to alarms, or outside the region, are against the law."""
    law = Law(replace(made(tmp_path, [Sent(0)]).site))
    sender = Transmitter()
    sender.add("report", 6, 123_904)
    sender.window.add(0, 6, 123_904)
    assert [code for code, _ in law.problems(3, "alarms", sender)] == ["law_band"]
    assert [code for code, _ in law.problems(3, "none", sender)] == ["law_band"]
    assert law.problems(3, "P", sender) == []


def test_the_budget_holds_for_any_sixty_minutes(tmp_path: Path) -> None:
    """200 B before and 200 B after the full hour: no clock hour is over 300 B, 60 minutes are."""
    sent = [
        *[Sent(HOUR_US - (i + 1) * SECOND_US, 0, "report", 10) for i in range(20)],
        *[Sent(HOUR_US + (i + 1) * SECOND_US, 0, "report", 10) for i in range(20)],
        *every(10 * MINUTE_US, 4 * HOUR_US, node=1),
    ]
    m = made(tmp_path, sorted(sent, key=lambda s: s.at_us))
    f = m.figures(budget_bytes_h=300)
    assert f["budget"]["most_60min_bytes"] == 400 + 36
    assert f["budget"]["clock_hours_over"] == 0
    assert f["hours"]["bytes"]["most"] == 236
    assert [r["code"] for r in f["reasons"] if r["severity"] == "exceeded"] == ["budget"]
    assert m.figures(budget_bytes_h=436)["verdict"] == "within"
    assert m.figures(budget_bytes_h=435)["budget"]["margin_bytes"] == -1


def test_the_site_has_the_budget(tmp_path: Path) -> None:
    """Without a budget on the command line it is that of the site file."""
    f = made(tmp_path, every(MINUTE_US, 3 * HOUR_US), budget_bytes_h=359).figures()
    assert (f["budget"]["bytes_h"], f["verdict"]) == (359, "exceeded")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([], "no_frames"),
        ([Sent(0, reason="tag")], "no_frames"),
        (every(10 * MINUTE_US, 50 * MINUTE_US), "no_whole_hour"),
        ([*every(10 * MINUTE_US, 3 * HOUR_US), Sent(3 * HOUR_US, 99)], "site_nodes"),
        (every(10 * MINUTE_US, 30 * HOUR_US), "share_heard"),
        (
            [
                *every(10 * MINUTE_US, 3 * HOUR_US),
                *[Sent(HOUR_US + i, 0, reason=None) for i in range(5)],
            ],
            "undecoded",
        ),
    ],
)
def test_what_cannot_be_audited(tmp_path: Path, sent: list[Sent], code: str) -> None:
    """No frame, no whole hour, another site's nodes, frames not decoded: no verdict."""
    f = made(tmp_path, sorted(sent, key=lambda s: s.at_us)).figures()
    assert f["verdict"] == "not_auditable"
    assert code in [r["code"] for r in f["reasons"]]
    assert f["text"].startswith("Not auditable.")


def test_a_log_of_which_nothing_could_be_read(tmp_path: Path) -> None:
    """What was refused is counted, and why is in the verdict."""
    f = made(tmp_path, [Sent(i * HOUR_US, reason="tag") for i in range(9)]).figures()
    assert f["deliveries"]["all"] == 9
    assert "refused were tag 9: another key or site file?" in f["text"]


def test_a_store_of_an_older_gateway(tmp_path: Path) -> None:
    """Tables of version 1: everything but what they do not hold, the estimate of send-on-delta."""
    m = made(tmp_path, every(10 * MINUTE_US, 5 * HOUR_US))
    with sqlite3.connect(m.store) as connection:
        for trigger in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN"
            " ('airtime', 'refused', 'decoded')"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger[0]}")
        connection.execute("DROP INDEX decoded_accepted")
        for table, column in (
            ("decoded", "late"), ("decoded", "offset_us"), ("committed", "judged"),
            ("committed", "health"), ("committed", "fire"),
        ):  # fmt: skip
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("PRAGMA user_version=1")
    connection.close()
    f = m.figures()
    assert f["verdict"] == "within"
    assert f["accepted"]["total"]["frames"] == 30
    assert "send_on_delta" not in [p["key"] for p in f["peers"]]


def test_exceeded_goes_before_not_auditable(tmp_path: Path) -> None:
    """What was heard is enough to say that a limit was broken, however little was heard."""
    sent = [*every(10 * MINUTE_US, 3 * HOUR_US), *every(MINUTE_US, 9 * HOUR_US, 0, 8 * HOUR_US)]
    f = made(tmp_path, sent).figures(budget_bytes_h=100)
    assert f["verdict"] == "exceeded"
    grave = [r["code"] for r in f["reasons"] if r["severity"] != "caution"]
    assert grave == ["budget", "coverage"]


def test_the_ledger_must_agree(tmp_path: Path) -> None:
    """The sums that the gateway wrote are those of the frames; without them, it is told."""
    sent = every(10 * MINUTE_US, 5 * HOUR_US)
    good = made(tmp_path / "a", sent).figures()
    assert (good["ledger"]["hours_compared"], good["ledger"]["hours_differ"]) == (4, 0)
    bad = made(tmp_path / "b", sent, ledger=False).figures()
    assert (bad["ledger"]["hours_differ"], bad["verdict"]) == (4, "within")
    assert [r["code"] for r in bad["reasons"]] == ["ledger"]
    other = made(tmp_path / "c", sent)
    assert other.figures(same_ledger=False)["ledger"]["hours_compared"] == 0


def test_a_period_of_the_log(tmp_path: Path) -> None:
    """From and to: only frames from `from_us` on and before `to_us` count."""
    m = made(tmp_path, every(10 * MINUTE_US, 6 * HOUR_US))
    f = m.figures(from_us=START_US + HOUR_US, to_us=START_US + 3 * HOUR_US)
    assert f["accepted"]["total"]["frames"] == 12
    assert f["hours"]["whole"] == 2
    assert f["made"]["again"] == f"--from {START_US + HOUR_US}us --to {START_US + 3 * HOUR_US}us"


def test_hashes_follow_the_frames(tmp_path: Path) -> None:
    """The same frames and site give the same hashes; one bit more or another node's name do not."""
    sent = every(10 * MINUTE_US, 5 * HOUR_US)
    one, two = made(tmp_path / "a", sent), made(tmp_path / "b", sent)
    first, second = one.figures()["made"], two.figures()["made"]
    for name in ("frames_sha256", "site_sha256", "figures_sha256", "site_hash"):
        assert first[name] == second[name]
    third = made(tmp_path / "c", [*sent, Sent(5 * HOUR_US, reason="tag")]).figures(
        to_us=START_US + 5 * HOUR_US + 1
    )["made"]
    assert third["frames_sha256"] != first["frames_sha256"]
    assert third["frames_hashed"] == first["frames_hashed"] + 1
    wide = made(tmp_path / "d", sent, budget_bytes_h=2048).figures()["made"]
    assert wide["site_sha256"] != first["site_sha256"]
    assert wide["frames_sha256"] == first["frames_sha256"]
