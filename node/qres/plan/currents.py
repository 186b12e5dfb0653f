# SPDX-License-Identifier: Apache-2.0
"""
What the parts of a node draw, by their vendors or by who measured it.

Every number has its source beside it. A source that begins with "[unverified]" was not looked up in
a document for this table: take it as a guess of the right size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qres.errors import RangeError

__all__ = ["BOARDS", "MCUS", "SENSORS", "SX1262", "Board", "Current", "Mcu", "tx_current"]


@dataclass(frozen=True, slots=True)
class Current:
    """
    A current at 3.3 V and where it is from.

    Attributes:
        ua: The current. [uA]
        source: Document, thread or file.
    """

    ua: float
    source: str

    @property
    def is_verified(self) -> bool:
        """Whether the source was looked up."""
        return not self.source.startswith("[unverified]")


_SWL2001: Final = "Semtech SWL2001, lbm_examples/radio_hal/ral_sx126x_bsp.c, DC-DC"

_TX_UA: Final = (
    *(24_000, 25_400, 26_700, 28_000, 30_600, 31_900, 33_200, 35_700, 38_200),  # -9..-1 dBm
    *(40_600, 42_900, 46_200, 48_200, 51_800, 54_100, 57_000, 60_300, 63_500),  # 0..8 dBm
    *(67_100, 70_500, 74_200, 78_400, 83_500, 89_300, 92_400, 94_500, 95_400),  # 9..17 dBm
    *(97_500, 100_100, 103_800, 109_100, 117_900),  # 18..22 dBm
)
_TX_MIN_DBM: Final = -9
_TX_MAX_DBM: Final = 22

SX1262: Final = {
    "rx": Current(4_600, f"{_SWL2001}, LoRa RX"),
    "rx boosted": Current(5_300, f"{_SWL2001}, LoRa RX boosted"),
    "sleep": Current(0.6, "mbed-os, COMPONENT_SX126X/SleepMode.txt, warm start"),
    "tcxo": Current(
        1_500, "[unverified] crystal oscillators on LoRa modules, while the radio is on"
    ),
}
"""The radio but for sending."""


def tx_current(tx_power_dbm: int) -> Current:
    """
    What an SX1262 draws while it sends.

    Args:
        tx_power_dbm: Power at the chip's output. [dBm] -9..22

    Raises:
        RangeError: A power that the chip does not have.

    >>> tx_current(14).ua
    89300
    """
    if not _TX_MIN_DBM <= tx_power_dbm <= _TX_MAX_DBM:
        limit = f"must be {_TX_MIN_DBM}..{_TX_MAX_DBM}, the SX1262's own output"
        raise RangeError("tx_power_dbm", tx_power_dbm, limit)
    return Current(_TX_UA[tx_power_dbm - _TX_MIN_DBM], f"{_SWL2001}, {tx_power_dbm} dBm")


@dataclass(frozen=True, slots=True)
class Mcu:
    """
    A processor.

    Attributes:
        active: Awake at 80 MHz, no Wi-Fi.
        light: Light sleep, RAM kept.
        deep: Deep sleep with RTC memory.
    """

    active: Current
    light: Current
    deep: Current


_IDF: Final = "ESP-IDF docs/en/api-guides/sleep-current"

MCUS: Final = {
    "esp32": Mcu(
        active=Current(
            31_000, "[unverified] Espressif data sheet, modem sleep at 80 MHz, both cores"
        ),
        light=Current(800, "[unverified] Espressif data sheet, light sleep"),
        deep=Current(5, f"{_IDF}/esp32_summary.inc"),
    ),
    "esp32s3": Mcu(
        active=Current(
            31_700, "lucidar.me, ESP32-S3-DevKitM-1 awake, whole board measured at 3.3 V"
        ),
        light=Current(240, "data sheet as quoted in esp32.com t=41048; boards there: 700..1900 uA"),
        deep=Current(6.8, f"{_IDF}/esp32s3_summary.inc"),
    ),
    "esp32c3": Mcu(
        active=Current(26_800, "robdobson.com 2023-11, ESP32-C3 at 160 MHz, measured"),
        light=Current(
            350, "robdobson.com 2023-11, measured; the data sheet is said to give 130 uA"
        ),
        deep=Current(5, "[unverified] Espressif data sheet, deep sleep"),
    ),
    "esp32c6": Mcu(
        active=Current(27_000, "[unverified] Espressif data sheet, modem sleep"),
        light=Current(180, "[unverified] Espressif data sheet, light sleep"),
        deep=Current(7, "[unverified] Espressif data sheet, deep sleep"),
    ),
}
"""Processors by the name that esptool gives them."""


@dataclass(frozen=True, slots=True)
class Board:
    """
    A board.

    Attributes:
        mcu: Key of `MCUS`.
        floor: What it draws beside processor, radio and sensors, always.
        has_amplifier: An amplifier behind the radio: the radio's table does not hold.
    """

    mcu: str
    floor: Current
    has_amplifier: bool = False


BOARDS: Final = {
    "heltec-v3": Board(
        "esp32s3",
        Current(8.2, "WiFi_Kit_series#6: 15 uA asleep with Vext and pins off, less the S3"),
    ),
    "heltec-v4": Board("esp32s3", Current(8_600, "EasySkyMesh#61, front end left on"), True),
    "ht-ct62": Board("esp32c3", Current(10, "[unverified] bare module and its regulator")),
    "m5stack-c6l": Board("esp32c6", Current(100, "[unverified] regulators and I/O expander")),
    "rak3312": Board("esp32s3", Current(20, "[unverified] base board's regulator")),
    "t-lora-c6": Board("esp32c6", Current(50, "[unverified] charger and regulator")),
    "t3-s3": Board("esp32s3", Current(1_350, "LilyGo#282: T3-S3 v1.2 asleep")),
    "tbeam-supreme": Board("esp32s3", Current(300, "[unverified] AXP power chip, GPS off")),
    "tbeam-sx1262": Board("esp32", Current(300, "[unverified] AXP power chip, GPS off")),
    "xiao-s3-wio": Board("esp32s3", Current(20, "[unverified] charger and regulator")),
}
"""Boards with an SX1262 by the name that their file in firmware/boards has."""

SENSORS: Final = {
    "sht4x": Current(1, "[unverified] Sensirion SHT4x: below 1 uA at one reading a minute"),
    "anemometer": Current(17, "[unverified] reed contact, 100 kOhm to 3.3 V, half closed"),
    "rain gauge": Current(0.1, "[unverified] tipping bucket's reed contact, nearly always open"),
    "battery divider": Current(8, "[unverified] 490 kOhm across the cell"),
}
"""Sensors of a node, averaged over the day."""
