# SPDX-License-Identifier: Apache-2.0
"""
The `qres` command ended by Ctrl-C, SIGTERM or kill -9, whatever it was doing.

The exit code is as documented, what was acknowledged is there, and what comes back is the same.
"""

from __future__ import annotations

import random
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qres_gateway.sources.base import RawFrame
from qres_gateway.sources.capture import write_capture
from tests.e2e.clocked_gateway import FileClock
from tests.e2e.qres_process import Forwarder, Running, qres
from tests.e2e.stores import (
    decode_cursor,
    free_port,
    last_commit,
    pass_time,
    payloads,
    wait_for_commit,
    whole,
)
from tests.gateway.recorded_field import Recorded, recorded, write_field

DAYS_APART_US = 30 * 3_600_000_000
SLOW = pytest.mark.slow  # what a faster test of the same kind stands for


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Eight nodes for half a day, night and morning."""
    return recorded(8, 12.0)


@pytest.fixture
def site(tmp_path: Path, field: Recorded) -> Path:
    """Their site file."""
    return write_field(tmp_path, field.site)


@pytest.mark.parametrize(
    ("number", "code", "console"), [(signal.SIGINT, 130, True), (signal.SIGTERM, 0, False)]
)
def test_a_gateway_is_ended(
    tmp_path: Path,
    site: Path,
    field: Recorded,
    number: signal.Signals,
    code: int,
    console: bool,
) -> None:
    """Ctrl-C gives 130, SIGTERM 0; every acknowledged frame is logged and decoded by then."""
    clock = FileClock(tmp_path / "clock")
    sent = [s for phase in field.sent for s in phase]
    clock.set(sent[0].end_us)
    shown = ("--console-port", free_port()) if console else ("--no-console",)
    store = tmp_path / "store.sqlite"
    with (
        Running(
            "gateway", "--site", site, "--store", store, "--udp-port", 0, *shown,
            clock=tmp_path / "clock",
        ) as gateway,
        Forwarder(field.site, clock) as forwarder,
    ):  # fmt: skip
        forwarder.connect(gateway.udp_port())
        for frame in sent[:60]:
            forwarder.push(frame)
        ran = gateway.end(number)
    assert "Traceback" not in ran.err
    assert ran.code == code, ran.err
    assert f"signal={number.name}" in ran.err
    assert payloads(store) == [frame.frame for frame in sent[:60]]
    with sqlite3.connect(store) as connection:
        reasons = connection.execute("SELECT reason, count(*) FROM decoded GROUP BY 1").fetchall()
    assert reasons == [("", 60)]
    assert whole(store)


@SLOW
def test_a_second_gateway_on_a_store(tmp_path: Path, site: Path) -> None:
    """A store in use is refused, with its holder named; a killed holder holds nothing."""
    store = tmp_path / "store.sqlite"
    arguments = ("gateway", "--site", site, "--store", store, "--udp-port", 0, "--no-console")
    with Running(*arguments) as first:
        first.udp_port()
        ran = qres(*arguments)
        assert ran.code == 1
        assert f"frame log {store}: is in use by qres gateway (process " in ran.last_words
        doctor = qres("doctor", "--site", site, "--store", store, "--udp-port", free_port())
        assert "store in use: by qres gateway (process " in doctor.out
        assert first.end(signal.SIGKILL).code == -signal.SIGKILL
    with Running(*arguments) as again:
        again.udp_port()
        assert again.end(signal.SIGTERM).code == 0


@pytest.mark.parametrize("verb", ["replay", pytest.param("demo", marks=SLOW)])
def test_ctrl_c_in_mid_run(tmp_path: Path, verb: str) -> None:
    """Ctrl-C ends a long run with 130, and what it has written is whole."""
    store = tmp_path / "store.sqlite"
    if verb == "demo":
        arguments: tuple[object, ...] = ("demo", "--once", "--store", store)
        until = "demo: .* phases"
    else:
        long = recorded(6, 30.0)
        site = write_field(tmp_path / "long", long.site)
        write_capture(tmp_path / "long.pcap", many_days(long, 150))
        arguments = ("replay", tmp_path / "long.pcap", "--site", site, "--store", store)
        until = "replay: .* frames decoded"
    with Running(*arguments) as run:
        run.wait_for(until)
        ran = run.end(signal.SIGINT)
    assert "Traceback" not in ran.err, ran.err
    assert ran.code == 130
    assert whole(store)


def many_days(field: Recorded, days: int) -> Iterator[RawFrame]:
    """One day's frames again and again: only the first can be read, all take time."""
    for day in range(days):
        for frame in field.frames:
            yield replace(frame, rx_us=frame.rx_us + day * DAYS_APART_US, tmst_us=None)


@SLOW
@pytest.mark.parametrize("kills", [1, 8])
def test_kill_9_in_mid_stream(tmp_path: Path, site: Path, field: Recorded, kills: int) -> None:
    """
    Killed while frames arrive, and started again: no logged frame is lost, the state is the same.

    The forwarder sends again what was not logged, as one with a buffer does; in the end the
    gateway's digest is what the nodes hold.
    """
    store, clock = tmp_path / "store.sqlite", FileClock(tmp_path / "clock")
    sent = [s for phase in field.sent for s in phase]
    generator = random.Random(20261122 + kills)
    stops = sorted(generator.sample(range(10, len(sent) - 10), kills))
    clock.set(sent[0].end_us)
    arguments = ("gateway", "--site", site, "--store", store, "--udp-port", 0, "--no-console")
    logged: list[bytes] = []
    decoded = 0
    with Forwarder(field.site, clock) as forwarder:
        for stop in [*stops, len(sent)]:
            with Running(*arguments, clock=tmp_path / "clock") as gateway:
                forwarder.connect(gateway.udp_port())
                if logged:
                    clock.set(sent[len(logged)].end_us)
                    rebuilt = gateway.wait_for(r"replica.rebuilt .*frames=(\d+)")
                    assert int(rebuilt[1]) == decoded
                for frame in sent[len(logged) : stop]:
                    forwarder.push(frame)
                if stop == len(sent):
                    last_phase = max(field.digests)
                    end_us = (last_phase + 1) * field.site.phase_us
                    pass_time(clock, end_us, store, len(sent))
                    wait_for_commit(store, last_phase)
                    break
                for frame in sent[stop : stop + 3]:
                    forwarder.push(frame, acknowledged=False)
                before = payloads(store)
                assert gateway.end(signal.SIGKILL).code == -signal.SIGKILL
            logged = payloads(store)
            decoded = decode_cursor(store)
            assert logged[: len(before)] == before
            assert logged == [frame.frame for frame in sent[: len(logged)]]
    assert payloads(store) == [frame.frame for frame in sent]
    phase, digest = last_commit(store)
    with sqlite3.connect(store) as connection:
        refused = connection.execute("SELECT reason FROM decoded WHERE reason != ''").fetchall()
    assert refused == []
    assert digest == field.digests[phase]
    assert whole(store)
    ran = qres("replay", store, "--site", site, "--json")
    assert f'"digest": "{digest:08x}"' in ran.out
