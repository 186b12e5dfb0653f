# SPDX-License-Identifier: Apache-2.0
"""The stack's jobs, process by process: secrets, broker users, site, archive, health checks."""

from __future__ import annotations

import base64
import http.server
import io
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qres.errors import QresError
from qres.keys import read_key_file, write_key_file
from qres.site import load_site
from qres.virtual.sites import VIRTUAL_FIELD_ID
from tests.sources import ROOT

sys.path.insert(0, str(ROOT / "infra"))
from qres_init import alive, archive, fresh, mosquitto
from qres_init.secret_files import Owner, SecretFolder, password
from qres_init.site import install_site

ME = Owner(os.getuid(), os.getgid())

GOLDEN = (
    "reader:$7$101$jEELEWXKBJZQLGOm$"
    "S+cxbj9bXmyd9c/1j0askjXCJ8rbto2zv7ALpKO/eQLI"
    "3Yp97tKkVgB+8Z+96ObBbD5BTfJgfq3djgAqW4fEhQ=="
)


def folder(path: Path) -> SecretFolder:
    """A folder of secrets of whoever runs the tests."""
    made = SecretFolder(path, ME)
    made.prepare()
    return made


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """Asked for again, it is the same; nobody else may read it or see its folder."""
    secrets = folder(tmp_path / "secrets")
    first = secrets.ensure("one")
    assert secrets.ensure("one") == first
    assert len(first) >= 32
    assert password() != password()
    assert (tmp_path / "secrets/one").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert [p.name for p in (tmp_path / "secrets").iterdir()] == ["one"]


def test_password_hash_is_the_brokers() -> None:
    """
    A line is what mosquitto_passwd writes for that salt.

    Source:
        `mosquitto_passwd -b f reader hello` of mosquitto 2.0.11, Debian 12.
    """
    line = GOLDEN
    salt = base64.b64decode(line.split("$")[3])
    assert mosquitto.hashed("reader", "hello", salt) == line
    assert mosquitto.is_password(line, "reader", "hello")
    assert not mosquitto.is_password(line, "reader", "hallo")
    assert not mosquitto.is_password("reader:nonsense", "reader", "hello")


def test_broker_users_are_made_once(tmp_path: Path) -> None:
    """A second start changes nothing; a rotation changes every password and every hash."""
    admin, broker, gateway = (folder(tmp_path / name) for name in ("admin", "broker", "gateway"))
    assert mosquitto.ensure_users(admin, broker, gateway) is True
    before = {p: p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()}
    assert mosquitto.ensure_users(admin, broker, gateway) is False
    assert {p: p.read_bytes() for p in before} == before
    mosquitto.rotate_users(admin, broker, gateway)
    same = {p.name for p in before if p.read_bytes() == before[p]}
    assert same == {"acl"}


def test_passwords_are_never_in_the_brokers_file(tmp_path: Path) -> None:
    """The password file holds hashes; the one login in the clear is the health check's."""
    admin, broker, gateway = (folder(tmp_path / name) for name in ("admin", "broker", "gateway"))
    mosquitto.ensure_users(admin, broker, gateway)
    told = "".join(p.read_text() for p in (tmp_path / "broker").iterdir())
    secrets = {user: admin.read(f"mqtt_{user}") for user in mosquitto.USERS}
    assert [user for user, secret in secrets.items() if secret and secret in told] == ["health"]


def test_without_a_site_the_demo_gets_a_fresh_key(tmp_path: Path) -> None:
    """The demo's field has its 28 stations and a key of this stack's own, once."""
    field = folder(tmp_path / "field")
    (tmp_path / "given").mkdir()
    assert "fresh key" in install_site(tmp_path / "given", field)
    site = load_site(tmp_path / "field/site.toml")
    key = read_key_file(site.key_file)
    assert (len(site.nodes), site.epoch_s, site.field_id) == (28, 300, VIRTUAL_FIELD_ID)
    assert "as it was" in install_site(tmp_path / "given", field)
    assert read_key_file(site.key_file) == key


def test_the_users_site_is_copied(tmp_path: Path) -> None:
    """A site and its key arrive whole; a changed one replaces them; the demo's gives way."""
    field, given = folder(tmp_path / "field"), tmp_path / "given"
    given.mkdir()
    install_site(given, field)
    make_site(given, 5)
    assert "5 nodes" in install_site(given, field)
    site = load_site(tmp_path / "field/site.toml")
    assert site.nodes == load_site(given / "site.toml").nodes
    assert read_key_file(site.key_file) == read_key_file(given / "site.key")
    assert "as it was" in install_site(given, field)


