# SPDX-License-Identifier: Apache-2.0
"""
An SX1262 as its command interface shows it, with faults.

Written from the data sheet (DS_SX1261-2), chapters 9 to 13, not from the driver: opcodes, argument
lengths, status byte, modes, BUSY, interrupts, reset values. Time is a number that only the
driver's own calls move.
"""

from __future__ import annotations

from tests.firmware.drivers.chip import ChipModel, OnAir, Sent

SLEEP, STBY_RC, STBY_XOSC, FS, RX, TX = 0, 2, 3, 4, 5, 6

# opcode: number of argument bytes, table 11-1 to 11-5; None: any
ARGUMENTS = {
    0x02: 2, 0x07: 2, 0x08: 8, 0x0D: None, 0x0E: None, 0x80: 1, 0x82: 3, 0x83: 3, 0x84: 1,
    0x86: 4, 0x88: 7, 0x89: 1, 0x8A: 1, 0x8B: 4, 0x8C: 6, 0x8E: 2, 0x8F: 2, 0x93: 1, 0x95: 4,
    0x96: 1, 0x97: 4, 0x98: 2, 0x9D: 1, 0xC5: 0,
}  # fmt: skip
# opcode: bytes before the answer, the last of which carries the status
ANSWERS = {0x12: 2, 0x13: 2, 0x14: 2, 0x15: 2, 0x17: 2, 0x1D: 4, 0x1E: 3, 0xC0: 2}
RESET_REGISTERS = {0x0740: 0x14, 0x0741: 0x24, 0x0736: 0x0D, 0x0889: 0x01, 0x08D8: 0xC8}
SYMBOL_US = 1024  # SF7 at 125 kHz


