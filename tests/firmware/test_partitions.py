# SPDX-License-Identifier: Apache-2.0
"""The partitions of a node: what firmware/README.md says, and whether they are large enough."""

from __future__ import annotations

import re

from qres._core import ffi
from tests.sources import ROOT

KIB = 1024
README = (ROOT / "firmware/README.md").read_text(encoding="utf-8")
SNAPSHOT = (ROOT / "firmware/app/snapshot.c").read_text(encoding="utf-8")


def table() -> dict[str, int]:
    """Sizes of partitions.csv by name. [bytes]"""
    text = (ROOT / "firmware/ports/esp32/partitions.csv").read_text(encoding="utf-8")
    rows = (re.split(r",\s*", line) for line in text.splitlines() if line[:1] not in {"", "#"})
    return {row[0]: int(row[4], 0) for row in rows}


def constant(name: str) -> int:
    """A number of snapshot.c."""
    found = re.search(rf"\b{name} = (\d+)", SNAPSHOT)
    assert found is not None
    return int(found[1])


def test_the_readme_has_the_partitions_that_there_are() -> None:
    """Each partition of a node's own data is in the README's table with its name and size."""
    shown = dict(re.findall(r"(?m)^\| `(\w+)` \| (\d+) K \|", README))
    own = {"qres_prov", "state", "replica", "raw_log"}
    assert {name: int(size) * KIB for name, size in shown.items()} == {
        name: size for name, size in table().items() if name in own
    }


def test_the_port_opens_partitions_that_there_are() -> None:
    """Every name that main.c looks up is a row of partitions.csv."""
    main = (ROOT / "firmware/ports/esp32/node/main/main.c").read_text(encoding="utf-8")
    names = re.findall(r'node_flash\("(\w+)"', main)
    assert len(names) == 4
    assert set(names) <= set(table())


def test_the_replica_of_128_nodes_fits() -> None:
    """Each half holds head, base state of 128 members and every report that a node keeps."""
    node = dict(ffi.typeof("qres_node").fields)
    log = node["log"].type
    needed = (
        constant("HEAD_BYTES") + ffi.sizeof("qres_state") + log.length * constant("ENTRY_BYTES")
    )
    assert needed == 36 + 11_088 + 1280 * 24
    half = table()["replica"] // 2
    assert half % 4096 == 0
    assert needed <= half
