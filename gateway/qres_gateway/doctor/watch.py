# SPDX-License-Identifier: Apache-2.0
"""While a gateway runs: say once, in plain words, why nothing of what it hears can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from qres_gateway.database import Database
from qres_gateway.doctor.refusals import diagnose, evidence
from qres_gateway.events import FrameHeard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qres.site import Site
    from qres_gateway.doctor.refusals import Diagnosis
    from qres_gateway.events import Event

__all__ = ["REFUSED_FIRST", "Watch"]

REFUSED_FIRST: Final = 10
"""So many frames refused, and none accepted, are worth a line; then twice as many, and so on."""

_log = structlog.get_logger("qres_gateway")


class Watch:
    """
    Counts a gateway's frames since its start.

    Args:
        store: The gateway's database.
        site: The field.
    """

    def __init__(self, store: Path, site: Site) -> None:
        self._store = store
        self._site = site
        self._before_id: int | None = None
        self._due = REFUSED_FIRST
        self._told = False
        self.accepted = 0
        self.refused = 0

    def add(self, event: Event) -> bool:
        """Take an event; whether it is time for `tell`."""
        if not isinstance(event, FrameHeard) or event.reason == "copy":
            return False
        if self._before_id is None:
            self._before_id = event.frame_id - 1
        if not event.reason:
            self.accepted += 1
            if self._told:
                self._told = False
                _log.info("field.readable", refused_before=self.refused)
            return False
        self.refused += 1
        if self.accepted or self.refused < self._due:
            return False
        self._due *= 2
        return True

    def look(self, at_source: Mapping[str, int]) -> Diagnosis | None:
        """
        Look into the store for the likeliest cause; reads a few thousand rows.

        Args:
            at_source: What the source refused, by reason.

        Raises:
            FrameLogError: The store cannot be read.
        """
        with Database.open(self._store, read_only=True) as database:
            found = evidence(database, self._before_id or 0)
        found.at_source = at_source
        return diagnose(found, self._site)

    def tell(self, found: Diagnosis | None) -> None:
        """Log what `look` found, in one line."""
        if found is not None:
            self._told = True
            _log.warning(
                "field.unreadable", refused=self.refused, accepted=0, cause=found.code,
                likely=str(found),
            )  # fmt: skip
