# SPDX-License-Identifier: Apache-2.0
"""
Does the compiled core on this machine compute what it must? Three known answers, in milliseconds.

For an installation in the field, where the test suite is not at hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from qres._core import ffi, lib
from qres.airtime import time_on_air_us
from qres.channels import from_q16, to_q16
from qres.core import Do, Field, Node, Replica
from qres.site import Site, SiteNode
from qres.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TESTS", "airtime", "ccm", "report", "wire_version"]

AIRTIME_SF7_13_BYTES_US: Final = 46_336
"""Source: Semtech AN1200.13, the formula by hand: (12.25 + 33) symbols of 1.024 ms."""

_CCM_KEY: Final = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
_CCM_NONCE: Final = bytes.fromhex("00000003020100a0a1a2a3a4a5")
_CCM_AAD: Final = bytes(range(8))
_CCM_PLAIN: Final = bytes(range(8, 31))
CCM_SEALED: Final = "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"
"""Source: RFC 3610, section 8, packet vector #1: ciphertext and tag."""

_SAMPLES: Final = (23.7, 41.2, 3.3, 12.6)  # in order of the channel table
_START_US: Final = 1_700_006_400_000_000  # 2023-11-15T00:00:00Z


def wire_version(expected: int) -> str:
    """Compare the core's wire version with *expected*; "" if they agree, else what differs."""
    compiled, header = int(lib.qres_wire_version()), int(lib.QRES_WIRE_VERSION)
    if compiled == header == expected:
        return ""
    return f"wire version of the core is {compiled}, of its header {header}: must be {expected}"


def airtime() -> str:
    """Time on air of 13 bytes at SF7/125 kHz; "" if right, else what is wrong."""
    got_us = time_on_air_us(sf=7, bw_hz=125_000, payload_bytes=13)
    if got_us == AIRTIME_SF7_13_BYTES_US:
        return ""
    return f"airtime of 13 bytes at SF7 is {got_us} us: must be {AIRTIME_SF7_13_BYTES_US} us"


def ccm() -> str:
    """AES-CCM of a published vector; "" if right, else what is wrong."""
    key = ffi.new("qres_aes128 *")
    lib.qres_aes128_init(key, _CCM_KEY)
    cipher = ffi.new("qres_cipher *", lib.qres_aes128_cipher(key))
    data, tag = ffi.new("uint8_t[]", _CCM_PLAIN), ffi.new("uint8_t[]", 8)
    size = len(_CCM_PLAIN)
    code = lib.qres_ccm_seal(
        cipher, _CCM_NONCE, len(_CCM_NONCE), _CCM_AAD, len(_CCM_AAD), data, size, tag, 8
    )
    sealed = bytes(ffi.buffer(data, size)) + bytes(ffi.buffer(tag, 8))
    if code == 0 and sealed.hex() == CCM_SEALED:
        return ""
    return f"AES-CCM gives {sealed.hex()} (code {code}): must be {CCM_SEALED}"


def report() -> str:
    """A node reports, a replica hears it; "" if it holds what was measured, else what is wrong."""
    site = _site()
    key = _CCM_KEY
    field = Field(site)
    first_phase = field.phase_at(_START_US)
    replica = Replica(site, key, _START_US)
    for row in range(len(site.nodes)):
        frame, end_us = _first_report(Node(field, key, row, first_phase=first_phase))
        replica.advance(end_us)
        heard = replica.hear(frame, end_us)
        if heard.reason or heard.node != site.ids[row]:
            return f"the report of node {site.ids[row]} is refused: {heard.reason or heard.node}"
    replica.advance(_START_US + 4 * site.phase_us)
    steps = from_q16(site.tolerance.steps_q16())
    error = np.abs(replica.judged - np.array(_SAMPLES))
    if np.all(error <= steps / 2 + 1e-9):
        return ""
    return f"a reported value is off by up to {error.max():g}: must be half a step at most"


def _first_report(node: Node) -> tuple[bytes, int]:
    """What a node sends first, and when that ends. [us]"""
    now_us = _START_US
    samples = to_q16(np.array(_SAMPLES))
    while True:
        action = node.next(now_us)
        if action.do == Do.SAMPLE:
            node.sample(samples)
        elif action.do == Do.TRANSMIT:
            return action.frame, action.until_us
        else:
            now_us = action.until_us


def _site() -> Site:
    nodes = tuple(SiteNode(i, f"node {i}", 51.0 + 0.01 * i, 4.0, 10.0) for i in range(4))
    return Site(
        name="self-test",
        field_id=1,
        region="EU868",
        freq_hz=869_525_000,
        sf=9,
        bw_hz=125_000,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=14,
        epoch_s=600,
        range_m=20_000,
        tolerance=Tolerance.of("standard"),
        nodes=nodes,
        key_file=Path("none.key"),
    )


TESTS: Final[dict[str, Callable[[], str]]] = {
    "airtime": airtime,
    "AES-CCM": ccm,
    "report": report,
}
"""The tests by name; each returns "" or what is wrong."""
