# SPDX-License-Identifier: Apache-2.0
"""Why a frame or blob is refused: the counted reasons of SPEC 9."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reason", "RefusedError"]


class Reason(StrEnum):
    """Gateway counters of SPEC 9; an accepted frame has the empty one."""

    OK = ""
    LENGTH = "length"
    TAG = "tag"
    DUPLICATE = "duplicate"
    WINDOW = "window"
    RESERVED = "reserved"
    VERSION = "version"
    SITE = "site"
    LIMIT = "limit"
    FULL = "full"
    PENDING = "pending"
    BLOB = "blob"


class RefusedError(Exception):
    """
    Something received is refused.

    Attributes:
        reason: The counter that it belongs to.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