class Chip(ChipModel):
    """An SX1262. `tcxo`: its oscillator is fed by DIO3."""

    tcxo = False

    def _power_on(self) -> None:
        self.registers = dict(RESET_REGISTERS)
        self.settings: dict[int, bytes] = {}
        self.buffer = bytearray(256)
        self.mode = STBY_RC
        self.outcome = 1
        self.irq = self.irq_mask = self.dio1_mask = 0
        self.edge_us = None
        self.busy_until = self.now + 3_500
        self.done_us = None
        self.received = (0, 0, OnAir(0, b"\0"))
        self.errors = 0x20 if self.tcxo else 0  # XOSC_START_ERR: the TCXO has no supply yet

    def busy(self) -> int:
        """The BUSY pin."""
        self._live()
        return int(self.faults.busy_stuck or self.mode == SLEEP or self.now < self.busy_until)

    def transfer(self, out: bytes) -> bytes | None:
        """One transaction. None if the bus fails."""
        self.transfers += 1
        self._live()
        if self.faults.bus_fails:
            return None
        self.now += len(out)
        if self.mode == SLEEP:
            self.mode, self.busy_until = STBY_RC, self.now + 340  # warm start, table 8-2
            return bytes(len(out))
        if self.now - len(out) < self.busy_until:
            self.violations.append(f"opcode {out[0]:#x} while BUSY")
        answer = self._execute(out)
        return bytes([self.faults.miso]) * len(out) if self.faults.miso is not None else answer

    # ---- the inside

    def _status(self) -> int:
        return self.mode << 4 | self.outcome << 1

    def _execute(self, out: bytes) -> bytes:
        opcode, data = out[0], out[1:]
        if opcode in ANSWERS:
            skip = ANSWERS[opcode]
            answer = self._answer(opcode, data, len(out) - skip)
            return bytes([self._status()] * skip + list(answer))
        status = self._status()
        wanted = ARGUMENTS.get(opcode, -1)
        if wanted == -1 or (wanted is not None and len(data) != wanted):
            self.violations.append(f"opcode {opcode:#x} with {len(data)} arguments")
            self.outcome = 4
        elif opcode in self.faults.refuse:
            self.outcome = 5
        else:
            self.outcome = 1
            self.busy_until = self.now + 10
            self.settings[opcode] = data
            getattr(self, f"_do_{opcode:02x}", self._nothing)(data)
        return bytes([status]) * len(out)

    def _answer(self, opcode: int, data: bytes, n: int) -> bytes:
        frame = self.received[2]
        if opcode == 0x1D:
            start = data[0] << 8 | data[1]
            return bytes(self.registers.get(start + i, 0) for i in range(n))
        if opcode == 0x1E:
            return bytes(self.buffer[(data[0] + i) & 0xFF] for i in range(n))
        answers = {
            0x12: self.irq.to_bytes(2, "big"),
            0x13: bytes(self.received[:2]),
            0x14: bytes([frame.rssi, frame.snr, frame.rssi]),
            0x15: bytes([200]),
            0x17: self.errors.to_bytes(2, "big"),
            0xC0: b"",
        }
        return answers[opcode].ljust(n, b"\0")[:n]

    def _nothing(self, data: bytes) -> None:
        """A setting that is only kept."""

    def _do_02(self, data: bytes) -> None:
        self.irq &= ~int.from_bytes(data, "big")
        if not self.irq & self.dio1_mask:
            self.edge_us = None

    def _do_07(self, data: bytes) -> None:
        self.errors = 0

    def _do_08(self, data: bytes) -> None:
        self.irq_mask = int.from_bytes(data[0:2], "big")
        self.dio1_mask = int.from_bytes(data[2:4], "big")

    def _do_0d(self, data: bytes) -> None:
        start = data[0] << 8 | data[1]
        for i, value in enumerate(data[2:]):
            self.registers[start + i] = value

    def _do_0e(self, data: bytes) -> None:
        for i, value in enumerate(data[1:]):
            self.buffer[(data[0] + i) & 0xFF] = value

    def _do_80(self, data: bytes) -> None:
        self.mode = STBY_XOSC if data[0] else STBY_RC
        self.done_us = None

    def _do_82(self, data: bytes) -> None:
        self.mode = RX

    def _do_83(self, data: bytes) -> None:
        self.mode = TX
        length = self.settings[0x8C][3]
        payload = bytes(self.buffer[:length])
        self.sent.append(Sent(self.now, payload, dict(self.registers), dict(self.settings)))
        limit = int.from_bytes(data, "big") * 1_000_000 // 64_000
        self.done_us = self.now + (limit if self.faults.never_sent else self.airtime_us)

    def _do_84(self, data: bytes) -> None:
        self.mode = SLEEP
        if not data[0] & 4:
            self.violations.append("cold sleep forgets the configuration")

    def _do_89(self, data: bytes) -> None:
        self.busy_until = self.now + 3_500
        powered = not self.tcxo or 0x97 in self.settings
        if self.faults.oscillator_dead or not powered:
            self.errors |= 0x20

    def _do_8c(self, data: bytes) -> None:
        self.registers[0x0736] &= ~4  # what limitation 15.4 is about: the chip gets the bit wrong

    def _do_c5(self, data: bytes) -> None:
        self.done_us = self.now + 4 * SYMBOL_US

    def _raise(self, irq: int, at_us: int) -> None:
        self.irq |= irq & self.irq_mask
        if self.irq & self.dio1_mask and self.edge_us is None:
            self.edge_us = at_us

    def _live(self) -> None:
        """What the chip did by itself until now."""
        self._dip()
        if self.done_us is not None and self.now >= self.done_us:
            done, self.done_us = self.done_us, None
            if self.mode == TX:
                self._raise(1 << 9 if self.faults.never_sent else 1, done)
            else:
                self._raise(1 << 7 | (1 << 8 if self.cad_busy else 0), done)
            self.mode = STBY_RC
        while self.air and self.air[0].end_us <= self.now:
            self._hear(self.air.pop(0))

    def _hear(self, frame: OnAir) -> None:
        if self.mode != RX:
            return
        if not frame.header_ok:
            self._raise(1 << 5, frame.end_us)
            return
        error = frame.freq_error & 0xFFFFF
        self.registers[0x076B] = error >> 16 | (0x10 if frame.has_crc else 0)
        self.registers[0x076C], self.registers[0x076D] = error >> 8 & 0xFF, error & 0xFF
        start = self.received[1] + self.received[0] & 0xFF
        for i, value in enumerate(frame.payload):
            self.buffer[(start + i) & 0xFF] = value
        self.received = (len(frame.payload), start, frame)
        self._raise(1 << 1 | (0 if frame.crc_ok else 1 << 6), frame.end_us)
