# SPDX-License-Identifier: Apache-2.0
"""
All volumes of the stack as one archive, and back.

    backup > FILE     to stdout; the gateway may run, everything else must be stopped
    verify < FILE     whether the archive is whole
    restore < FILE    replace what the volumes hold; nothing may run

The gateway's database is copied first and through SQLite, so it is consistent and its cursors are
not ahead of what the other volumes hold: after a restore it delivers again what they lack.

Exit codes: 0 done; 1 not done, the last line on stderr says why; 2 wrong usage.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

__all__ = ["VOLUMES", "ArchiveError", "backup", "restore", "verify"]

VOLUMES: Final = (
    "gateway-data",  # first, see above
    "field",
    "secrets",
    "secrets-gateway",
    "secrets-grafana",
    "secrets-mosquitto",
    "influx-data",
    "influx-config",
    "grafana-data",
    "mosquitto-data",
    "demo-state",
)
_HEAD: Final = "qres-backup.json"
_TAIL: Final = "complete"
_VERSION: Final = 1
_SQLITE: Final = ".sqlite"
_COPY: Final = ".backup-"
_PIECE: Final = 1 << 20


class ArchiveError(Exception):
    """The archive is none of ours, damaged or not whole."""


def backup(root: Path, out: BinaryIO) -> int:
    """
    Write the volumes below *root* to *out*.

    Returns:
        How many files it holds.

    Raises:
        OSError: A file cannot be read, or *out* not be written.
        sqlite3.Error: The gateway's database cannot be read.
    """
    count = 0
    with tarfile.open(fileobj=out, mode="w|gz", format=tarfile.PAX_FORMAT) as tar:
        head = {"version": _VERSION, "volumes": VOLUMES}
        _add_text(tar, _HEAD, json.dumps(head))
        for volume in VOLUMES:
            for path in _walk(root / volume):
                name = str(path.relative_to(root))
                if path.suffix == _SQLITE:
                    with _copied(path) as copy:
                        tar.add(copy, name, recursive=False)
                else:
                    tar.add(path, name, recursive=False)
                count += path.is_file()
        _add_text(tar, _TAIL, str(count))
    return count


def verify(archive: BinaryIO) -> int:
    """
    Read the whole archive.

    Returns:
        How many files it holds.

    Raises:
        ArchiveError: It is not one, or not whole.
    """
    return sum(member.isreg() for member, _ in _members(archive))


def restore(root: Path, archive: BinaryIO) -> int:
    """
    Replace the contents of the volumes below *root*.

    Returns:
        How many files were written.

    Raises:
        ArchiveError: As `verify`, which should have been asked before: what was read is written.
        OSError: A file cannot be written.
    """
    for volume in VOLUMES:
        for path in (root / volume).iterdir() if (root / volume).exists() else ():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    count = 0
    for member, content in _members(archive):
        path = root / member.name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            with path.open("xb") as file:
                shutil.copyfileobj(content, file)
            count += 1
        os.chown(path, member.uid, member.gid)
        path.chmod(member.mode & 0o7777)
        os.utime(path, (member.mtime, member.mtime))
    os.sync()
    return count


def _walk(top: Path) -> Iterator[Path]:
    """Folders before what is in them; without SQLite's side files, locks and sockets."""
    if not top.exists():
        return
    yield top
    for path in sorted(top.iterdir()):
        if path.name.startswith(_COPY):
            continue  # of a backup that was killed
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file() and not path.is_symlink() and not _is_side_file(path):
            yield path


def _is_side_file(path: Path) -> bool:
    return any(path.name.endswith(_SQLITE + end) for end in ("-wal", "-shm", "-journal", ".lock"))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A consistent copy of a SQLite database that may be in use, owner and mode as the original."""
    with tempfile.TemporaryDirectory(prefix=_COPY, dir=path.parent) as folder:
        copy = Path(folder) / path.name
        with (
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        found = path.stat()
        os.chown(copy, found.st_uid, found.st_gid)
        copy.chmod(found.st_mode & 0o7777)
        yield copy


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o600
    tar.addfile(member, io.BytesIO(data))


def _members(archive: BinaryIO) -> Iterator[tuple[tarfile.TarInfo, BinaryIO | None]]:
    """Folders (None) and files of the volumes, each read to its end before the next one."""
    count, tail = 0, None
    try:
        with (
            gzip.open(archive, "rb") as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            _check_head(tar)
            while (member := tar.next()) is not None:
                content = tar.extractfile(member) if member.isreg() else None
                if member.name == _TAIL and content is not None:
                    tail = int(content.read())
                    continue
                _check_name(member)
                yield member, content  # type: ignore[misc]  # typeshed says IO[bytes]
                if content is not None:
                    while content.read(_PIECE):
                        pass
                    count += 1
            while plain.read(_PIECE):  # to its end, where its checksum is
                pass
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the archive
        raise ArchiveError(f"damaged: {error}") from error
    if tail != count:
        raise ArchiveError(f"not whole: {count} files of {tail if tail is not None else 'unknown'}")


def _check_head(tar: tarfile.TarFile) -> None:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == _HEAD else None
    if content is None:
        raise ArchiveError(f"no backup of this stack: it does not begin with {_HEAD}")
    version = json.loads(content.read())["version"]
    if version != _VERSION:
        raise ArchiveError(f"version {version}: this program reads {_VERSION}")


def _check_name(member: tarfile.TarInfo) -> None:
    parts = PurePosixPath(member.name).parts
    if not (member.isreg() or member.isdir()) or ".." in parts or parts[0] not in VOLUMES:
        raise ArchiveError(f"holds what no backup does: {member.name!r}")


def main() -> None:
    """Run the job of the command line on /volumes."""
    job = sys.argv[1] if len(sys.argv) == 2 else ""
    root = Path(os.environ.get("QRES_VOLUMES", "/volumes"))
    try:
        if job == "backup":
            count = backup(root, sys.stdout.buffer)
        elif job == "verify":
            count = verify(sys.stdin.buffer)
        elif job == "restore":
            count = restore(root, sys.stdin.buffer)
        else:
            sys.stderr.write((__doc__ or "").lstrip())
            raise SystemExit(2)
    except (ArchiveError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{job}: error: {error}\n")
        raise SystemExit(1) from None
    sys.stderr.write(f"{job}: {count} files\n")


if __name__ == "__main__":
    main()
