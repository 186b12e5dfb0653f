# SPDX-License-Identifier: Apache-2.0
"""
Recorded weather in a small `.npz`, exact to the resolution of its source.

Layout: `delta` int16 [variable, station, time] holds the first differences along time (modulo
2**16) of whole numbers k, where the value is k / divisor rounded to 4 decimals, and k = -32768
means missing; `divisor` int64 [variable]; `time_start_s`, `cadence_s`; the rest as in the unpacked
layout. The zip members are compressed with LZMA, which `numpy.load` reads by itself.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.errors import WeatherFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["pack", "to_bytes", "unpack"]

_MISSING: Final = -32768
_KEPT: Final = ("station_id", "station_name", "lat", "lon", "elev", "meta")
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same data give the same file


def pack(
    arrays: Mapping[str, NDArray[Any]], divisors: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    """
    The variables that *divisors* names, packed.

    Args:
        arrays: Arrays of the unpacked layout, on a regular grid of times.
        divisors: For each variable the number that makes whole numbers of its values, e.g. 10 for
            tenths.

    Raises:
        WeatherFileError: A value is no whole number over its divisor, to 4 decimals, or too large.
    """
    names = [str(v) for v in arrays["variables"]]
    deltas = []
    for name, divisor in divisors.items():
        values = np.round(arrays["data"][:, :, names.index(name)].astype(np.float64), 4).T
        whole = np.where(np.isnan(values), _MISSING, np.round(values * divisor))
        back = np.where(whole == _MISSING, np.nan, np.round(whole / divisor, 4))
        if np.abs(whole).max() > -_MISSING or not np.array_equal(back, values, equal_nan=True):
            raise WeatherFileError(f"{name} cannot be packed: must be whole numbers / {divisor}")
        deltas.append(np.diff(whole.astype(np.int16), axis=1, prepend=np.int16(0)))
    time = arrays["time"]
    return {
        "delta": np.stack(deltas),
        "divisor": np.array(list(divisors.values()), dtype=np.int64),
        "variables": np.array(list(divisors)),
        "time_start_s": np.array(time[0], dtype=np.int64),
        "cadence_s": np.array(time[1] - time[0], dtype=np.int64),
        **{key: arrays[key] for key in _KEPT if key in arrays},
    }


def unpack(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The unpacked layout of packed *arrays*; arrays of any other layout as they are."""
    if not {"delta", "divisor", "variables", "time_start_s", "cadence_s"} <= arrays.keys():
        return dict(arrays)
    delta = arrays["delta"]
    whole = np.cumsum(delta, axis=2, dtype=np.int16)
    values = np.round(whole / arrays["divisor"][:, None, None], 4)
    values[whole == _MISSING] = np.nan
    steps = np.arange(delta.shape[2], dtype=np.int64)
    return {
        "data": values.transpose(2, 1, 0),
        "time": arrays["time_start_s"] + steps * arrays["cadence_s"],
        "variables": arrays["variables"],
        **{key: arrays[key] for key in _KEPT if key in arrays},
    }


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """*arrays* as a `.npz` file compressed with LZMA; the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _ZIP_EPOCH)
            archive.writestr(info, member.getvalue(), zipfile.ZIP_LZMA)
    return out.getvalue()
