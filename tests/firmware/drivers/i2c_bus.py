# SPDX-License-Identifier: Apache-2.0
"""An I2C bus with a part on it that a test scripts, behind the drivers' i2c_io."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.firmware.drivers.rig import Library


class Bus:
    """A bus; `on_write` says whether somebody acknowledges, `on_read` gives None if nobody does."""

    def __init__(
        self,
        library: Library,
        on_write: Callable[[int, bytes], bool],
        on_read: Callable[[int, int], bytes | None],
    ) -> None:
        ffi = library.ffi
        self.io: Any = ffi.new("i2c_io *")

        def write(_ctx: Any, address: int, data: Any, n: int) -> int:
            return 0 if on_write(address, bytes(ffi.buffer(data, n))) else -1

        def read(_ctx: Any, address: int, data: Any, n: int) -> int:
            answer = on_read(address, n)
            if answer is None:
                return -1
            ffi.memmove(data, answer, n)
            return 0

        self._kept = [
            ffi.callback(ffi.typeof(self.io.write), write),
            ffi.callback(ffi.typeof(self.io.read), read),
        ]
        self.io.write, self.io.read = self._kept


def new_raw(library: Library) -> Any:
    """A sensor_raw in which everything is missed."""
    raw = library.ffi.new("sensor_raw *")
    for name in ("temp_degc", "rh_pct", "pressure_hpa", "wind_dir_deg", "battery_v", "panel_v"):
        setattr(raw, name, -(2**31))
    return raw
