# SPDX-License-Identifier: Apache-2.0
"""What the pipeline must know of a site, made from the site file: the one door to `qres.core`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qres.airtime import time_on_air_us
from qres.core import Replica
from qres.region import region
from qres_gateway.ledger import SubBands
from qres_gateway.pipeline import FieldRadio, FieldRules

if TYPE_CHECKING:
    from qres.site import Site

__all__ = ["rules_for"]

TRIALS_PER_PHASE = 0
"""No limit: the gateway has no battery, and its log keeps every frame for later."""


def rules_for(site: Site, key: bytes) -> FieldRules:
    """
    The rules of a field.

    Args:
        site: The field.
        key: Field key. [16 bytes]

    Raises:
        RangeError: The core refuses the site or the key.
    """
    Replica(site, key, site.phase_us)  # refuse a bad site now, not at the first frame
    bands = SubBands((b.name, b.lo_hz, b.hi_hz) for b in region(site.region).sub_bands)

    def airtime_us(sf: int, bw_hz: int, n_bytes: int) -> int:
        return time_on_air_us(
            sf,
            bw_hz,
            n_bytes,
            preamble_symbols=site.preamble_symbols,
            cr=int(site.cr[-1]) - 4,
        )

    return FieldRules(
        epoch_us=site.epoch_s * 1_000_000,
        radio=FieldRadio(site.freq_hz, site.sf, site.bw_hz),
        new_replica=lambda start_us: Replica(site, key, start_us, trial_limit=TRIALS_PER_PHASE),
        airtime_us=airtime_us,
        band_of=bands,
    )
