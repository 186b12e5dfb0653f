# SPDX-License-Identifier: Apache-2.0
"""
The `qres` command when something is wrong, as a person sees it.

Exit code as documented, a last line that names what is wrong with its value, and no traceback.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qres_gateway.database import Database
from qres_gateway.sources.capture import write_capture
from tests.e2e.clocked_gateway import FileClock
from tests.e2e.qres_process import Forwarder, Running, qres
from tests.e2e.stores import last_commit, pass_time, whole
from tests.gateway.recorded_field import Recorded, recorded, write_field

EARLIER_US = 3_600_000_000
SLOW = pytest.mark.slow  # what a faster test of the same kind stands for


@pytest.fixture(scope="module")
def field() -> Recorded:
    """Eight nodes for half a day, night and morning."""
    return recorded(8, 12.0)


@pytest.fixture
def site(tmp_path: Path, field: Recorded) -> Path:
    """Their site file."""
    return write_field(tmp_path, field.site)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount(8) for a small tmpfs")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_key_that_does_not_fit(tmp_path: Path, field: Recorded) -> None:
    """A gateway with another key says so by itself, in one line, after ten frames."""
    wrong = write_field(tmp_path, field.site, key=bytes(range(16)))
    clock, store = FileClock(tmp_path / "clock"), tmp_path / "gateway.sqlite"
    sent = [s for phase in field.sent for s in phase][:-1]
    first = next(i for i, s in enumerate(sent) if s.kind == "beacon")
    sent = sent[first : first + 12]
    clock.set(sent[0].end_us - EARLIER_US)
    with (
        Running(
            "gateway", "--site", wrong, "--udp-port", 0, "--no-console", clock=tmp_path / "clock"
        ) as gateway,
        Forwarder(field.site, clock) as forwarder,
    ):
        forwarder.connect(gateway.udp_port())
        for frame in sent:
            forwarder.push(frame)
        pass_time(clock, sent[-1].end_us, store, len(sent))
        line = gateway.wait_for("field.unreadable").string
        ran = gateway.end(signal.SIGTERM)
    assert "cause=key" in line
    assert re.search(r"The key does not fit: \d beacons? came with the hash of this site", line)
    assert str(tmp_path / "field.key") in line
    assert (ran.code, ran.err.count("field.unreadable")) == (0, 1)


@pytest.mark.parametrize("wrong", ["site", pytest.param("key", marks=SLOW)])
def test_a_capture_with_the_wrong_files(tmp_path: Path, field: Recorded, wrong: str) -> None:
    """Replaying with a wrong key or a wrong site file ends with the name of what does not fit."""
    path = tmp_path / "day.pcap"
    write_capture(path, field.frames)
    other = replace(field.site, field_id=7) if wrong == "site" else field.site
    site = write_field(tmp_path, other, key=bytes(range(16)))
    ran = qres("replay", path, "--site", site)
    assert ran.code == 1
    named = {"key": "The key does not fit", "site": "The site file does not fit"}[wrong]
    assert ran.last_words.startswith(f"error: {named}: ")


def spoil(what: str, site: Path) -> str:
    """Spoil something that a gateway needs; returns what is to be said."""
    key, store = site.with_name("field.key"), site.with_name("gateway.sqlite")
    if what == "no site":
        site.unlink()
        return f"error: {site}: not found; `qres site new` writes a new one"
    if what == "bad site":
        text = site.read_text()
        line = text[: text.index("\nsf = 9")].count("\n") + 2
        site.write_text(text.replace("\nsf = 9", "\nsf = 99"))
        return f"error: {site}:{line}: radio.sf = 99: must be a whole number 7..12"
    if what == "no key":
        key.unlink()
        return f"error: key file {key}: not found; copy the field's key there, or make"
    if what == "short key":
        key.write_text("0123")
        return f"error: key file {key}: has 4 digits: must be 32 hexadecimal digits"
    if what == "folder":
        store.mkdir()
        return f"error: frame log {store}: cannot be opened."
    store.write_bytes(b"no database" * 500)
    return f"error: frame log {store}: is not a database. Choose another path"


@pytest.mark.parametrize(
    "what",
    [
        "no database",
        *(
            pytest.param(what, marks=SLOW)
            for what in ("no site", "bad site", "no key", "short key", "folder")
        ),
    ],
)
def test_files_that_a_gateway_needs(site: Path, what: str) -> None:
    """Site file, key file or store missing or wrong: the file, what is wrong, and what to do."""
    said = spoil(what, site)
    ran = qres("gateway", "--site", site, "--udp-port", 0, "--no-console")
    assert ran.code == 1
    assert ran.last_words.startswith(said)


@SLOW
def test_a_locked_store(tmp_path: Path, site: Path) -> None:
    """A program that works on the store with SQL keeps a gateway from starting, in plain words."""
    store = tmp_path / "store.sqlite"
    with Database.open(store), sqlite3.connect(store, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = qres("gateway", "--site", site, "--store", store, "--udp-port", 0, "--no-console")
        other.execute("ROLLBACK")
    other.close()
    assert ran.code == 1
    said = f"error: frame log {store}: another process holds the write lock. Stop the second"
    assert ran.last_words.startswith(said)


def test_a_busy_udp_port(site: Path) -> None:
    """A UDP port in use is named, with the option for another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
        ran = qres("gateway", "--site", site, "--udp-port", port, "--no-console")
    assert ran.code == 1
    assert ran.last_words.startswith(f"error: UDP port {port} on 127.0.0.1 is in use by another")
    assert "--udp-port" in ran.last_words


