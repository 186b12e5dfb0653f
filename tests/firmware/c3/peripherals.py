# SPDX-License-Identifier: Apache-2.0
"""
Registers of the ESP32-C3 that the self-test uses, and the watchdogs that would end it.

Source: ESP-IDF 6.0.2, components/soc/esp32c3/register/soc, and the hal/*_ll.h that write to them.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["Fault", "Peripherals"]

UART0: Final = 0x6000_0000
RTC_CNTL: Final = 0x6000_8000
TIMG0: Final = 0x6001_F000
SYSTIMER: Final = 0x6002_3000
USB: Final = 0x6004_3000
SYSTEM: Final = 0x600C_0000

WDT_KEY: Final = 0x50D83AA1
SWD_KEY: Final = 0x8F1D312A
BITE_US: Final = 1000.0
"""After reset each watchdog bites so soon here; on the chip it takes a second or more. [us]"""

XTAL_MHZ: Final = 40
UART_BYTE_US: Final = 10e6 / 115200
UART_FIFO: Final = 128
USB_FIFO: Final = 64
USB_FRAME_US: Final = 1000
LIMIT_US: Final = 60e6
POLL_US: Final = 20.0
"""What a reading of the timer takes while instructions are not counted. [us]"""

IDLE_POLLS: Final = 300
"""Readings of the timer in a row, without anything else, after which the program just waits."""

_PLAIN: Final = {
    (RTC_CNTL, 0x90): 0x80001000,  # WDTCONFIG0: on, and in flash boot
    (RTC_CNTL, 0xA8): 0,
    (RTC_CNTL, 0xAC): 0,  # SWD_CONF
    (RTC_CNTL, 0xB0): 0,
    (TIMG0, 0x48): 0x00004000,  # WDTCONFIG0: on in flash boot
    (TIMG0, 0x64): 0,
    (SYSTIMER, 0x00): 0x46000000,
    (SYSTEM, 0x10): 0xF9C1E06F,
    (SYSTEM, 0x18): 0,
    (SYSTEM, 0x58): 0x00000001,  # crystal, divided by 2
}
"""Values after the ROM. The watchdogs' are on, as ESP-IDF says of flash boot."""

_LOCKED: Final = {
    (RTC_CNTL, 0x90): ((RTC_CNTL, 0xA8), WDT_KEY),
    (RTC_CNTL, 0xAC): ((RTC_CNTL, 0xB0), SWD_KEY),
    (TIMG0, 0x48): ((TIMG0, 0x64), WDT_KEY),
}
"""Registers that are read-only while another does not hold a key."""


class Fault(Exception):  # noqa: N818  what a chip does is no error of this program
    """What the real chip would not do, or a watchdog that bit."""


