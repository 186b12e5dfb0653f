# SPDX-License-Identifier: Apache-2.0
"""Nodes that run the firmware: as a process of this host, or on RV32 in QEMU."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from tests.sources import ROOT

__all__ = [
    "FLASH_BYTES",
    "IMAGES",
    "Machine",
    "core_folder",
    "flash_image",
    "make",
    "posix",
    "qemu",
]

IMAGES: Final = Path(os.environ.get("QRES_FIRMWARE_OUT", ROOT / "build/firmware"))

FLASH_BYTES: Final = 8192 + 32768 + 65536 + 131072 + 64
"""LINK_FLASH_BYTES of link.h."""

_FLASH_BASE: Final = 0x80300000
_START_S: Final = 60.0


def core_folder() -> Path:
    """The core's sources."""
    return Path(os.environ.get("QRES_CORE_DIR", ROOT / "node/core"))


def make(*targets: str) -> None:
    """Build images with firmware/Makefile."""
    folders = (f"OUT={IMAGES}", f"CORE={core_folder()}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (IMAGES / ".lock").open("w") as lock:  # test processes share the images
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "-C", str(ROOT / "firmware"), *folders, *targets], check=True)


def flash_image(record: bytes) -> bytes:
    """Flash as it leaves the factory: the provisioning *record*, the rest erased."""
    return record.ljust(FLASH_BYTES, b"\xff")


class Machine:
    """A running program and the socket to it."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self.process = process
        self.channel = channel

    def stop(self) -> int:
        """Wait for the program's end, or end it; its exit code."""
        self.channel.close()
        try:
            return self.process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        """End it, as if its power had failed for good."""
        self.process.kill()
        self.process.wait()
        self.channel.close()


def posix(flash: Path, console: str = "") -> Machine:
    """A node as a process; *flash* keeps what flash keeps, *console* is its terminal device."""
    ours, theirs = socket.socketpair()
    program = str(IMAGES / "qres_node")
    with theirs:
        process = subprocess.Popen(
            [program, str(flash), str(theirs.fileno()), *([console] if console else [])],
            pass_fds=[theirs.fileno()],
        )
    return Machine(process, ours)


def qemu(flash: Path, image: str = "node.elf") -> Machine:
    """A node on bare RV32IMC; *flash* is what its flash holds at the start."""
    if shutil.which("qemu-system-riscv32") is None:
        raise FileNotFoundError("qemu-system-riscv32 is missing; Debian has it in qemu-system-misc")
    path = flash.with_suffix(".sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(_START_S)
        process = subprocess.Popen(
            [
                *("qemu-system-riscv32", "-M", "virt", "-m", "4M", "-bios", "none"),
                *("-display", "none", "-serial", "none", "-monitor", "none"),
                *("-icount", "shift=0", "-global", "virtio-mmio.force-legacy=false"),
                *("-kernel", str(IMAGES / image)),
                *("-device", f"loader,file={flash},addr={_FLASH_BASE:#x},force-raw=on"),
                *("-chardev", f"socket,id=host,path={path}"),
                *("-device", "virtio-serial-device", "-device", "virtconsole,chardev=host"),
            ],
            stdin=subprocess.DEVNULL,
        )
        channel, _ = listener.accept()
    path.unlink()
    return Machine(process, channel)
