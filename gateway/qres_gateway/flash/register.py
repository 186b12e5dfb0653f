# SPDX-License-Identifier: Apache-2.0
"""
The register of a site: which board (factory address) became which node, and when.

A file beside the site file, `site.boards.json` for `site.toml`. Two boards with one id would send
under the same nonces; the register is how a second one is noticed while the first hangs on its
pole. It holds no secret.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from qres.atomic_file import write_atomic
from qres_gateway.flash.errors import RegisterError

__all__ = ["Entry", "Keeper", "Register", "load_register", "register_path"]

_VERSION = 1


class Entry(msgspec.Struct, frozen=True):
    """
    One board.

    Attributes:
        mac: Its factory address.
        chip: Its chip.
        node_id: The node that it became.
        site_hash: Fingerprint of the site that it was given, 8 hexadecimal digits.
        firmware: Digest of its firmware, "" if only the record was written.
        time_s: When. [s] since 1970
    """

    mac: str
    chip: str
    node_id: int
    site_hash: str
    firmware: str
    time_s: int


class Register(msgspec.Struct, frozen=True):
    """
    The boards of one field, newest last, at most one entry a node and a board.

    Attributes:
        version: Of this file.
        field_id: Whose boards they are.
        boards: The boards.
    """

    version: int
    field_id: int
    boards: tuple[Entry, ...] = ()

    def mac_of(self, node_id: int) -> str:
        """The board that has this id, "" if none has."""
        return next((b.mac for b in self.boards if b.node_id == node_id), "")

    def with_entry(self, entry: Entry) -> Register:
        """The register with *entry* in the place of what it supersedes."""
        others = (b for b in self.boards if entry.mac != b.mac and entry.node_id != b.node_id)
        return Register(self.version, self.field_id, (*others, entry))

    def save(self, path: Path) -> None:
        """
        Write it to *path*, whole or not at all.

        Raises:
            OSError: The folder cannot be written.
        """
        text = msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"
        write_atomic(path, text, replace=True)


class Keeper:
    """
    Adds boards to the register in a file.

    It reads the file anew each time: another `qres flash` may have added its own meanwhile.
    """

    def __init__(self, path: Path, field_id: int) -> None:
        self._path = path
        self._field_id = field_id

    def add(self, entry: Entry) -> None:
        """Enter one board; RegisterError and OSError as `load_register` and `Register.save`."""
        load_register(self._path, self._field_id).with_entry(entry).save(self._path)


def register_path(site_file: Path) -> Path:
    """Where the register of a site file is."""
    return site_file.with_name(f"{site_file.stem}.boards.json")


def load_register(path: Path, field_id: int) -> Register:
    """
    The register in *path*; an empty one if there is no file or it is of a field replaced since.

    Raises:
        RegisterError: The file is damaged or of another version.
        OSError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Register(_VERSION, field_id)
    try:
        found = msgspec.json.decode(data, type=Register)
    except (msgspec.DecodeError, msgspec.ValidationError) as e:
        raise RegisterError(path, str(e)) from e
    if found.version != _VERSION:
        raise RegisterError(path, f"version {found.version}: this program reads {_VERSION}")
    return found if found.field_id == field_id else Register(_VERSION, field_id)