def make_site(where: Path, nodes: int) -> None:
    """As a user makes one."""
    from typer.testing import CliRunner  # noqa: PLC0415

    from qres_gateway.cli import build_app  # noqa: PLC0415

    words = ["site", "new", "--out", str(where), "--nodes", str(nodes)]
    assert CliRunner().invoke(build_app("site"), words).exit_code == 0


def test_a_site_without_its_key_is_refused(tmp_path: Path) -> None:
    """A site whose key is missing stops the start, and what was there stays."""
    field, given = folder(tmp_path / "field"), tmp_path / "given"
    given.mkdir()
    make_site(given, 3)
    (given / "site.key").unlink()
    with pytest.raises(QresError, match=r"site\.key.*not found"):
        install_site(given, field)
    assert list((tmp_path / "field").iterdir()) == []


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """Volumes with a key, a database in use, and something of everybody's."""
    root = tmp_path / "volumes"
    for name in archive.VOLUMES:
        (root / name / "inside").mkdir(parents=True)
        (root / name / "inside" / "file").write_bytes(name.encode() * 1000)
    write_key_file(root / "field" / "site.key", bytes(range(16)))
    return root


def written(root: Path) -> io.BytesIO:
    """A backup, at its beginning."""
    out = io.BytesIO()
    archive.backup(root, out)
    out.seek(0)
    return out


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file but databases and what SQLite puts beside them."""
    return {
        str(p.relative_to(root)): (p.stat().st_mode, p.read_bytes())
        for p in sorted(root.rglob("*"))
        if p.is_file() and ".sqlite" not in p.name
    }


def test_a_restored_backup_is_the_same(volumes: Path) -> None:
    """Files and modes are those of the backup, and what came later is gone."""
    before, file = tree(volumes), written(volumes)
    (volumes / "field" / "site.key").unlink()
    (volumes / "influx-data" / "later").write_text("x")
    assert archive.verify(file) == len(before)
    file.seek(0)
    assert archive.restore(volumes, file) == len(before)
    assert tree(volumes) == before


def test_a_database_in_use_is_copied_consistently(volumes: Path) -> None:
    """What was committed is in the copy, even if it is still in the write-ahead log only."""
    path = volumes / "gateway-data" / "gateway.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE log (id INTEGER)")
        database.executemany("INSERT INTO log VALUES (?)", [(i,) for i in range(1000)])
        database.commit()
        assert path.with_name("gateway.sqlite-wal").stat().st_size > 0
        database.execute("INSERT INTO log VALUES (-1)")  # not committed
        file = written(volumes)
    with tarfile.open(fileobj=file) as tar:
        names = tar.getnames()
    assert [n for n in names if "sqlite" in n] == ["gateway-data/gateway.sqlite"]
    assert names[:3] == ["qres-backup.json", "gateway-data", "gateway-data/gateway.sqlite"]
    file.seek(0)
    archive.restore(volumes, file)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*), min(id) FROM log").fetchone() == (1000, 0)


@pytest.mark.parametrize(("share", "missing"), [(0.0, 0), (0.01, 0), (0.5, 0), (1.0, 1), (1.0, 20)])
def test_a_cut_backup_is_found_out(volumes: Path, share: float, missing: int) -> None:
    """However much of it is missing, `verify` says that it is not whole."""
    data = written(volumes).getvalue()
    with pytest.raises(archive.ArchiveError):
        archive.verify(io.BytesIO(data[: int(len(data) * share) - missing]))


def test_a_foreign_archive_is_refused() -> None:
    """Another tar file, or one that would write elsewhere, is not restored."""
    for names in (["other"], [archive._HEAD, "../etc/passwd"], [archive._HEAD, "/etc/passwd"]):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name in names:
                text = b'{"version": 1}' if name == archive._HEAD else b"x"
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
        with pytest.raises(archive.ArchiveError):
            archive.verify(io.BytesIO(out.getvalue()))


class Page(http.server.BaseHTTPRequestHandler):
    """Answers 200 on /healthz and 503 elsewhere."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    """Address of a server of `Page`."""
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("path", "code"), [("/healthz", 0), ("/other", 1)])
def test_health_check_follows_the_status(page: str, path: str, code: int) -> None:
    """200 is healthy, anything else is not."""
    command = [sys.executable, "-m", "qres_init.alive", page + path]
    done = subprocess.run(command, cwd=ROOT / "infra", check=False)
    assert done.returncode == code


def test_health_check_without_a_server() -> None:
    """Nobody there: not healthy, and one line says so."""
    with pytest.raises(OSError, match="refused"):
        alive.status("http://127.0.0.1:1/healthz")


def test_age_of_a_file(tmp_path: Path) -> None:
    """A file is as old as its last writing."""
    path = tmp_path / "timeline.json"
    path.touch()
    os.utime(path, (time.time() - 100, time.time() - 100))
    assert 100 <= fresh.age_s(str(path)) < 110
