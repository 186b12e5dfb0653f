# SPDX-License-Identifier: Apache-2.0
"""`qres doctor`: every trouble is found, in plain words, with a fix; and it changes nothing."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qres import self_test
from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.doctor import host, ports, program
from qres_gateway.doctor.result import Result
from qres_gateway.doctor.store import store as check_store
from qres_gateway.frame_log import FrameLog
from qres_gateway.replay.derived import mark_begin
from qres_gateway.spill import spill, spill_path
from tests.gateway.recorded_field import Recorded, recorded, write_field
from tests.gateway.test_cli_replay import Ran, capture, dump


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Thirty hours of six nodes."""
    return recorded()


@pytest.fixture
def site(tmp_path: Path, field: Recorded) -> Path:
    """Its site file."""
    return write_field(tmp_path, field.site)


def free_port(kind: socket.SocketKind) -> int:
    """A port that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def doctor(
    capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int | str | None, dict[str, dict[str, Any]]]:
    """Exit code, and the last result of each name."""
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    ran = Ran(capsys, "doctor", "--json", "--udp-port", udp, "--console-port", tcp, *arguments)
    assert ran.out.count("\n") == 1
    said = json.loads(ran.out)
    assert said["ok"] == (ran.code == 0)
    for check in said["checks"]:
        assert check["level"] in {"ok", "info", "warn", "fail"}
        assert check["found"]
        if check["level"] in {"warn", "fail"}:
            assert check["means"], check
            assert check["fix"], check
    return ran.code, {check["name"]: check for check in said["checks"]}


def at(field: Recorded, hours_later: float = 0.1) -> int:
    """Some time after the last frame. [us]"""
    return field.frames[-1].rx_us + round(hours_later * 3.6e9)


def results(path: Path, field: Recorded, hours_later: float = 0.1) -> dict[str, Result]:
    """What is said of a store, by name."""
    return {r.name: r for r in check_store(path, field.site, at(field, hours_later))}


def test_a_sound_installation(
    tmp_path: Path, site: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing fails here; each part is named; store and site are only read."""
    store = tmp_path / "gateway.sqlite"
    Ran(capsys, "replay", capture(tmp_path / "d.pcap", field.frames), "--site", site,
        "--store", store)  # fmt: skip
    before, files = dump(store), {p.name for p in tmp_path.iterdir()}
    code, found = doctor(capsys, "--site", site)
    assert code == 0
    for name in ("python", "compiled core", "self-test: airtime", "self-test: AES-CCM",
                 "self-test: report", "chart library", "demo weather", "clock", "store folder",
                 "site file", "store integrity", "decoding", "refused frames"):  # fmt: skip
        assert found[name]["level"] == "ok", found[name]
    assert found["last frame"]["level"] == "warn", "the demo's weather is years old"
    assert dump(store) == before
    assert {p.name for p in tmp_path.iterdir()} - files <= {
        "gateway.sqlite-shm", "gateway.sqlite-wal"
    }  # fmt: skip