class Peripherals:
    """
    Registers and what is behind them.

    Attributes:
        us: Time since reset. [us]
        uart: What came out of UART0.
        usb: What the host read over USB.
        has_host: Whether a host reads USB.
        host_after_us: When one is plugged in. [us]
        fault: Why the run ended early.
        ignored: Registers that were written while locked.
    """

    pages: Final = (UART0, RTC_CNTL, TIMG0, SYSTIMER, USB, SYSTEM)

    def __init__(self, *, has_host: bool) -> None:
        self.us = 0.0
        self.uart = bytearray()
        self.usb = bytearray()
        self.has_host = has_host
        self.host_after_us = math.inf
        self.fault: Fault | None = None
        self.ignored: list[str] = []
        self.registers = dict(_PLAIN)
        self._polls = 0
        self._latched = 0
        self._uart_empty_us = 0.0
        self._packet = bytearray()
        self._usb_free_us: float | None = 0.0

    def tick(self) -> bool:
        """Let time pass, if it is known how much did; else each reading of the timer does."""
        return False

    def watchdogs_on(self) -> list[str]:
        """Names of the watchdogs that will bite."""
        r = self.registers
        on = {
            "RTC watchdog": r[RTC_CNTL, 0x90] & (1 << 31 | 1 << 12),
            "super watchdog": not r[RTC_CNTL, 0xAC] & (1 << 31),
            "watchdog of timer group 0": r[TIMG0, 0x48] & (1 << 31 | 1 << 14),
        }
        return [name for name, is_on in on.items() if is_on]

    def cpu_mhz(self) -> float:
        """Clock of the CPU. [MHz]"""
        conf = self.registers[SYSTEM, 0x58]
        if conf >> 10 & 3:
            raise Fault("the CPU's clock was taken from what is not the crystal: not modelled")
        return XTAL_MHZ / ((conf & 0x3FF) + 1)

    def load(self, base: int, offset: int, size: int) -> int:
        """What the CPU reads there."""
        self._check(base, offset, size)
        at = (base, offset)
        if at in self.registers:
            return self.registers[at]
        if at == (SYSTIMER, 0x04):
            return 1 << 29
        if at == (SYSTIMER, 0x44):
            return self._latched
        self._polls = 0
        if at == (UART0, 0x1C):
            return self._uart_level() << 16
        if at == (USB, 0x04):
            return 2 if self._usb_is_free() else 0
        raise Fault(f"read of an unknown register {base + offset:#010x}")

    def store(self, base: int, offset: int, size: int, value: int) -> None:
        """What the CPU writes there."""
        self._check(base, offset, size)
        at = (base, offset)
        if at == (SYSTIMER, 0x04):
            self._latch(value)
            return
        self._polls = 0
        lock, key = _LOCKED.get(at, (None, 0))
        if lock is not None and self.registers[lock] != key:
            self.ignored.append(f"{base + offset:#010x}")
        elif at in self.registers:
            self.registers[at] = value
            self.cpu_mhz()
        elif at == (UART0, 0x00):
            self._uart_byte(value)
        elif at == (USB, 0x00):
            self._usb_byte(value)
        elif at == (USB, 0x04):
            self._usb_send(value)
        else:
            raise Fault(f"write of {value:#x} to an unknown register {base + offset:#010x}")

    def _check(self, base: int, offset: int, size: int) -> None:
        if size != 4 or offset % 4:
            raise Fault(f"access of {size} bytes to register {base + offset:#010x}")
        if self.us > BITE_US and self.watchdogs_on():
            raise Fault(f"reset by {', '.join(self.watchdogs_on())} after {self.us:.0f} us")

    def _latch(self, value: int) -> None:
        if value != 1 << 30:
            raise Fault(f"write of {value:#x} to SYSTIMER's UNIT0_OP")
        if not self.registers[SYSTEM, 0x10] >> 29 & 1 or not self.registers[SYSTIMER, 0] >> 30 & 1:
            raise Fault("SYSTIMER was read while it stands")
        if not self.tick():
            self._polls += 1
            self.us += POLL_US if self._polls < IDLE_POLLS else 50 * POLL_US
        if not self.has_host and self.us > self.host_after_us:
            self.attach()
        if self.us > LIMIT_US:
            raise Fault(f"no end within {LIMIT_US / 1e6:g} s of the model's time")
        self._latched = int(self.us * 16) & 0xFFFF_FFFF

    def _uart_level(self) -> int:
        return max(0, round((self._uart_empty_us - self.us) / UART_BYTE_US))

    def _uart_byte(self, value: int) -> None:
        if self._uart_level() >= UART_FIFO:
            raise Fault("UART0's FIFO overflowed")
        self._uart_empty_us = max(self._uart_empty_us, self.us) + UART_BYTE_US
        self.uart.append(value & 0xFF)

    def _usb_is_free(self) -> bool:
        return self._usb_free_us is not None and self.us >= self._usb_free_us

    def _usb_byte(self, value: int) -> None:
        if not self._usb_is_free() or len(self._packet) >= USB_FIFO:
            raise Fault("a byte for USB was lost: its FIFO was not free")
        self._packet.append(value & 0xFF)

    def _usb_send(self, value: int) -> None:
        if value != 1 or not self._usb_is_free():
            raise Fault(f"write of {value:#x} to USB's EP1_CONF")
        self._usb_free_us = None
        if self.has_host:
            self.attach()

    def attach(self) -> None:
        """The host takes what waits, and reads from now on."""
        self.has_host = True
        self.usb += self._packet
        self._packet.clear()
        self._usb_free_us = self.us + USB_FRAME_US
