# SPDX-License-Identifier: Apache-2.0
"""The names on the wire. A change here is a change for everybody who reads the JSON."""

from __future__ import annotations

import msgspec
import pytest

from qres_gateway.console import view

# source: the console's data contract, schema 1. A name that goes or changes raises view.SCHEMA.
FIELDS = {
    "FieldInfo": "name time_us epoch_s region freq_hz sf bw_hz tolerance_class",
    "Node": "id name lat_deg lon_deg elev_m temp_degc rh_pct wind_m_s rain_mm vpd_kpa provenance "
    "since_us last_report_us reports rf_bytes synthetic ffmc isi anomaly cause batt_mv",
    "RfHour": "start_us bytes airtime_us frames",
    "RfWindow": "span_s bytes frames airtime_us",
    "Rf": "hours last_hour since_us total_bytes total_frames total_airtime_us "
    "periodic_bytes_per_hour promise_bytes_per_hour duty_limit_pct duty_worst_pct "
    "duty_worst_node refused",
    "Health": "digest digests_checked divergences replicas_equal checkpoints last_checkpoint_us "
    "era",
    "Event": "id time_us kind severity text node",
    "Snapshot": "field nodes rf health demo events speed tolerance regime fire",
    "Fire": "ffmc isi anomaly days",
    "Series": "node channel unit time_us reconstructed true reported tolerance",
}


@pytest.mark.parametrize(("name", "fields"), list(FIELDS.items()))
def test_names_of_schema_1(name: str, fields: str) -> None:
    """Schema 1 has these names and no others."""
    struct: type[msgspec.Struct] = getattr(view, name)
    assert view.SCHEMA == 1
    assert set(struct.__struct_encode_fields__) == set(fields.split())


def test_words_of_schema_1() -> None:
    """The words that a value may be, which the page maps to shapes and colours."""
    assert view.PROVENANCES == ("reported", "held", "stale", "diverged", "unknown")
    assert view.CHANNELS == ("temp_degc", "rh_pct", "wind_m_s", "rain_mm")
    assert (*view.CHANNELS, "vpd_kpa", "batt_mv") == view.SERIES_CHANNELS
    assert view.REGIMES == ("calm", "watch", "red")
    assert view.CAUSES == ("none", "weather", "heat", "sensor")
    assert view.FRAME_TYPES == ("report", "beacon", "checkpoint", "relay")


def test_a_wrong_word_does_not_decode() -> None:
    """A provenance that the page has no shape for is refused when read back."""
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'guessed'"):
        msgspec.convert("guessed", type=view.Provenance)


def test_promise_is_one_kibibyte_per_hour() -> None:
    """The yardstick is 1 KB/h, counted as 1024 bytes."""
    empty = view.Rf(
        hours=(),
        last_hour=view.RfWindow(span_s=0.0, bytes=0, frames=0, airtime_us=0),
        since_us=0,
        total_bytes=0,
        total_frames=0,
        total_airtime_us=0,
        periodic_bytes_per_hour=None,
    )
    assert empty.promise_bytes_per_hour == 1024.0
