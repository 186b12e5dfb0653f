# SPDX-License-Identifier: Apache-2.0
"""Why a sink did not take points. Nothing is lost by it: the cursor stays where it was."""

from __future__ import annotations

from typing import ClassVar

from qres_gateway.errors import GatewayError

__all__ = [
    "SinkError",
    "SinkFullError",
    "SinkRefusedError",
    "SinkRejectedError",
    "SinkSettingsError",
    "SinkSlowError",
    "SinkUnreachableError",
]


class SinkError(GatewayError):
    """
    A sink failed; it is asked again later.

    Attributes:
        code: A short stable word for the state.
        retry_after_s: How long the server asks to be left alone; 0 if it does not say. [s]
    """

    code: ClassVar[str] = "failed"

    def __init__(self, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class SinkUnreachableError(SinkError):
    """Nobody answers at the address, or the connection broke."""

    code = "unreachable"


class SinkRefusedError(SinkError):
    """The server does not accept this user, token or topic."""

    code = "refused"


class SinkSlowError(SinkError):
    """The server did not confirm in time, or asks for a pause."""

    code = "slow"


class SinkFullError(SinkError):
    """The server answers, but cannot keep anything: disk full, quota, internal error."""

    code = "full"


class SinkRejectedError(SinkError):
    """The server understood the request and finds fault with what is in it."""

    code = "rejected"


class SinkSettingsError(GatewayError):
    """A setting of a sink, or a file that it names, cannot be used. Said before work begins."""

    code = "sink_settings"
