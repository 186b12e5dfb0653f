# SPDX-License-Identifier: Apache-2.0
"""Gauges and plausibility checks of the application, on the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.firmware.machines import core_folder
from tests.sources import ROOT


def test_gauges_and_checks_do_what_their_headers_say(tmp_path: Path) -> None:
    """Wind means, accumulated rain, what is believed of sensors and of a time: units.c."""
    program = tmp_path / "units"
    parts = ("include", "app")
    include = [*(f"-I{ROOT / 'firmware' / p}" for p in parts), f"-I{core_folder() / 'include'}"]
    sources = [
        ROOT / "tests/firmware/units.c",
        *(ROOT / f"firmware/app/{name}.c" for name in ("gauges", "quality", "time_line")),
    ]
    flags = ("-std=c99", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined")
    strict = ("-fno-sanitize-recover=all",)
    subprocess.run(["cc", *flags, *strict, *include, *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
