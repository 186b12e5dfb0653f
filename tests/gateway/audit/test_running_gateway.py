# SPDX-License-Identifier: Apache-2.0
"""`qres audit` on the store of a gateway that goes on receiving, and while one is killed."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from qres_gateway.sources.capture import write_capture
from tests.e2e.clocked_gateway import FileClock
from tests.e2e.qres_process import Forwarder, Running, qres
from tests.e2e.stores import decode_cursor, pass_time, payloads, wait_until, whole
from tests.gateway.recorded_field import recorded, write_field

DAYS_APART_US = 30 * 3_600_000_000
pytestmark = pytest.mark.slow


def test_a_gateway_that_goes_on_receiving(tmp_path: Path) -> None:
    """The audit counts what is decoded so far; the gateway notices nothing and goes on."""
    field = recorded(8, 12.0)
    site = write_field(tmp_path, field.site)
    clock, store = FileClock(tmp_path / "clock"), tmp_path / "store.sqlite"
    sent = [s for phase in field.sent for s in phase]
    half = len(sent) // 2
    clock.set(sent[0].end_us)
    with (
        Running(
            "gateway", "--site", site, "--store", store, "--udp-port", 0, "--no-console",
            clock=tmp_path / "clock",
        ) as gateway,
        Forwarder(field.site, clock) as forwarder,
    ):  # fmt: skip
        forwarder.connect(gateway.udp_port())
        for frame in sent[:half]:
            forwarder.push(frame)
        pass_time(clock, sent[half - 1].end_us, store, half)
        seen: list[int] = []

        def counted() -> bool:
            ran = qres("audit", store, "--site", site, "--json")
            assert ran.code in {0, 1}, ran.err
            figures = json.loads(ran.out)
            seen.append(figures["accepted"]["total"]["frames"])
            return seen[-1] == half

        wait_until(counted)
        assert seen == sorted(seen)
        for frame in sent[half:]:
            forwarder.push(frame)
        gateway.end(signal.SIGTERM)
    assert payloads(store) == [frame.frame for frame in sent]
    assert whole(store)
    ran = qres("audit", store, "--site", site, "--json")
    figures = json.loads(ran.out)
    assert ran.code == 0, figures["text"]
    assert figures["accepted"]["total"]["bytes"] == sum(len(s.frame) for s in sent)
    assert figures["ledger"]["hours_differ"] == 0


def _is_decoded(store: Path, rows: int) -> bool:
    return decode_cursor(store) == rows


def test_an_outage_after_kill_9(tmp_path: Path) -> None:
    """Killed, and started again 50 minutes later: a gap of just that, which silence cannot show."""
    field = recorded(8, 12.0)
    site = write_field(tmp_path, field.site)
    clock, store = FileClock(tmp_path / "clock"), tmp_path / "store.sqlite"
    sent = [s for phase in field.sent for s in phase]
    half = len(sent) // 2
    again_us = sent[half - 1].end_us + 50 * 60_000_000
    heard = [sent[:half], [s for s in sent[half:] if s.end_us > again_us]]
    arguments = ("gateway", "--site", site, "--store", store, "--udp-port", 0, "--no-console")
    clock.set(sent[0].end_us)
    with Forwarder(field.site, clock) as forwarder:
        for frames, end in zip(heard, (signal.SIGKILL, signal.SIGTERM), strict=True):
            with Running(*arguments, clock=tmp_path / "clock") as gateway:
                forwarder.connect(gateway.udp_port())
                for frame in frames:
                    forwarder.push(frame)
                total = half if frames is heard[0] else half + len(frames)
                pass_time(clock, frames[-1].end_us, store, total)
                wait_until(partial(_is_decoded, store, total))
                gateway.end(end)
            clock.set(max(again_us, frames[-1].end_us + 2_000_000))
    ran = qres("audit", store, "--site", site, "--json")
    figures = json.loads(ran.out)
    assert figures["coverage"]["spans"] == 2, figures["text"]
    ((gap),) = figures["coverage"]["gaps"]
    assert 49 / 60 < gap["hours"] <= 51 / 60
    assert figures["accepted"]["total"]["frames"] == half + len(heard[1])


def test_ctrl_c_in_mid_run(tmp_path: Path) -> None:
    """130, and neither report nor table, nor a part of them."""
    field = recorded(8, 12.0)
    site = write_field(tmp_path, field.site)
    again = [
        replace(frame, rx_us=frame.rx_us + day * DAYS_APART_US, tmst_us=None)
        for day in range(40)
        for frame in field.frames
    ]
    write_capture(tmp_path / "long.pcap", again)
    out = tmp_path / "out"
    out.mkdir()
    with Running(
        "audit", tmp_path / "long.pcap", "--site", site, "--csv", out / "a.csv", "--html",
        out / "a.html",
    ) as audit:  # fmt: skip
        audit.wait_for("decode: ")
        ran = audit.end(signal.SIGINT)
    assert ran.code == 130, ran.err
    assert "Traceback" not in ran.err
    assert list(out.iterdir()) == []
