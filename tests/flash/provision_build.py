# SPDX-License-Identifier: Apache-2.0
"""The firmware's reader of provisioning records, compiled for this host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.sources import ROOT

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wmissing-prototypes", "-Werror")


SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build_rig(folder: Path, *options: str, compiler: str = "cc") -> Path:
    """
    The rig in *folder*: reader and rig sanitized and with warnings as errors, the core as it is.

    Raises:
        OSError: The compiler refuses; the text is what it says.
    """
    core = ROOT / "node/core"
    include = ("-std=c99", f"-I{core / 'include'}", f"-I{ROOT / 'firmware/app'}")
    own = (
        ROOT / "tests/flash/provision_rig.c",
        ROOT / "firmware/app/provision.c",
        ROOT / "firmware/app/crc32.c",
    )
    library, program = folder / "libcore.so", folder / "provision_rig"
    shared = ("-O0", "-w", "-shared", "-fPIC", *map(str, sorted((core / "src").glob("*.c"))))
    for command in (
        [compiler, *include, *shared, "-o", str(library)],
        [
            *(compiler, *include, *SANITIZE, *WARNINGS, *options, *map(str, own)),
            *(str(library), f"-Wl,-rpath,{folder}", "-o", str(program)),
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr)
    return program