@pytest.mark.parametrize("verb", ["gateway", pytest.param("demo", marks=SLOW)])
def test_a_busy_console_port(tmp_path: Path, site: Path, verb: str) -> None:
    """A TCP port in use is named before any work begins: there is no store."""
    store = tmp_path / "store.sqlite"
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(1)
        port = tcp.getsockname()[1]
        if verb == "demo":
            ran = qres("demo", "--port", port, "--no-browser", "--store", store)
        else:
            ran = qres("gateway", "--site", site, "--store", store, "--console-port", port)
    assert ran.code == 1
    said = f"error: the console cannot use port {port} on 127.0.0.1: another program"
    assert ran.last_words.startswith(said)
    assert not store.exists()


@pytest.mark.parametrize(
    "name",
    ["none.npz", *(pytest.param(n, marks=SLOW) for n in ("folder.npz", "noise.npz", "bare.csv"))],
)
def test_data_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """Recorded weather that is missing, a folder, no weather, or closed: the file is named."""
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "noise.npz").write_bytes(b"noise" * 100)
    (tmp_path / "bare.csv").write_text("time,station\n")
    (tmp_path / "bare.csv").chmod(0)  # root reads it all the same, and finds columns missing
    ran = qres("demo", "--once", "--data", name, folder=tmp_path)
    assert ran.code == 1
    assert ran.last_words.startswith(f"error: {name}:")


@SLOW
def test_wrong_usage() -> None:
    """An argument beyond its limit is wrong usage: both are named."""
    ran = qres("demo", "--once", "--nodes", 129)
    assert ran.code == 2
    assert "'--nodes'" in ran.err
    assert "128" in ran.err


def test_a_store_that_exists(tmp_path: Path) -> None:
    """The demo writes into no database that is there already."""
    store = tmp_path / "mine.sqlite"
    store.write_bytes(b"mine")
    ran = qres("demo", "--once", "--store", store)
    assert ran.code == 1
    assert ran.last_words == f"error: --store = {store}: must be a new file; this one exists"
    assert store.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [store]
    nowhere = tmp_path / "none" / "new.sqlite"
    ran = qres("demo", "--once", "--store", nowhere)
    assert ran.last_words == f"error: --store = {nowhere}: must be in a folder that exists"


@SLOW
def test_the_demo_keeps_what_replay_needs(tmp_path: Path) -> None:
    """A demo's store, site file and key are enough for a replay, which finds the same digest."""
    store = tmp_path / "demo.sqlite"
    ran = qres("demo", "--once", "--hours", 2, "--nodes", 5, "--store", store)
    assert ran.code == 0
    assert f"{tmp_path / 'site.toml'}: this field, with the demo's public key" in ran.err
    assert (tmp_path / "demo.key").stat().st_mode & 0o777 == 0o600
    _, digest = last_commit(store)
    ran = qres("replay", "demo.sqlite", folder=tmp_path)
    assert ran.code == 0
    assert f"{digest:08x}" in ran.out
    kept = (tmp_path / "site.toml").read_bytes()
    ran = qres("demo", "--once", "--hours", 1, "--nodes", 3, "--store", tmp_path / "b.sqlite")
    assert "exists and is left as it is" in ran.err
    assert (tmp_path / "site.toml").read_bytes() == kept


@SLOW
def test_a_full_disk(small_disk: Path, tmp_path: Path, site: Path, field: Recorded) -> None:
    """Full from the beginning or in the middle: said in words; what was logged before is whole."""
    capture = tmp_path / "day.pcap"
    write_capture(capture, field.frames)
    store = small_disk / "store.sqlite"
    ran = qres("demo", "--once", "--hours", 200, "--nodes", 28, "--store", store)
    assert ran.code == 1
    assert ran.last_words.startswith("error: ")
    assert "no room is left" in ran.last_words or "frames are lost" in ran.last_words
    for arguments in (
        ("replay", capture, "--site", site, "--store", small_disk / "new.sqlite"),
        ("gateway", "--site", site, "--store", small_disk / "other.sqlite", "--no-console"),
    ):
        (small_disk / "filler").write_bytes(b"")
        fill(small_disk / "filler")
        ran = qres(*arguments)
        assert ran.code == 1
        assert f"frame log {arguments[-2 if arguments[0] == 'gateway' else -1]}" in ran.last_words
        assert "no room is left" in ran.last_words
    (small_disk / "filler").unlink()
    assert whole(store)


def fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 512, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
