# SPDX-License-Identifier: Apache-2.0
"""All checks, in the order in which one would mend things."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qres_gateway.doctor import host, ports, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qres_gateway.doctor.result import Result

__all__ = ["Subject", "checks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """
    What to look at.

    Attributes:
        site: Site file, None to leave it out.
        store: Database of the gateway, which need not exist.
        udp_host, udp_port: Where packet forwarders are to send.
        console_host, console_port: Where the console is to be.
        now: This host's clock.
    """

    site: Path | None
    store: Path
    now: datetime
    udp_host: str = "127.0.0.1"
    udp_port: int = 1700
    console_host: str = "127.0.0.1"
    console_port: int = 8787


def checks(subject: Subject) -> Iterator[Result]:
    """
    Look at everything; yields results as they are found.

    Without a working core, site and store are left out: they cannot be read without it.
    """
    yield program.python()
    core = list(program.core())
    yield from core
    yield from program.package_data()
    yield host.clock(subject.now)
    yield host.clock_sync()
    yield from host.store_folder(subject.store.parent)
    yield ports.port_free(
        "udp", subject.udp_host, subject.udp_port, "packet forwarders", "--udp-port"
    )
    yield ports.port_free(
        "tcp", subject.console_host, subject.console_port, "the console", "--console-port"
    )
    if core[0].level == "ok":
        yield from _field(subject)
    yield program.browser()


def _field(subject: Subject) -> Iterator[Result]:
    from qres.site_check import parse_site  # noqa: PLC0415  needs a working core, like the next two
    from qres_gateway.doctor.field import site_file  # noqa: PLC0415
    from qres_gateway.doctor.store import store  # noqa: PLC0415

    site = None
    if subject.site is not None:
        yield from site_file(subject.site)
        site, _ = parse_site(subject.site)
    now_us = int(subject.now.astimezone(UTC).timestamp() * 1_000_000)
    yield from store(subject.store, site, now_us)
