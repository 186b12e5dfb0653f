# SPDX-License-Identifier: Apache-2.0
"""A raw log in a file: the partition alone, or the whole flash of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qres.provisioning import ProvisioningError, decode
from qres_gateway.flash.look import identity_of
from qres_gateway.flash.partitions import (
    TABLE_OFFSET,
    named,
    parse_table,
    provisioning_partition,
)
from qres_gateway.node_tools.raw_log import PARTITION, RawLogError

if TYPE_CHECKING:
    from pathlib import Path

    from qres_gateway.flash.job import Identity

__all__ = ["read_dump"]

_LONGEST: Final = 32 * 2**20


def read_dump(path: Path) -> tuple[bytes, Identity]:
    """
    The bytes of the raw log in *path*, and whose it is; nobody's if the dump does not say.

    Raises:
        RawLogError: The file is too long, or a flash whose table names no raw log within it.
        OSError: It cannot be read.
    """
    if path.stat().st_size > _LONGEST:
        raise RawLogError(f"{path}: {path.stat().st_size} bytes: must be at most {_LONGEST}")
    data = path.read_bytes()
    table = parse_table(data[TABLE_OFFSET:])
    if not table:
        return data, {}
    log = named(table, PARTITION)
    if log is None or log.offset + log.size > len(data):
        raise RawLogError(f"{path}: a dump of a flash whose table has no {PARTITION} within it")
    place = provisioning_partition(table)
    try:
        identity = identity_of(decode(data[place.offset :])) if place else {}
    except ProvisioningError:
        identity = {}
    return data[log.offset : log.offset + log.size], identity
