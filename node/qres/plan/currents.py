# SPDX-License-Identifier: Apache-2.0
"""
What the parts of a node draw, by their vendors or by who measured it. Nothing was measured by us.

Every number has its source beside it. A source that begins with "[unverified]" was not looked up in
a document for this table: take it as a guess of the right size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qres.errors import RangeError

__all__ = [
    "ALWAYS",
    "BOARDS",
    "CONTACT",
    "DIVIDER",
    "MCUS",
    "RADIOS",
    "SX1262",
    "Board",
    "Current",
    "Mcu",
    "tx_current",
]


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
"""The SX1262 but for sending."""

_SX1276_SHEET: Final = "[unverified] Semtech SX1276 data sheet, power consumption"

RADIOS: Final = {
    "sx1262": SX1262,
    "sx1276": {
        "rx": Current(10_800, f"{_SX1276_SHEET}: LoRa RX, LnaBoost off"),
        "rx boosted": Current(11_500, f"{_SX1276_SHEET}: LoRa RX, LnaBoost on"),
        "sleep": Current(0.2, "Semtech SX1276 data sheet, features: 200 nA register retention"),
    },
}
"""Radios but for sending, by the name that board files give them."""

_SX1276_TX: Final = ((17, 87_000), (20, 120_000))  # PA_BOOST, the pin that boards bring out
_SX1276_MIN_DBM: Final = 2


def tx_current(tx_power_dbm: int, radio: str = "sx1262") -> Current:
    """
    What a radio draws while it sends.

    Args:
        tx_power_dbm: Power at the chip's output. [dBm] SX1262 -9..22, SX1276 2..20
        radio: Key of `RADIOS`.

    Raises:
        RangeError: A power that the chip does not have.

    >>> tx_current(14).ua
    89300
    """
    is_sx1262 = radio == "sx1262"
    least = _TX_MIN_DBM if is_sx1262 else _SX1276_MIN_DBM
    most = _TX_MAX_DBM if is_sx1262 else _SX1276_TX[-1][0]
    if not least <= tx_power_dbm <= most:
        limit = f"must be {least}..{most}, the {radio.upper()}'s own output"
        raise RangeError("tx_power_dbm", tx_power_dbm, limit)
    if is_sx1262:
        return Current(_TX_UA[tx_power_dbm - _TX_MIN_DBM], f"{_SWL2001}, {tx_power_dbm} dBm")
    dbm, ua = next((dbm, ua) for dbm, ua in _SX1276_TX if tx_power_dbm <= dbm)
    return Current(ua, f"{_SX1276_SHEET}: PA_BOOST, {dbm} dBm")


@dataclass(frozen=True, slots=True)
class Mcu:
    """
    A processor.

    Attributes:
        active: Awake at 160 MHz, the port's clock, no Wi-Fi.
        light: Light sleep, RAM kept.
        deep: Deep sleep with RTC memory.
        wake_us: Awake for one wake-up from light sleep that finds nothing to do: out, look, back
            in. [us] Out: `DEFAULT_SLEEP_OUT_OVERHEAD_US` and `DEFAULT_HARDWARE_OUT_OVERHEAD_US` of
            ESP-IDF's components/esp_hw_support/sleep_modes.c @1021229; back in and the port's own
            code: 500 us [unverified].
    """

    active: Current
    light: Current
    deep: Current
    wake_us: float


_IDF: Final = "ESP-IDF docs/en/api-guides/sleep-current"
_IDLE: Final = "_modem_sleep.inc, 160 MHz without DFS, least between beacons"
_IN_US: Final = 500.0

MCUS: Final = {
    "esp32": Mcu(
        active=Current(27_800, f"{_IDF}/esp32{_IDLE}"),
        light=Current(800, "[unverified] Espressif data sheet, light sleep"),
        deep=Current(5, f"{_IDF}/esp32_summary.inc"),
        wake_us=212 + 60 + _IN_US,
    ),
    "esp32s3": Mcu(
        active=Current(37_900, f"{_IDF}/esp32s3{_IDLE}"),
        light=Current(240, "data sheet as quoted in esp32.com t=41048; boards there: 700..1900 uA"),
        deep=Current(6.8, f"{_IDF}/esp32s3_summary.inc"),
        wake_us=382 + 133 + _IN_US,
    ),
    "esp32c3": Mcu(
        active=Current(26_800, "robdobson.com 2023-11, ESP32-C3 at 160 MHz, measured"),
        light=Current(
            350, "robdobson.com 2023-11, measured; the data sheet is said to give 130 uA"
        ),
        deep=Current(5, "[unverified] Espressif data sheet, deep sleep"),
        wake_us=105 + 37 + _IN_US,
    ),
    "esp32c6": Mcu(
        active=Current(26_700, f"{_IDF}/esp32c6{_IDLE}"),
        light=Current(180, "[unverified] Espressif data sheet, light sleep"),
        deep=Current(7, "[unverified] Espressif data sheet, deep sleep"),
        wake_us=318 + 56 + _IN_US,
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
        radio: Key of `RADIOS`.
        has_wind_pin: Whether its file in firmware/boards has a pin for an anemometer.
    """

    mcu: str
    floor: Current
    has_amplifier: bool = False
    radio: str = "sx1262"
    has_wind_pin: bool = True


BOARDS: Final = {
    "heltec-v3": Board(
        "esp32s3",
        Current(8.2, "WiFi_Kit_series#6: 15 uA asleep with Vext and pins off, less the S3"),
    ),
    "heltec-v4": Board("esp32s3", Current(8_600, "EasySkyMesh#61, front end left on"), True),
    "ht-ct62": Board(
        "esp32c3", Current(10, "[unverified] bare module and its regulator"), has_wind_pin=False
    ),
    "m5stack-c6l": Board(
        "esp32c6", Current(100, "[unverified] regulators and I/O expander"), has_wind_pin=False
    ),
    "rak3312": Board("esp32s3", Current(20, "[unverified] base board's regulator")),
    "t-lora-c6": Board("esp32c6", Current(50, "[unverified] charger and regulator")),
    "t3-s3": Board("esp32s3", Current(1_350, "LilyGo#282: T3-S3 v1.2 asleep")),
    "t3-v1.6": Board(
        "esp32",
        Current(100, "[unverified] regulator and charger; 18 uA are its 2 x 100 kOhm at the cell"),
        radio="sx1276",
    ),
    "tbeam-supreme": Board(
        "esp32s3", Current(300, "[unverified] AXP power chip, GPS off"), has_wind_pin=False
    ),
    "tbeam-sx1262": Board("esp32", Current(300, "[unverified] AXP power chip, GPS off")),
    "xiao-s3-wio": Board("esp32s3", Current(20, "[unverified] charger and regulator")),
}
"""Boards by the name of their file in firmware/boards. A divider at the cell is in `floor`."""

ALWAYS: Final = {
    "sht4x": Current(0.4, "Sensirion SHT4x data sheet, features: at one reading a second"),
    "cell's protection": Current(3, "DW01A data sheet, features: 3 uA at 3.6 V"),
    "charger in the dark": Current(
        2, "[unverified] TP4056 data sheet as quoted: BAT below 2 uA; other chargers may take more"
    ),
}
"""What draws day and night."""

CONTACT: Final = Current(
    33, "3.3 V over the 100 kOhm pull-up; anemometer closed half of the time [unverified]"
)
"""A gauge's closed contact."""

DIVIDER: Final = Current(5, "CD4024B data sheet (National Semiconductor), quiescent, at most")
"""The counter of an anemometer whose name ends in -div16."""
