# SPDX-License-Identifier: Apache-2.0
"""
One board on a port, through esptool as a library.

Runs in the worker process only: esptool's log and its settings are global there. It reads
registers and reads, writes and erases flash; no call of it burns an eFuse.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import serial  # type: ignore[import-untyped]
from esptool import cmds  # type: ignore[import-untyped]
from esptool.logger import TemplateLogger, log  # type: ignore[import-untyped]
from esptool.util import FatalError, flash_size_bytes  # type: ignore[import-untyped]

from qres_gateway.flash.errors import FlashError
from qres_gateway.flash.firmware import CHIPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qres_gateway.flash.job import Part

__all__ = ["Board", "connected"]

_ATTEMPTS: Final = 3
_ROM_BAUD: Final = 115_200


class _Listener(TemplateLogger):  # type: ignore[misc]
    """Takes what esptool would print: progress goes on, warnings are kept, the rest is dropped."""

    def __init__(self) -> None:
        self.progress: Callable[[int, int], None] | None = None
        self.warnings: list[str] = []

    def print(self, *args: object, **kwargs: object) -> None:
        """Drop it."""

    def note(self, message: str) -> None:
        """Drop it."""

    def warning(self, message: str) -> None:
        """Keep its first line."""
        self.warnings.append(str(message).splitlines()[0])

    def error(self, message: str) -> None:
        """Keep its first line: what is fatal comes as an exception, too."""
        self.warning(message)

    def stage(self, finish: bool = False) -> None:
        """Drop it."""

    def progress_bar(
        self,
        cur_iter: int,
        total_iters: int,
        prefix: str = "",
        suffix: str = "",
        bar_length: int = 30,
    ) -> None:
        """Hand it on."""
        if self.progress is not None:
            self.progress(cur_iter, total_iters)

    def set_verbosity(self, verbosity: str) -> None:
        """Nothing to set."""


@cache
def _listener() -> _Listener:
    """The one listener of this process: esptool lets its log be replaced once."""
    listener = _Listener()
    log.set_logger(listener)
    return listener


class Board:
    """
    A chip that answers in download mode. Made by `connected`.

    Attributes:
        chip: One of `CHIPS`.
        mac: Factory address, "24:0a:c4:...".
        flash_bytes: Size of its flash. [bytes]
    """

    def __init__(self, esp: Any, listener: _Listener) -> None:
        self._esp = esp
        self._listener = listener
        self.chip = _plain_name(esp)
        self.mac = ":".join(f"{b:02x}" for b in esp.read_mac("BASE_MAC"))
        self.flash_bytes = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What esptool warned of so far."""
        return tuple(self._listener.warnings)

    def attach(self, *, stub: bool, baud: int) -> None:
        """
        Get at the flash.

        Raises:
            FlashError: The chip's security settings are in the way, or its flash does not answer.
        """
        esp = self._esp
        if esp.secure_download_mode or esp.get_flash_encryption_enabled():
            raise FlashError(
                "locked_chip",
                f"{self.chip} {self.mac}: flash encryption or secure download mode is on, for good;"
                " this kit writes in plain and reads back. Take another board.",
            )
        if stub:
            esp = self._esp = cmds.run_stub(esp)
            if baud > _ROM_BAUD:
                esp.change_baud(baud)
        cmds.attach_flash(esp)
        size = cmds.detect_flash_size(esp)
        if size is None:
            raise FlashError(
                "esptool", f"{self.chip} {self.mac}: its flash chip does not say its size"
            )
        self.flash_bytes = int(flash_size_bytes(size))
        esp.WRITE_FLASH_ATTEMPTS = 1  # after a break there may be another board on the port

    def read(
        self, offset: int, length: int, progress: Callable[[int, int], None] | None = None
    ) -> bytes:
        """*length* bytes of flash; *progress* is called with (bytes done, bytes in all)."""
        tell = None if progress is None else partial(_done_of, progress)
        return bytes(self._esp.read_flash(offset, length, tell))

    def write(self, parts: tuple[Part, ...], progress: Callable[[int, int], None]) -> None:
        """
        Write *parts*; esptool compares a digest of each with what it sent.

        Args:
            parts: What goes where.
            progress: Called with (bytes done, bytes in all), as sent: compressed.
        """
        total = sum(len(p.data) for p in parts)
        before = 0
        for part in parts:
            with self._heard(partial(_share, progress, before, len(part.data), total)):
                cmds.write_flash(self._esp, [(part.offset, part.data)])
            before += len(part.data)

    def verify(self, parts: tuple[Part, ...]) -> None:
        """
        Ask the chip for the digest of each part once more.

        Raises:
            FatalError: One differs.
        """
        cmds.verify_flash(self._esp, [(part.offset, part.data) for part in parts])

    def start(self) -> None:
        """Leave download mode and run what is in the flash."""
        cmds.reset_chip(self._esp, "hard-reset")

    @contextmanager
    def _heard(self, progress: Callable[[int, int], None]) -> Iterator[None]:
        self._listener.progress = progress
        try:
            yield
        finally:
            self._listener.progress = None


@contextmanager
def connected(port: str) -> Iterator[Board]:
    """
    Open *port*, put its chip into download mode and find out which it is.

    Raises:
        FlashError: The port is absent or busy, no chip answers, or it is one that the node
            firmware does not run on.
    """
    listener = _listener()
    listener.warnings = []
    try:
        esp = cmds.detect_chip(port, connect_attempts=_ATTEMPTS)
    except (FatalError, serial.SerialException, OSError) as e:
        raise _not_connected(port, str(e)) from e
    try:
        if _plain_name(esp) not in CHIPS:
            raise FlashError(
                "wrong_chip",
                f"{port}: {esp.CHIP_NAME}: must be one of {', '.join(CHIPS)}",
            )
        yield Board(esp, listener)
    finally:
        esp._port.close()  # noqa: SLF001  esptool's own way, by __exit__, of closing the port


def _share(
    progress: Callable[[int, int], None], before: int, size: int, total: int, done: int, of: int
) -> None:
    """Progress of one part, *done* of *of* bytes as sent, as progress of all parts."""
    progress(before + size * done // max(of, 1), total)


def _done_of(progress: Callable[[int, int], None], done: int, total: int, _offset: int) -> None:
    """Progress of a read, as esptool tells it."""
    progress(done, total)


def _plain_name(esp: Any) -> str:
    return str(esp.CHIP_NAME).lower().replace("-", "")


def _not_connected(port: str, said: str) -> FlashError:
    """Why *port* could not be used, from what pyserial or esptool said."""
    text = said.lower()
    if "permission denied" in text:
        hint = "add yourself to the group dialout (Debian) or uucp (Arch) and log in again"
        return FlashError("port_permission", f"{port}: this user may not open it; {hint}")
    if any(t in text for t in ("exclusively lock", "busy:", "[errno 16]", "access is denied")):
        return FlashError(
            "port_busy", f"{port}: another program holds it; close serial monitors and try again"
        )
    if any(
        t in text for t in ("errno 2]", "no such file", "filenotfound", "errno 111]", "refused")
    ):
        return FlashError(
            "port_missing", f"{port}: there is no such port; plug the board in, try another cable"
        )
    if "could not open" in text or "could not configure" in text:
        return FlashError("port_missing", f"{port}: it cannot be opened as a serial port")
    return FlashError(
        "no_answer",
        f"{port}: no chip answered in download mode; hold BOOT, press and release RESET, release"
        " BOOT, and try again",
    )
