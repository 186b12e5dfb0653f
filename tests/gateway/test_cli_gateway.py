# SPDX-License-Identifier: Apache-2.0
"""What a gateway says when nothing of what it hears can be read. Its runs are in tests/e2e."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
import structlog
from structlog.testing import capture_logs

from qres_gateway.cli import gateway, main
from qres_gateway.database import Database
from qres_gateway.doctor.refusals import Evidence, diagnose, evidence
from qres_gateway.doctor.watch import REFUSED_FIRST, Watch
from qres_gateway.errors import FrameLogError
from qres_gateway.events import FrameHeard, ReplicaRebuilt
from qres_gateway.frame_log import FrameLog
from qres_gateway.service import GatewayService
from qres_gateway.sources.udp import UdpSource
from qres_gateway.store_lock import StoreBusyError, lock_store, store_holder
from tests.gateway.recorded_field import recorded

SITE = recorded().site
NOW_US = 1_700_006_400_000_000
PHASE = NOW_US // SITE.phase_us
CHANNEL = (SITE.freq_hz, SITE.sf, SITE.bw_hz)
INSERT = """INSERT INTO decoded (frame_id, rx_us, kind, node, phase, reason)
            VALUES (?, ?, ?, ?, ?, ?)"""


def beacon(phase: int = PHASE, version: int = 1) -> bytes:
    """Something that looks like a beacon: SPEC 6.3."""
    return bytes((0xB0 + version, 3)) + phase.to_bytes(4, "little") + bytes(10)


def seen(*frames: tuple[str, bytes], channel: tuple[int, int, int] = CHANNEL) -> Evidence:
    """Evidence of (reason, payload)."""
    found = Evidence()
    for reason, payload in frames:
        found.add(reason, NOW_US, payload, *channel)
    return found


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (seen(*[("pending", b"sixby!")] * 9, ("tag", beacon())), "key", "1 beacon came with"),
        (seen(*[("tag", b"sixby!")] * 9, ("site", beacon())), "site", "another site hash"),
        (seen(("version", beacon(version=2))), "version", "of version 2, and this program speaks"),
        (seen(("window", beacon(PHASE + 24))), "clock", "1.0 h ahead (the field says 2023-11-15 0"),
        (seen(("window", beacon(0xFFFFFFFF))), "clock", "decades off"),
        (seen(("radio", b"x" * 20), channel=(868_100_000, 7, 125_000)), "radio",
         "1 frame on 868.1 MHz SF7/125 kHz, the site file says 869.525 MHz SF9/125 kHz"),
        (seen(*[("length", b"x" * 20)] * 3), "foreign", "3 frames of lengths that no frame"),
        (seen(*[("future", b"sixby!")] * 3), "future", "3 frames came with times"),
        (seen(*[("crc_bad", b"sixby!")] * 3), "signal", "3 frames damaged"),
        (seen(*[("limit", b"sixby!")] * 3), "other", "3 frames refused as 'limit'"),
        (seen(*[("pending", b"sixby!")] * 3), "waiting", "3 frames cannot be read yet"),
        (seen(*[("tag", b"sixby!")] * 3), "unproved", "Key, site file or clock do not fit"),
        (seen(*[("length", b"x" * 20)] * 9, *[("tag", b"sixby!")] * 2), "unproved", "2 frames of"),
        (Evidence(at_source={"json": 7}), "source", "before it is a frame, 7 times, mostly as 'js"),
    ],
)  # fmt: skip
def test_the_likeliest_cause(found: Evidence, code: str, said: str) -> None:
    """Each pattern of refusals has its cause, said with what was seen, and a fix."""
    cause = diagnose(found, SITE)
    assert cause is not None
    assert cause.code == code
    assert said in str(cause)
    assert cause.fix
    assert "\n" not in str(cause)


def test_no_cause_without_need() -> None:
    """A field that is heard has no cause, whatever else is refused; nor has silence."""
    assert diagnose(seen(("", b"sixby!"), *[("tag", beacon())] * 50), SITE) is None
    assert diagnose(Evidence(), SITE) is None
    assert diagnose(seen(("copy", b"sixby!")), SITE) is None


def test_evidence_from_a_store(tmp_path: Path) -> None:
    """The newest frames count, each with its reason and channel; older ones are left out."""
    with Database.open(tmp_path / "a.sqlite") as database:
        field = recorded()
        FrameLog(database).append(field.frames[:6])
        with database.transaction() as connection:
            rows = [
                (i, f.rx_us, "", None, None, "" if i < 3 else "tag")
                for i, f in enumerate(field.frames[:6], 1)
            ]
            connection.executemany(INSERT, rows)
        assert evidence(database).accepted == 2
        assert evidence(database).refused == Counter(tag=4)
        assert evidence(database, after_id=2).accepted == 0
        assert evidence(database, limit=3).refused == Counter(tag=3)


def heard(frame_id: int, reason: str) -> FrameHeard:
    """A frame of which only its outcome matters."""
    return FrameHeard(frame_id, NOW_US, "r", "", None, None, reason, 6, 1, None, None, late=False)


def test_a_watch_speaks_seldom(tmp_path: Path) -> None:
    """After ten refused frames, then twenty, forty; never once something was accepted."""
    watch = Watch(tmp_path / "none.sqlite", SITE)
    assert not watch.add(ReplicaRebuilt(0, 0, 0, "start"))
    due = [n for n in range(1, 101) if watch.add(heard(n, "tag"))]
    assert due == [10, 20, 40, 80]
    assert due[0] == REFUSED_FIRST
    assert not watch.add(heard(101, ""))
    assert [n for n in range(102, 400) if watch.add(heard(n, "tag"))] == []
    copies = Watch(tmp_path / "none.sqlite", SITE)
    assert not any(copies.add(heard(n, "copy")) for n in range(50))


def test_a_watch_looks_only_at_its_own_time(tmp_path: Path) -> None:
    """What an earlier run of the gateway accepted does not hide what is wrong now."""
    store = tmp_path / "a.sqlite"
    frames = recorded().frames[:20]
    with Database.open(store) as database:
        FrameLog(database).append(frames)
        rows = [(i, f.rx_us, "", 0, 0, "" if i <= 8 else "tag") for i, f in enumerate(frames, 1)]
        with database.transaction() as connection:
            connection.executemany(INSERT, rows)
    watch = Watch(store, SITE)
    assert any(watch.add(heard(n, "tag")) for n in range(9, 21))
    found = watch.look({})
    assert found is not None
    structlog.reset_defaults()  # an earlier run in this process may have set a level
    with capture_logs() as logs:
        watch.tell(found)
        watch.add(heard(21, ""))
        watch.tell(None)
    assert [entry["event"] for entry in logs] == ["field.unreadable", "field.readable"]
    assert logs[0]["cause"] == found.code
    assert logs[0]["refused"] == REFUSED_FIRST


def test_a_store_has_one_writer(tmp_path: Path) -> None:
    """The lock names its holder while it is held, and nobody after; a missing folder is named."""
    store = tmp_path / "a.sqlite"
    assert store_holder(store) is None
    with lock_store(store, "qres gateway"):
        assert store_holder(store) == f"qres gateway (process {os.getpid()})"
        with (
            pytest.raises(StoreBusyError, match="is in use by qres gateway"),
            lock_store(store, "qres replay"),
        ):
            pass
    assert store_holder(store) is None
    with lock_store(store, "qres replay"):
        assert store_holder(store) == f"qres replay (process {os.getpid()})"
    with (
        pytest.raises(FrameLogError, match="No such file or directory"),
        lock_store(tmp_path / "none" / "a.sqlite", "qres replay"),
    ):
        pass


class QuietSource:
    """A source to which nobody has sent anything."""

    name = "udp 127.0.0.1:1700"
    port = 1700

    def __init__(self, datagrams: int) -> None:
        self._datagrams = datagrams

    def stats(self) -> dict[str, int]:
        """As `UdpSource`."""
        return {"datagrams": self._datagrams}


@pytest.mark.parametrize("datagrams", [0, 1])
def test_a_forwarder_that_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datagrams: int
) -> None:
    """If nothing at all comes to the port, one line says which settings to look at."""
    monkeypatch.setattr(gateway, "FORWARDER_SILENT_S", 0.0)
    structlog.reset_defaults()

    async def tell() -> None:
        source = cast("UdpSource", QuietSource(datagrams))
        service = cast("GatewayService", None)
        run = gateway._Run(service, source, Watch(tmp_path / "a.sqlite", SITE))
        await run._tell_silence()

    with capture_logs() as logs:
        asyncio.run(tell())
    said = [entry["likely"] for entry in logs if entry["event"] == "source.silent"]
    assert len(said) == (datagrams == 0)
    assert all("serv_port_up and serv_port_down to 1700" in text for text in said)


def test_a_second_signal_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signal asks for an end in order, the second one does not wait for it."""
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.setattr(signal, "signal", lambda number, _: raised.append(-number))
    source, service = cast("UdpSource", QuietSource(0)), cast("GatewayService", None)
    run = gateway._Run(service, source, Watch(tmp_path / "a.sqlite", SITE))
    run._signalled(signal.SIGTERM)
    assert run._stop.is_set()
    assert raised == []
    run._signalled(signal.SIGINT)
    assert raised == [-signal.SIGINT, signal.SIGINT]


def test_ctrl_c_while_it_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before a verb is even imported gives 130 and no traceback."""

    def stopped(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", stopped)
    with pytest.raises(SystemExit) as stop:
        main(["gateway"])
    assert stop.value.code == 130
    assert capsys.readouterr().err == ""
