# SPDX-License-Identifier: Apache-2.0
"""A driver on a bench: the compiled C, a model of the chip, and calls in Python's terms."""

from __future__ import annotations

from typing import Any

from tests.firmware.drivers.chip import ChipModel
from tests.firmware.drivers.rig import Library, radio_library
from tests.firmware.drivers.sx126x_chip import Chip
from tests.firmware.drivers.sx127x_chip import Chip127x

ERRORS = {
    -1: "ARG", -2: "BUSY", -3: "SPI", -4: "CHIP", -5: "STATUS", -6: "MODE", -7: "DEVICE",
    -8: "TIMEOUT", -9: "CRC", -10: "HEADER", -11: "LENGTH", -12: "LATE",
}  # fmt: skip
HOUR_US = 3_600_000_000


class Bench:
    """One radio. `family` is "sx126x" or "sx127x"; `channel` and `board` override fields."""

    def __init__(
        self, family: str, chip: ChipModel | None = None, library: Library | None = None
    ) -> None:
        self.family = family
        model: ChipModel = Chip() if family == "sx126x" else Chip127x()
        self.chip: ChipModel = model if chip is None else chip
        self.library: Library = radio_library() if library is None else library
        ffi = self.ffi = self.library.ffi
        self.channel: Any = ffi.new("radio_channel *")
        lora = self.channel.lora
        lora.bw_hz, lora.sf, lora.cr, lora.crc, lora.preamble_symbols = 125_000, 7, 1, 1, 8
        self.channel.freq_hz, self.channel.power_dbm = 869_525_000, 14
        self.channel.sync_word = 0x12
        self.board: Any = ffi.new(f"{family}_board *")
        if family == "sx126x":
            self.board.tcxo_mv, self.board.tcxo_start_us = 1800, 5000
            self.board.chip, self.board.dio2_rf_switch, self.board.dcdc = 2, 1, 1
        else:
            self.board.pa_boost = 1
        self.radio: Any = ffi.new(f"{family} *")
        self.io: Any = ffi.new("radio_io *")
        self._kept = self._callbacks()

    def _callbacks(self) -> list[Any]:
        ffi, chip = self.ffi, self.chip

        def transfer(_ctx: Any, out: Any, into: Any, n: int) -> int:
            answer = chip.transfer(bytes(ffi.buffer(out, n)))
            if answer is None:
                return -1
            ffi.memmove(into, answer, n)
            return 0

        def wait_irq(_ctx: Any, until_us: int, edge_us: Any) -> int:
            edge = chip.wait_irq(min(until_us, chip.now + HOUR_US))
            if edge is None:
                return 0
            edge_us[0] = edge
            return 1

        functions = {
            "transfer": transfer,
            "busy": lambda _ctx: chip.busy(),
            "wait_irq": wait_irq,
            "reset": lambda _ctx, asserted: chip.reset(asserted),
            "delay_us": lambda _ctx, us: chip.delay_us(us),
            "now_us": lambda _ctx: chip.now_us(),
            "rf_switch": lambda _ctx, position: chip.rf_switch(position),
        }
        kept = []
        for name, function in functions.items():
            callback = ffi.callback(ffi.typeof(getattr(self.io, name)), function)
            setattr(self.io, name, callback)
            kept.append(callback)
        return kept

    def tune(self, **channel: int) -> Bench:
        """Set fields of the channel and start, which must succeed."""
        for name, value in channel.items():
            self.set(name, value)
        assert self.start() == 0
        return self

    def set(self, name: str, value: int) -> None:
        """Set a field of the channel, or of its modulation."""
        lora = self.channel.lora
        setattr(lora if hasattr(lora, name) else self.channel, name, value)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call sx12?x_*name*; errors as their names."""
        result = getattr(self.library.lib, f"{self.family}_{name}")(self.radio, *arguments)
        return ERRORS[result] if result < 0 else result

    def start(self) -> Any:
        """Start with the channel and board as they are set now."""
        return self.call("start", self.io, self.board, self.channel)

    def receive(self, wait_us: int = 1_000_000) -> Any:
        """A frame as the driver gives it, 0, or the name of the error."""
        frame = self.ffi.new("radio_frame *")
        result = self.call("receive", self.chip.now + wait_us, frame)
        return frame if result == 1 else result

    def send(self, payload: bytes, in_us: int = 50_000) -> Any:
        """Send, *in_us* from now."""
        return self.call("send", payload, len(payload), self.chip.now + in_us, self.ffi.NULL)


def payload_of(frame: Any) -> bytes:
    """The bytes of a received frame."""
    return bytes(frame.bytes[0 : frame.len])
