# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that unicorn executes, with block_count.c as the callback."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

__all__ = ["RISCV", "UNICORN", "Counter"]

UNICORN: Final[Any] = import_module("unicorn")
RISCV: Final[Any] = import_module("unicorn.riscv_const")
"""The package has types for a part of itself only."""

_NATIVE: Final[Any] = import_module("unicorn.unicorn_py3.unicorn").uclib
"""Its library: hooks through the Python interface call Python."""


class _Count(ctypes.Structure):
    _fields_ = (
        ("flash", ctypes.c_char_p),
        ("base", ctypes.c_uint64),
        ("instructions", ctypes.c_uint64),
    )


@cache
def _library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "block_count.so"
        source = Path(__file__).parent / "block_count.c"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
        return ctypes.CDLL(str(library))


class Counter:
    """
    Instructions executed in *flash*, which the machine *uc* has at *base*, while it is on.

    Needs the host's `cc`.
    """

    def __init__(self, uc: Any, flash: bytes, base: int) -> None:
        self._uc = uc
        self._count = _Count(flash, base, 0)
        self._hook: ctypes.c_size_t | None = None

    @property
    def instructions(self) -> int:
        """So many so far."""
        return int(self._count.instructions)

    @property
    def is_on(self) -> bool:
        """Whether it counts."""
        return self._hook is not None

    def switch(self, on: bool) -> None:
        """Count, or do not; not from within a callback."""
        if on == self.is_on:
            return
        if self._hook is None:
            self._hook = ctypes.c_size_t()
            code = _NATIVE.uc_hook_add(
                self._uc._uch,
                ctypes.byref(self._hook),
                UNICORN.UC_HOOK_BLOCK,
                ctypes.cast(_library().on_block, ctypes.c_void_p),
                ctypes.cast(ctypes.byref(self._count), ctypes.c_void_p),
                ctypes.c_uint64(1),
                ctypes.c_uint64(0),
            )
        else:
            code = _NATIVE.uc_hook_del(self._uc._uch, self._hook)
            self._hook = None
        if code != UNICORN.UC_ERR_OK:
            raise UNICORN.UcError(code)
        self._uc.ctl_flush_tb()
