# SPDX-License-Identifier: Apache-2.0
"""Microseconds since 1970 as a date, exactly: `datetime.fromtimestamp` goes through a float."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["UNIX_EPOCH", "at_us", "us_of"]

UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def at_us(time_us: int) -> datetime:
    """
    The moment *time_us*, UTC. [us since 1970]

    >>> at_us(1_500_000).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    return UNIX_EPOCH + timedelta(microseconds=time_us)


def us_of(moment: datetime) -> int:
    """
    The inverse; *moment* knows its time zone. [us since 1970]

    >>> us_of(at_us(-1))
    -1
    """
    return (moment - UNIX_EPOCH) // timedelta(microseconds=1)
