# SPDX-License-Identifier: Apache-2.0
"""Why a board was not flashed, in words that say what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from qres_gateway.errors import GatewayError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REASONS", "FirmwareError", "FlashError", "RegisterError"]

REASONS: Final = {
    "port_missing": "there is no such port",
    "port_busy": "another program holds the port",
    "port_permission": "this user may not open the port",
    "no_answer": "no chip answered in download mode",
    "wrong_chip": "the chip is not the one the firmware is for",
    "locked_chip": "the chip's security settings forbid writing in plain",
    "flash_too_small": "the firmware does not fit the board's flash",
    "no_partition": "there is no partition for the provisioning record",
    "no_table": "the board has no partition table",
    "no_record": "the board has no provisioning record: it is no node",
    "no_log": "the board has no partition for the raw log",
    "no_slot": "the board has no two application slots",
    "no_application": "no application slot of the board holds a whole application",
    "other_table": "the board's partition table is not the one of the firmware",
    "other_field": "the board is a node of another field",
    "other_node": "the board is another node already",
    "duplicate": "the node's id is on another board already",
    "unplugged": "the board went away while it was being flashed",
    "bad_verify": "the flash does not hold what was written",
    "esptool": "esptool refused",
    "no_time": "the board is flashed, but it did not take the time",
    "worker": "the process that drives esptool ended without a word",
}
"""Short stable word for each way to fail, as in `--json`, and its meaning."""


class FlashError(GatewayError):
    """
    A board was not flashed.

    Attributes:
        reason: One of `REASONS`.
    """

    code: ClassVar[str] = "flash"

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class FirmwareError(GatewayError):
    """A firmware folder or image cannot be used."""

    code: ClassVar[str] = "firmware"


class RegisterError(GatewayError):
    """The register of flashed boards cannot be read."""

    code: ClassVar[str] = "register"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(
            f"register {path}: {text}. It says which board has which id; mend it or, if no board"
            " of this field was flashed yet, remove it."
        )
