# SPDX-License-Identifier: Apache-2.0
"""
A board without hardware: the ROM loader of esp32-mock-bootloader behind a loopback port.

The package speaks Espressif's serial protocol to the real esptool. Added here: each board has a
flash and an address of its own, can be unplugged midway, and can have a worn flash cell.
"""

from __future__ import annotations

import hashlib
import os
import pty
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from esp32_mock_bootloader import registers, server  # type: ignore[import-untyped]

SECTOR = 4096
MAC_PREFIX = bytes.fromhex("240ac4")
_POLL_S = 0.02
_PATIENCE_S = 0.4
_SOCKET_PATIENCE_S = 3.0  # costs nothing: a socket that is closed is seen at once


class Change(NamedTuple):
    """One thing that happened to a flash: sectors erased, or bytes written into erased ones."""

    offset: int
    erased: int
    written: bytes


class Flash(server.FlashImage):  # type: ignore[misc]
    """
    Flash that remembers what was done to it.

    Its cell at `worn_at` keeps bit 0 at 0; the one at `fades_at` loses it after a digest.
    A chip erases what it was told that it will be sent; the package's flash is overwritten.
    """

    worn_at: int | None = None
    fades_at: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Change] = []

    def begin_defl(self, payload: bytes) -> None:
        """Erase what compressed bytes are announced for."""
        super().begin_defl(payload)
        self._erase(payload)

    def begin_plain(self, payload: bytes) -> None:
        """Erase what plain bytes are announced for."""
        super().begin_plain(payload)
        self._erase(payload)

    def write_defl_block(self, payload: bytes) -> None:
        """Write compressed bytes as the loader does."""
        at = self._defl_offset
        super().write_defl_block(payload)
        self._wrote(at, self._defl_offset)

    def write_plain_block(self, payload: bytes) -> None:
        """Write plain bytes as the loader does."""
        at = self._plain_offset
        super().write_plain_block(payload)
        self._wrote(at, self._plain_offset)

    def md5_stub_response(self, payload: bytes, *, stub: bool = False) -> bytes:
        """The digest of what is there now."""
        response = bytes(super().md5_stub_response(payload, stub=stub))
        if self.fades_at is not None:
            self.data[self.fades_at] &= 0xFE
        return response

    def _erase(self, payload: bytes) -> None:
        size, _, _, offset = struct.unpack_from("<IIII", payload)
        whole = -(-size // SECTOR) * SECTOR
        self.data[offset : offset + whole] = b"\xff" * whole
        self.changes.append(Change(offset, whole, b""))

    def _wrote(self, begin: int, end: int) -> None:
        self.changes.append(Change(begin, 0, bytes(self.data[begin:end])))
        self._wear()

    def _wear(self) -> None:
        if self.worn_at is not None:
            self.data[self.worn_at] &= 0xFE


class Connection(server.BootloaderConnection):  # type: ignore[misc]
    """
    A cable: it may break, and it is patient.

    The package gives a client 50 ms to acknowledge a block that is read back; pyserial's sockets
    are read byte by byte and need longer.
    """

    def __init__(self, board: MockBoard, **transport: Any) -> None:
        super().__init__(**transport)
        self._board = board

    def set_timeout(self, timeout: float) -> None:
        """Wait a little longer for the client."""
        super().set_timeout(max(timeout, _PATIENCE_S if self._pty else _SOCKET_PATIENCE_S))

    def recv(self, size: int) -> bytes:
        """What the client sent; nothing more once the board is unplugged."""
        data = bytes(super().recv(size))
        board = self._board
        board.received += len(data)
        if board.unplug_after is not None and board.received >= board.unplug_after:
            board.unplugged.set()
            raise OSError("unplugged")
        return data

    def close(self) -> None:
        """Close the socket; a pty stays open, as the port of a board does."""
        if self._pty is None or self._board.unplugged.is_set():
            super().close()


class MockBoard:
    """
    One board.

    Attributes:
        chip: As esptool names it, "esp32s3".
        mac: Its factory address.
        flash: What it holds.
        received: Bytes that came over its cable so far.
        unplug_after: Bytes after which the cable is pulled; None for never.
        trouble: What went wrong inside the mock, for the test to see.
    """

    def __init__(self, chip: str, serial_number: int = 1) -> None:
        self.chip = chip
        raw = MAC_PREFIX + hashlib.sha256(f"{chip} {serial_number}".encode()).digest()[:3]
        self.mac = ":".join(f"{b:02x}" for b in raw)
        self._mac = tuple(raw)
        self.flash = Flash()
        self.received = 0
        self.unplug_after: int | None = None
        self.unplugged = threading.Event()
        self.stop = threading.Event()

    def serve(self, connection: Connection) -> None:
        """Answer one client until it goes away."""
        server.handle_client(
            connection, self.stop, self.chip, exit_on_disconnect=True, flash=self.flash
        )

    def registers(self) -> dict[int, int]:
        """The chip's registers that differ from the package's: its own address."""
        found: dict[int, int] = registers._mac_registers(self.chip, self._mac)
        return found


class _Session(server.ChipSession):  # type: ignore[misc]
    """A session that begins with the board's own registers."""

    def __init__(self, chip_mode: str) -> None:
        super().__init__(chip_mode)
        self.registers.update(_current.board.registers())


class _Current(threading.local):
    board: MockBoard


_current = _Current()
server.ChipSession = _Session


@contextmanager
def on_socket(board: MockBoard) -> Iterator[str]:
    """*board* on a loopback port, as a pyserial URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(_POLL_S)

    def accept() -> None:
        _current.board = board
        while not board.stop.is_set() and not board.unplugged.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                board.serve(Connection(board, sock=client))
        listener.close()

    board.stop.clear()
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        board.stop.set()
        thread.join()


@contextmanager
def on_pty(board: MockBoard) -> Iterator[str]:
    """*board* on a pseudo-terminal, as a device path: what a real port is for pyserial."""
    master, slave = pty.openpty()
    transport = server.PtyMasterTransport(master, slave)

    def answer() -> None:
        _current.board = board
        board.serve(Connection(board, pty=transport))

    board.stop.clear()
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        board.stop.set()
        thread.join()
        transport.close()


def app_image(
    chip_id: int, length: int = 20_000, *, project: str = "qres_node", version: str = "1.0.0"
) -> bytes:
    """An image for that chip as ESP-IDF makes it, of about *length* bytes; its code is noise."""
    said = struct.pack(
        "<I12x32s32s16s16s32s112x",
        *(0xABCD5432, version.encode(), project.encode(), b"12:00:00", b"Nov 22 2026", b"v6.0.2"),
    )
    seed = f"{project} {version} ".encode()
    noise = b"".join(hashlib.sha256(seed + i.to_bytes(4)).digest() for i in range(length // 32))
    segments = ((0x3C00_0020, said + noise), (0x4038_0000, noise[:64]))
    header = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, 0x4038_0000)
    header += struct.pack("<B3sHBHH4sB", 0xEE, b"\0\0\0", chip_id, 0, 0, 0xFFFF, b"\0" * 4, 1)
    body = header + b"".join(struct.pack("<II", at, len(data)) + data for at, data in segments)
    checksum = 0xEF
    for _, data in segments:
        for byte in data:
            checksum ^= byte
    body = body.ljust(len(body) // 16 * 16 + 15, b"\0") + bytes((checksum,))
    return body + hashlib.sha256(body).digest()