def test_for_people(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without arguments it looks at what is here; a failure is the last word, and exit code 1."""
    monkeypatch.chdir(tmp_path)
    arguments = ("--udp-port", free_port(socket.SOCK_DGRAM), "--console-port",
                 free_port(socket.SOCK_STREAM))  # fmt: skip
    ran = Ran(capsys, "doctor", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "ok   self-test: AES-CCM: gives the known answer" in ran.out
    assert "info store: gateway.sqlite: none yet; `qres gateway` makes it" in ran.out
    (tmp_path / "site.toml").write_text("[site]\n")
    ran = Ran(capsys, "doctor", *arguments)
    assert ran.code == 1
    assert "FAIL site file: site.toml:" in ran.out
    assert "Fix: Correct it: `qres site check site.toml`." in ran.out
    assert ran.last_words == "error: does not work: site file"
    assert Ran(capsys, "doctor", "--udp-port", "0").code == 2


def test_a_missing_core() -> None:
    """Without the compiled core the doctor still speaks; other verbs point to it."""
    script = (
        "import sys\nsys.modules['qres._core'] = None\nfrom qres_gateway.cli import main\n"
        "main(sys.argv[1:])"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
        )

    ran = run("doctor")
    assert ran.returncode == 1
    assert "FAIL compiled core: cannot be loaded: import of qres._core halted" in ran.stdout
    assert "Nothing can be decoded" in ran.stdout
    assert "compiled core" in ran.stderr
    ran = run("site", "check", "x.toml")
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: the compiled core qres._core cannot be loaded;")
    assert ran.stderr.count("\n") == 1


def test_a_core_that_computes_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another wire version or a wrong answer fails, with what came and what must come."""
    monkeypatch.setattr(program, "SPEC_WIRE_VERSION", 2)
    monkeypatch.setattr(self_test, "AIRTIME_SF7_13_BYTES_US", 46_335)
    monkeypatch.setattr(self_test, "CCM_SEALED", "00")
    found = {r.name: r for r in program.core()}
    assert "is 1, of its header 1: must be 2" in found["compiled core"].found
    assert "is 46336 us: must be 46335 us" in found["self-test: airtime"].found
    assert "must be 00" in found["self-test: AES-CCM"].found
    levels = [found[n].level for n in ("compiled core", "self-test: airtime", "self-test: AES-CCM")]
    assert levels == ["fail"] * 3
    assert found["self-test: report"].level == "ok"
    assert program.python((3, 10, 12)).level == "fail"


def test_ports_and_their_holders(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use is a warning that names who holds it; an address of others fails."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(1)
        busy = {"udp": udp.getsockname()[1], "tcp": tcp.getsockname()[1]}
        for kind, port in busy.items():
            assert kind in {"udp", "tcp"}
            result = ports.port_free(kind, "127.0.0.1", port, "tests", "--x")  # type: ignore[arg-type]
            assert result.level == "warn"
            assert f"in use by process {os.getpid()} (" in result.found
        _, found = doctor(capsys, "--udp-port", busy["udp"])
        assert found[f"UDP port {busy['udp']}"]["level"] == "warn"
    port = free_port(socket.SOCK_DGRAM)
    assert ports.port_free("udp", "127.0.0.1", port, "tests", "--x").level == "ok"
    assert ports.port_free("udp", "192.0.2.1", port, "tests", "--x").level == "fail"
    assert ports.holder("tcp", port) is None


def test_clock(tmp_path: Path) -> None:
    """A year before this program fails; what timedatectl says is passed on in words."""
    assert host.clock(datetime(1970, 1, 1, 0, 5, tzinfo=UTC)).level == "fail"
    assert host.clock(datetime(2100, 1, 1, tzinfo=UTC)).level == "fail"
    assert host.clock(datetime(2027, 1, 1, tzinfo=UTC)).level == "ok"
    assert host.clock_sync("no-such-program").level == "info"
    for said, level in (("yes", "ok"), ("no", "warn"), ("System has not been booted", "info")):
        script = tmp_path / f"say-{level}"
        script.write_text(f"#!/bin/sh\necho '{said}'\n")
        script.chmod(0o755)
        assert host.clock_sync(str(script)).level == level


def test_room_for_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there fails; little room warns, hardly any fails."""
    (missing,) = host.store_folder(tmp_path / "none")
    assert missing.level == "fail"
    assert f"{tmp_path / 'none'}: No such file or directory" in missing.found
    for free, level in ((5_000_000, "fail"), (50_000_000, "warn"), (5_000_000_000, "ok")):
        room = SimpleNamespace(free=free)
        monkeypatch.setattr("shutil.disk_usage", lambda _folder, room=room: room)
        assert [r.level for r in host.store_folder(tmp_path)] == ["ok", level]


def test_a_key_that_does_not_fit(
    tmp_path: Path, field: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store full of refused frames fails with the likeliest cause."""
    wrong = write_field(tmp_path, field.site, key=bytes(range(16)))
    path = capture(tmp_path / "d.pcap", field.frames)
    store = tmp_path / "gateway.sqlite"
    assert Ran(capsys, "replay", path, "--site", wrong, "--store", store).code == 1
    code, found = doctor(capsys, "--site", wrong)
    assert code == 1
    assert found["refused frames"]["level"] == "fail"
    assert found["refused frames"]["means"].startswith("The key does not fit")
    assert "provisioned" in found["refused frames"]["fix"]


def test_the_life_of_a_store(tmp_path: Path, field: Recorded) -> None:
    """New, waiting, interrupted, with unsaved frames, silent, from the future: each is said."""
    path = tmp_path / "gateway.sqlite"
    assert results(path, field)["store"].level == "info"
    with Database.open(path) as database:
        assert results(path, field)["last frame"].found == "none yet"
        log = FrameLog(database)
        mark_begin(database, log)
        log.append(field.frames)
        log.set_cursor("influx", 3)
    found = results(path, field)
    n = len(field.frames)
    assert found["replay"].level == "warn"
    assert "from row 1 on" in found["replay"].found
    assert found["decoding"].found == f"{n} of {n} frames are not decoded"
    assert found["reader 'influx'"].found == f"is {n - 3} frames behind"
    assert found["last frame"].level == "ok"
    assert found["last frame"].found.endswith(", 6.0 min ago")
    assert results(path, field, 5.0)["last frame"].level == "warn"
    assert "1.0 h in the future" in results(path, field, -1.0)["last frame"].found
    spill(path, field.frames[:2])
    assert spill_path(path).name in results(path, field)["unsaved frames"].found


@pytest.mark.parametrize("damage", ["page", "head", "foreign", "newer"])
def test_a_damaged_store(tmp_path: Path, field: Recorded, damage: str) -> None:
    """A damaged page, no database at all, another program's, a newer one's: all fail, in words."""
    path = tmp_path / "gateway.sqlite"
    with Database.open(path) as database:
        FrameLog(database).append(field.frames)
    content = bytearray(path.read_bytes())
    if damage == "page":
        content[8192:40_960] = b"\xa5" * (40_960 - 8192)
        path.write_bytes(content)
    elif damage == "head":
        path.write_bytes(b"no database" + content[11:])
    else:
        statement = "application_id=1" if damage == "foreign" else "user_version=99"
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA {statement}")
    failed = [r for r in check_store(path, field.site, at(field)) if r.level == "fail"]
    assert failed, damage
    words = {
        "page": "damage",
        "head": "is not a database",
        "foreign": "is a database of another program",
        "newer": "has schema version 99, this program knows up to",
    }[damage]
    assert any(words in f"{r.found} {r.means}" for r in failed), failed


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that there is not is wrong usage: exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--heal"])
    assert stop.value.code == 2
    assert "Usage: qres doctor" in capsys.readouterr().err
