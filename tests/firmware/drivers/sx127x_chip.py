# SPDX-License-Identifier: Apache-2.0
"""
An SX1276 as its registers show it, with faults.

Written from the data sheet (SX1276/77/78/79 rev. 7), chapters 4 to 6, not from the driver.
"""

from __future__ import annotations

from tests.firmware.drivers.chip import ChipModel, OnAir, Sent

SLEEP, STANDBY, TX, RX_CONTINUOUS, CAD = 0, 1, 3, 5, 7
LORA = 0x80
DIO0 = {0x00: 0x40, 0x40: 0x08, 0x80: 0x04}  # mapping: interrupt, table 18
RESET_REGISTERS = {0x01: 0x09, 0x0E: 0x80, 0x33: 0x27, 0x31: 0xC3, 0x42: 0x12}


class Chip127x(ChipModel):
    """An SX1276. `busy` is not wired."""

    def _power_on(self) -> None:
        self.registers = dict(RESET_REGISTERS)
        self.fifo = bytearray(256)
        self.done_us = None
        self.edge_us = None
        self.calibrated_until = 0
        self.next_start = 0

    def busy(self) -> int:
        """There is no such pin."""
        self.violations.append("BUSY read")
        return 0

    def transfer(self, out: bytes) -> bytes | None:
        """One transaction, single or burst. None if the bus fails."""
        self.transfers += 1
        self._live()
        if self.faults.bus_fails:
            return None
        self.now += len(out)
        address, writing = out[0] & 0x7F, bool(out[0] & 0x80)
        answer = bytearray(len(out))
        for i, value in enumerate(out[1:], 1):
            at = address if address == 0 else address + i - 1
            if writing:
                self._write(at, value)
            else:
                answer[i] = self._read(at)
        return (
            bytes([self.faults.miso]) * len(out) if self.faults.miso is not None else bytes(answer)
        )

    @property
    def mode(self) -> int:
        """The mode bits of RegOpMode."""
        return self.registers[0x01] & 7

    def _read(self, at: int) -> int:
        if at == 0:
            value = self.fifo[self.registers.get(0x0D, 0)]
            self.registers[0x0D] = self.registers.get(0x0D, 0) + 1 & 0xFF
            return value
        if at == 0x3B and not self.registers[0x01] & LORA:
            return 0x20 if self.now < self.calibrated_until else 0
        return self.registers.get(at, 0)

    def _write(self, at: int, value: int) -> None:
        if at == 0:
            if self.mode == SLEEP:
                self.violations.append("FIFO written in sleep")
            self.fifo[self.registers.get(0x0D, 0)] = value
            self.registers[0x0D] = self.registers.get(0x0D, 0) + 1 & 0xFF
        elif at == 0x01:
            self._enter(value)
        elif at == 0x12:
            self.registers[0x12] = self.registers.get(0x12, 0) & ~value
            if not self.registers[0x12] & self._dio0():
                self.edge_us = None
        elif at == 0x3B and not self.registers[0x01] & LORA:
            stuck = self.faults.oscillator_dead
            self.calibrated_until = self.now + (10**12 if stuck else 10_000)
        else:
            self.registers[at] = value

    def _enter(self, value: int) -> None:
        if 0x01 in self.faults.refuse:
            return
        lora_before = self.registers[0x01] & LORA
        if (value & LORA) != lora_before and self.mode != SLEEP:
            self.violations.append("LoRa bit changed outside sleep")
            value = value & ~LORA | lora_before
        self.registers[0x01] = value
        self.done_us = None
        if self.mode == TX:
            start = self.registers.get(0x0E, 0)
            payload = bytes(self.fifo[start : start + self.registers.get(0x22, 1)])
            self.sent.append(Sent(self.now, payload, dict(self.registers), {}))
            self.done_us = None if self.faults.never_sent else self.now + self.airtime_us
        elif self.mode == CAD:
            self.done_us = self.now + 2048
        elif self.mode == RX_CONTINUOUS:
            self.next_start = self.registers.get(0x0F, 0)

    def _dio0(self) -> int:
        return DIO0.get(self.registers.get(0x40, 0) & 0xC0, 0)

    def _raise(self, irq: int, at_us: int) -> None:
        self.registers[0x12] = self.registers.get(0x12, 0) | irq & ~self.registers.get(0x11, 0)
        if self.registers[0x12] & self._dio0() and self.edge_us is None:
            self.edge_us = at_us

    def _live(self) -> None:
        self._dip()
        if self.done_us is not None and self.now >= self.done_us:
            done, self.done_us = self.done_us, None
            self._raise(0x08 if self.mode == TX else 0x05 if self.cad_busy else 0x04, done)
            self.registers[0x01] = LORA | STANDBY
        while self.air and self.air[0].end_us <= self.now:
            frame = self.air.pop(0)
            if self.mode == RX_CONTINUOUS and frame.header_ok:
                self._hear(frame)

    def _hear(self, frame: OnAir) -> None:
        for i, value in enumerate(frame.payload):
            self.fifo[(self.next_start + i) & 0xFF] = value
        self.registers[0x10] = self.next_start
        self.next_start = self.next_start + len(frame.payload) & 0xFF
        error = frame.freq_error & 0xFFFFF
        for i in range(3):
            self.registers[0x28 + i] = error >> (16 - 8 * i) & 0xFF
        self.registers |= {0x13: len(frame.payload), 0x19: frame.snr, 0x1A: frame.rssi}
        self.registers[0x1C] = 0x40 if frame.has_crc else 0
        self._raise(0x40 | (0 if frame.crc_ok else 0x20), frame.end_us)
