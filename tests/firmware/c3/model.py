# SPDX-License-Identifier: Apache-2.0
"""
An ESP32-C3 as far as the self-test sees it, in unicorn: flash twice, SRAM, and `Peripherals`.

No caches and no pipeline: an instruction counts as one cycle. What comes out of it is modelled and
was not measured on hardware. Anything that the real chip would not do, or that is not known here,
ends the run with a `Fault`.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any, Final

from tests.firmware.c3.counter import RISCV, UNICORN, Counter
from tests.firmware.c3.peripherals import Fault, Peripherals

__all__ = ["C3", "DROM", "FLASH_BYTES", "IROM", "MAGIC", "SRAM", "SRAM_BYTES", "Fault"]

IROM: Final = 0x4200_0000
DROM: Final = 0x3C00_0000
FLASH_BYTES: Final = 4 << 20
SRAM: Final = 0x3FC8_0000
SRAM_BYTES: Final = 0x50000
"""As far as the image may use it; above are data of the mask ROM."""

MAGIC: Final = struct.pack("<II", 0xAEDB041D, 0xAEDB041D)
MPCER: Final = 0x7E0
MPCMR: Final = 0x7E1
MPCCR: Final = 0x7E2
_ILLEGAL: Final = 2
_SLICE: Final = 5000
"""Instructions watched one by one after reset."""
_NEVER: Final = 0xFFFF_FFFC


class C3(Peripherals):
    """
    A board with *image* in its flash.

    Attributes:
        counter: Of instructions, while the program asks for it; None if it is not to be answered.
        has_traps: Whether an exception goes to the image's vector; else it ends the run.
        watchdogs_off_after: Instructions from reset until the last watchdog was off.
    """

    def __init__(self, image: bytes, *, has_host: bool = True, has_counters: bool = True) -> None:
        super().__init__(has_host=has_host)
        if len(image) > FLASH_BYTES:
            raise Fault(f"image of {len(image)} bytes: the ROM maps {FLASH_BYTES}")
        if image[:8] != MAGIC:
            raise Fault(f"image begins with {image[:8].hex()}: the ROM does not start it")
        self.has_traps = False
        self.watchdogs_off_after = 0
        self._executed = 0
        self._wanted, self._end = 1, b""
        self._csr = {MPCER: 0, MPCMR: 0, MPCCR: 0}
        self._seen = 0
        self._flash = image.ljust(FLASH_BYTES, b"\xff")
        self.uc = UNICORN.Uc(UNICORN.UC_ARCH_RISCV, UNICORN.UC_MODE_RISCV32)
        self.counter = Counter(self.uc, self._flash, IROM) if has_counters else None
        self._map()

    def _map(self) -> None:
        uc, c = self.uc, UNICORN
        for base, rights in ((IROM, c.UC_PROT_READ | c.UC_PROT_EXEC), (DROM, c.UC_PROT_READ)):
            uc.mem_map(base, FLASH_BYTES, rights)
            uc.mem_write(base, self._flash)
        uc.mem_map(SRAM, SRAM_BYTES, c.UC_PROT_READ | c.UC_PROT_WRITE)
        uc.mem_write(SRAM, b"\xa5" * SRAM_BYTES)  # power-on content is anything
        for base in self.pages:
            uc.mmio_map(base, 0x1000, partial(self._read, base), None,
                        partial(self._write, base), None)  # fmt: skip
        uc.hook_add(c.UC_HOOK_INTR, self._trapped)
        uc.hook_add(c.UC_HOOK_MEM_READ, self._code_as_data, None, IROM, IROM + FLASH_BYTES - 1)

    def run(self, reports: int = 1, end: bytes = b"qres c3 end ") -> None:
        """
        From reset until so many lines with *end* have come over UART0; once for each board.

        Raises:
            Fault: What the real chip would not do, or a watchdog that bit.
        """
        self._wanted, self._end = reports, end
        pc = self._first_instructions()
        while self.fault is None and not self._is_done():
            pc = self._go(pc)
        if self.fault is not None:
            raise self.fault

    def _is_done(self) -> bool:
        return self.uart.endswith(b"\n") and self.uart.count(self._end) >= self._wanted

    def _first_instructions(self) -> int:
        hook = self.uc.hook_add(UNICORN.UC_HOOK_CODE, self._step)
        pc = self._go(IROM + 8, _SLICE)
        self.uc.hook_del(hook)
        self.uc.ctl_flush_tb()
        return pc

    def _go(self, pc: int, count: int = 0) -> int:
        try:
            self.uc.emu_start(pc, _NEVER, count=count)
        except UNICORN.UcError as e:
            at = self.uc.reg_read(RISCV.UC_RISCV_REG_PC)
            self.stop(Fault(f"{e} at {at:#010x}"))
        if self.counter is not None:
            self.tick()
            self.counter.switch(bool(self._csr[MPCMR]))
        return int(self.uc.reg_read(RISCV.UC_RISCV_REG_PC))

    def stop(self, fault: Fault | None) -> None:
        """End the run, with *fault* as the reason if it is the first."""
        self.fault = self.fault or fault
        self.uc.emu_stop()

    def _step(self, uc: Any, address: int, size: int, data: object) -> None:
        self._executed += 1
        if not self.watchdogs_off_after and not self.watchdogs_on():
            self.watchdogs_off_after = self._executed

    def tick(self) -> bool:
        """Let time pass for what was executed; True if instructions are being counted."""
        if self.counter is None or not self.counter.is_on:
            return False
        n = self.counter.instructions - self._seen
        self._seen += n
        self._csr[MPCCR] += n
        self.us += n / self.cpu_mhz()
        return True

    def _code_as_data(self, uc: Any, access: int, address: int, *_: int) -> None:
        self.stop(Fault(f"data read at {address:#010x}, in the window for code"))

    def _read(self, base: int, uc: Any, offset: int, size: int, data: object) -> int:
        try:
            return self.load(base, offset, size)
        except Fault as e:
            self.stop(e)
            return 0

    def _write(self, base: int, uc: Any, offset: int, size: int, value: int, data: object) -> None:
        try:
            self.store(base, offset, size, value)
        except Fault as e:
            self.stop(e)
        if self._is_done():  # unicorn cannot go on from here: the store would be done again
            self.stop(None)

    def _exception(self, number: int, at: int, value: int) -> None:
        if not self.has_traps:
            self.stop(Fault(f"exception {number} at {at:#010x}, instruction {value:#010x}"))
            return
        vector = self.uc.reg_read(RISCV.UC_RISCV_REG_MTVEC) & ~3
        if vector % 256:
            self.stop(Fault(f"mtvec {vector:#010x} is no multiple of 256"))
        self.uc.reg_write(RISCV.UC_RISCV_REG_MCAUSE, number)
        self.uc.reg_write(RISCV.UC_RISCV_REG_MEPC, at)
        self.uc.reg_write(RISCV.UC_RISCV_REG_MTVAL, value)
        self.uc.reg_write(RISCV.UC_RISCV_REG_PC, vector)

    def _trapped(self, uc: Any, number: int, data: object) -> None:
        """Illegal instructions: unicorn knows no CSR of the C3 alone. PC is behind it already."""
        at = uc.reg_read(RISCV.UC_RISCV_REG_PC) - 4
        (word,) = struct.unpack_from("<I", self._flash, at - IROM)
        csr, source, how, to = word >> 20, word >> 15 & 31, word >> 12 & 7, word >> 7 & 31
        if number != _ILLEGAL or word & 0x7F != 0x73 or how & 3 == 0 or csr not in self._csr:
            self._exception(number, at, word)
            return
        self.tick()
        old = self._csr[csr] & 0xFFFF_FFFF
        new = source if how & 4 else uc.reg_read(RISCV.UC_RISCV_REG_X0 + source)
        if to:
            uc.reg_write(RISCV.UC_RISCV_REG_X0 + to, old)
        if how & 3 == 1:
            self._csr[csr] = new
        elif source:
            self._csr[csr] = old | new if how & 3 == 2 else old & ~new
        if csr == MPCMR:
            self.stop(None)
