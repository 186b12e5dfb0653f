# SPDX-License-Identifier: Apache-2.0
"""The demo's field as files, so that `qres replay` can read what the demo kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qres.atomic_file import write_atomic
from qres.keys import write_key_file
from qres.site import site_to_toml
from qres.virtual.sites import DEMO_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from qres.site import Site

__all__ = ["write_site_beside"]


def write_site_beside(store: Path, site: Site) -> tuple[Path, bool]:
    """
    Write `site.toml` and `demo.key` (public, mode 0600) into the folder of *store*.

    Returns:
        The site file, and whether it is this field's: another file of that name is left as it is.

    Raises:
        OSError: The folder cannot be written.
    """
    path, key_file = store.with_name("site.toml"), store.with_name("demo.key")
    # Names are for people and not part of what replicas must agree on; a site file limits them.
    nodes = tuple(replace(n, name=_short(n.name, 32, f"node {n.id}")) for n in site.nodes)
    kept = replace(site, name=_short(site.name, 64, "demo"), nodes=nodes, key_file=key_file)
    text = site_to_toml(kept, path).encode("utf-8")
    if path.exists() and path.read_bytes() != text:
        return path, False
    if not key_file.exists():
        write_key_file(key_file, DEMO_KEY)
    if not path.exists():
        write_atomic(path, text)
    return path, True


def _short(name: str, most: int, otherwise: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in name)
    return printable[:most].strip() or otherwise
