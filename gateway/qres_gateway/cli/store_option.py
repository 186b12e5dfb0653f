# SPDX-License-Identifier: Apache-2.0
"""Where a gateway's database is, for every verb that uses one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["StoreFile", "beside"]

StoreFile = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        help="The gateway's database; gateway.sqlite beside the site file if left out.",
    ),
]
"""Option of a verb that works on a gateway's database."""


def beside(site: Path) -> Path:
    """The database that belongs to the site file *site* if no other is named."""
    return site.with_name("gateway.sqlite")
