# SPDX-License-Identifier: Apache-2.0
"""
Rebuild node/qres/data/vlinder_5min.npz, the recorded weather that comes with the package.

Run it as `.venv/bin/python tools/pack_vlinder.py ../shared/data/vlinder_5min.npz`. The argument
has the arrays that qres.weather_file describes, made from demo_datafile.csv of metobs-toolkit
1.1.1; see node/qres/data/vlinder_5min.txt. The result is compared with it, value by value,
before it is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from qres.atomic_file import write_atomic
from qres.weather_pack import pack, to_bytes, unpack

OUT = Path(__file__).parent.parent / "node" / "qres" / "data" / "vlinder_5min.npz"

# The source's resolution: 0.1 degC, 1 %, 0.1 km/h, tips of 0.2 mm.
DIVISORS = {"t": 10, "rh": 1, "ws": 36, "rain": 5}


def main(argv: list[str]) -> int:
    """Pack the file that is named; exit code 0, or 2 if none is."""
    if len(argv) != 2:
        sys.stderr.write(f"usage: {argv[0]} vlinder_5min.npz\n")
        return 2
    with np.load(argv[1], allow_pickle=False) as file:
        source = {key: file[key] for key in file.files}
    packed = pack(source, DIVISORS)
    columns = [str(v) for v in source["variables"]]
    wanted = source["data"][:, :, [columns.index(v) for v in DIVISORS]]
    if not np.array_equal(unpack(packed)["data"].astype(np.float32), wanted, equal_nan=True):
        raise ValueError(f"{argv[1]}: the packed values differ from it")
    data = to_bytes(packed)
    write_atomic(OUT, data, replace=True)
    sys.stdout.write(f"{OUT.name}: {len(data)} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
