# SPDX-License-Identifier: Apache-2.0
"""
Tell a node the time, over its own USB or serial console, right after a reset.

For the first node of a new field, which has nobody to hear it from. The node takes it in the first
15 seconds only, and only if it has no time yet; firmware/README.md has the line and the answers.
"""

from __future__ import annotations

import binascii
import re
import time
from typing import TYPE_CHECKING, Any, Final

import serial  # type: ignore[import-untyped]

from qres_gateway.flash.errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE_S", "set_time", "time_line"]

PATIENCE_S: Final = 25.0
"""How long a node may take for start, window and answer. [s]"""

_BAUD: Final = 115_200
_READ_S: Final = 0.1
_AGAIN_S: Final = 0.5
_HOLD_S: Final = 0.2
_SLACK_S: Final = 2
_LOG: Final = re.compile(rb"qres: (console|time|provision) (-?\d+) (-?\d+)")
_SET: Final = 0
_FINAL: Final = {
    -3: "it is before the node's provisioning, or before what the node has lived through; is this"
    " computer's clock right?",
    -4: "the node has the time already, or its window is over",
}


def time_line(unix_us: int) -> bytes:
    r"""
    The line that says it is *unix_us* when the line ends.

    >>> time_line(1_790_000_000_000_000)
    b'time 1790000000000000 31cd\n'
    """
    text = f"time {unix_us}".encode("ascii")
    return b"%s %04x\n" % (text, binascii.crc_hqx(text, 0xFFFF))


def set_time(
    port: str,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    patience_s: float = PATIENCE_S,
) -> int:
    """
    Reset the node on *port*, tell it the time and wait until it says that it took it.

    Args:
        port: A serial port, or a pyserial URL. Without control lines somebody presses RESET.
        now_us: The time to tell. [us] since 1970
        patience_s: How long to try. [s]

    Returns:
        The time that the node took. [s] since 1970

    Raises:
        FlashError: There is no such port, the node refuses, or it does not answer.
    """
    end = time.monotonic() + patience_s
    line = _open(port)
    _reset(line)
    try:
        while True:
            try:
                return _ask(line, port, now_us, end)
            except (serial.SerialException, OSError):
                line.close()  # a chip's own USB leaves the bus when the chip is reset
                line = _open_again(port, end)
    finally:
        line.close()


def _ask(line: Any, port: str, now_us: Callable[[], int], end: float) -> int:
    """Say the time and listen, until the node has decided or time is up."""
    heard = b""
    again = 0.0
    told_s = 0
    while time.monotonic() < end:
        *texts, heard = (heard + line.read(max(1, line.in_waiting))).split(b"\n")
        found = [m for text in texts if (m := _LOG.search(text))]
        for word, first, second in (m.groups() for m in found):
            if word == b"time":
                taken_s = _decided(port, int(first), int(second), told_s)
                if taken_s is not None:
                    return taken_s
            elif word == b"provision":
                raise FlashError("no_time", f"{port}: the board is no node yet; flash it first")
        window_opens = any(m[1] == b"console" for m in found)
        if window_opens or time.monotonic() >= again:
            us = now_us()
            line.write(time_line(us))
            told_s = us // 1_000_000
            again = time.monotonic() + _AGAIN_S
    raise FlashError("no_time", f"{port}: the node did not take the time; press RESET, try again")


def _decided(port: str, code: int, second: int, told_s: int) -> int | None:
    """The time that the node took, None if it wants to hear it again. [s]"""
    if code in _FINAL:
        raise FlashError("no_time", f"{port}: the node refused the time: {_FINAL[code]}")
    late_s = (told_s - second) % 2**32  # the log has 32 bits
    if code == _SET and late_s <= _SLACK_S:
        return told_s - late_s
    if code == _SET:
        raise FlashError("no_time", f"{port}: the node took another time than it was told")
    return None


def _reset(line: Any) -> None:
    """Pulse the chip's reset by RTS, boot pin released; a line that has no such wires is left."""
    try:
        line.dtr = False
        line.rts = True
        time.sleep(_HOLD_S)
        line.rts = False
    except OSError:
        line.reset_input_buffer()  # a pseudo-terminal: who is there is there already


def _open(port: str) -> Any:
    try:
        return serial.serial_for_url(port, _BAUD, timeout=_READ_S, write_timeout=1.0)
    except (serial.SerialException, OSError) as e:
        raise FlashError("no_time", f"{port}: it cannot be opened to set the time ({e})") from e


def _open_again(port: str, end: float) -> Any:
    """Wait for a port that left the bus to come back."""
    while True:
        try:
            return _open(port)
        except FlashError:
            if time.monotonic() >= end:
                raise
            time.sleep(_READ_S)
