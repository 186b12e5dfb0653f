# SPDX-License-Identifier: Apache-2.0
"""The field's site file and key, where the gateway reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from qres import weather_file
from qres.keys import new_key, read_key_file
from qres.site import load_site, site_to_toml
from qres.virtual.sites import site_for

if TYPE_CHECKING:
    from pathlib import Path

    from qres.site import Site
    from qres_init.secret_files import SecretFolder

__all__ = ["DEMO_EPOCH_S", "install_site"]

DEMO_EPOCH_S: Final = 300
"""The shortest epoch there is, so that something is new every 75 s. [s]"""
_KEY: Final = "site.key"


def install_site(given: Path, field: SecretFolder) -> str:
    """
    Copy the user's site and its key; without one, make the demo's, once.

    Args:
        given: The user's folder; it may hold `site.toml` and the key file that this names.
        field: Where the gateway reads `site.toml`.

    Returns:
        What was done, in words.

    Raises:
        QresError: The user's site or key is not to be used, and why.
    """
    source = given / "site.toml"
    if source.exists():
        site = load_site(source)
        return _install(site, read_key_file(site.key_file), field, f"site {site.name!r}")
    present = field.path / "site.toml"
    if present.exists():
        return f"site {load_site(present).name!r}: as it was"
    return _install(_demo_site(), new_key(), field, "no site.toml: the demo's field, a fresh key")


def _install(site: Site, key: bytes, field: SecretFolder, what: str) -> str:
    text = site_to_toml(replace(site, key_file=field.path / _KEY), field.path / "site.toml")
    same = field.read("site.toml") == text.rstrip("\n") and field.read(_KEY) == key.hex()
    if not same:
        field.write(_KEY, key.hex())
        field.write("site.toml", text.rstrip("\n"))
    return f"{what}{': as it was' if same else ''}, {len(site.nodes)} nodes"


def _demo_site() -> Site:
    site = site_for(weather_file.demo(), name="Flanders (virtual)", epoch_s=DEMO_EPOCH_S)
    return replace(site, nodes=tuple(replace(n, name=n.name[:32].strip()) for n in site.nodes))
