# SPDX-License-Identifier: Apache-2.0
"""What others would have sent: layouts by hand, and the estimate of send-on-delta."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qres import weather_file
from qres.channels import CHANNELS, V1, site_channels
from qres.core import Field, Status
from qres.densify import densify
from qres.errors import RangeError
from qres.keys import read_key_file
from qres.periodic import Radio, cost, senders_of
from qres.site import load_site
from qres.virtual.field import VirtualField
from qres.virtual.measure import run as simulate
from qres.virtual.sites import DEMO_KEY
from qres_gateway.audit.delta import SendOnDelta
from qres_gateway.audit.peers import peers
from qres_gateway.audit.store import EpochValues
from qres_gateway.field_rules import rules_for
from qres_gateway.ledger import HOUR_US, Sum
from qres_gateway.replay.captures import open_capture
from qres_gateway.replay.run import replay
from qres_gateway.sources.capture import write_capture
from tests.gateway.audit.made_store import START_US, Made, make_site
from tests.gateway.recorded_field import recorded, write_field

EPOCH_US = 600_000_000


def sizes(*channels: str, battery: bool = False) -> dict[str, int]:
    """Bytes on air of each sender for these channels."""
    wanted = [c for c in CHANNELS if c.name in channels] or site_channels(battery=battery)
    return {s.key: s.frame_bytes for s in senders_of(wanted, 600)}


def test_frame_lengths() -> None:
    """Temperature, humidity, wind and rain, with and without the battery."""
    # source: by hand. LPP 4 + 3 + 4 + 4 (+ 4), LoRaWAN 13; bits 10 + 7 + 9 + 12 (+ 8);
    # Meshtastic: floats with keys 5 + 5 + 5 + 6 (+ 5), length and key 2, time 5, in Data: port 2,
    # key and length 2, bit field 2; header 16
    assert sizes() == {"lpp": 28, "packed": 18, "meshtastic": 50, "meshtastic-60": 50}
    assert sizes(battery=True) == {"lpp": 32, "packed": 19, "meshtastic": 55, "meshtastic-60": 55}


def test_frame_length_measured_with_meshtastics_own_protobufs() -> None:
    """Temperature and humidity alone: 39 bytes on air."""
    # source: sheet of peers, A2, measured there with the published .proto files
    assert sizes("temp_degc", "rh_pct")["meshtastic"] == 39


def test_lpp_of_a_field_for_an_hour(tmp_path: Path) -> None:
    """Four nodes at 600 s and SF9: 24 frames, 672 bytes, 24 x 226.304 ms an hour."""
    # source: by hand, 28 B at SF9/125 kHz: ceil(232/36) = 7 -> 20.25 + 35 symbols of 4.096 ms
    site = load_site(make_site(tmp_path, sf=9))
    found = {p["key"]: p for p in peers(site, 10 * HOUR_US, None, Sum())}
    lpp = found["lpp"]
    assert (lpp["frames_per_h"], lpp["bytes_per_h"], lpp["bytes"]) == (24, 672, 6720)
    assert lpp["airtime_ms_per_h"] == pytest.approx(24 * 226.304)
    once, twice = found["meshtastic"], found["meshtastic-relayed"]
    assert twice["bytes_per_h"] == 2 * once["bytes_per_h"] == 2 * 24 * 50
    assert found["meshtastic-60"]["frames_per_h"] == 4
    assert all(p["assumptions"] and p["source"] and p["basis"] for p in found.values())


def test_the_coding_rate_counts() -> None:
    """At 4/8 every symbol block is 8 instead of 5 symbols long, as for the field's own frames."""
    (lpp, *_) = senders_of(V1, 600)
    half = cost(lpp, 1, Radio(9, 125_000, 8, 4)).airtime_us_per_h / 6
    assert half == (20.25 + 7 * 8) * 4096


def test_what_has_no_layout_is_refused() -> None:
    """An interval of 0, and a channel that no layout knows."""
    with pytest.raises(RangeError, match="interval_s = 0"):
        senders_of(V1, 0)
    with pytest.raises(RangeError, match="channel = smoke"):
        senders_of([replace(V1[0], name="smoke")], 600)


def epochs(temps: list[float], rain: list[float] | None = None) -> list[EpochValues]:
    """Epochs of one node; humidity and wind stand still."""
    return [
        EpochValues(
            START_US + k * EPOCH_US,
            4 * k + 3,
            np.array([[t, 50.0, 2.0, 0.0 if rain is None else rain[k]]], dtype=np.float32),
            np.array([Status.HELD], dtype=np.uint8),
            1,
        )
        for k, t in enumerate(temps)
    ]


@pytest.mark.parametrize(
    ("temps", "rain", "expected"),
    [
        # source: SPEC 6.1 and 6.2 by hand, standard tolerance 1 degC, step 0.25; form X first
        ([20, 20.9, 21.0, 20.1], None, [14]),
        ([20, 21.5, 21.5, 22.6], None, [14, 6, 6]),
        ([20, 24.0], None, [14, 8]),  # 16 steps: no longer in the 5-bit window
        ([20, 20, 20], [0, 0.9, 1.2], [14, 7]),
        ([20] * 37, None, [14, 6]),  # six hours later, at epoch 36
        ([20] * 36, None, [14]),
    ],
)
def test_send_on_delta_by_hand(
    tmp_path: Path, temps: list[float], rain: list[float] | None, expected: list[int]
) -> None:
    """Which epochs report, and with how many bytes."""
    delta = SendOnDelta(load_site(make_site(tmp_path, nodes=1)))
    for epoch in epochs(temps, rain):
        delta.add(epoch)
    assert (delta.reports.frames, delta.reports.bytes) == (len(expected), sum(expected))


def test_send_on_delta_is_near_what_such_nodes_send(tmp_path: Path) -> None:
    """Thirty hours of six nodes: the estimate is within a fifth of a simulation on true values."""
    field = recorded()
    site_file = write_field(tmp_path / "real", field.site)
    site = load_site(site_file)
    write_capture(tmp_path / "day.pcap", field.frames)
    store = tmp_path / "real" / "gateway.sqlite"
    rules = rules_for(site, read_key_file(site.key_file))
    replay([open_capture(tmp_path / "day.pcap")], store, site, rules, _Quiet())
    found = {p["key"]: p for p in Made(site_file, store).figures()["peers"]}
    weather = densify(weather_file.demo().with_mean_wind(), 6, seed=1)
    held = Field(field.site, predicts=False)
    virtual = VirtualField(field.site, DEMO_KEY, weather, field=held)
    true = simulate(virtual, len(field.sent)).traffic.total_bytes / 30
    assert found["send_on_delta"]["bytes_per_h"] == pytest.approx(true, rel=0.2)


class _Quiet:
    def added(self, frames: int) -> None:
        """Nobody watches."""

    def folded(self, rows: int, of: int) -> None:
        """Nobody watches."""
