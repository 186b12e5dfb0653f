# SPDX-License-Identifier: Apache-2.0
"""
Health check: whether a file was written lately. Exit code 0 if it was, else 1.

    python -m qres_init.fresh FILE SECONDS
"""

from __future__ import annotations

import os
import sys
import time


def age_s(path: str) -> float:
    """
    Time since *path* was written. [s]

    Raises:
        OSError: There is no such file.
    """
    return time.time() - os.stat(path).st_mtime  # noqa: PTH116  pathlib takes 20 ms to import


def main() -> None:
    """Check the file of the command line."""
    try:
        is_fresh = age_s(sys.argv[1]) <= float(sys.argv[2])
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    raise SystemExit(0 if is_fresh else 1)


if __name__ == "__main__":
    main()
