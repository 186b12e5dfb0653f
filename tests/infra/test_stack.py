# SPDX-License-Identifier: Apache-2.0
"""The stack in containers: stack_cases.py, in one process whatever the other tests run in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.infra.engine import missing
from tests.sources import ROOT


@pytest.mark.slow
def test_the_stack_in_containers() -> None:
    """Every case of stack_cases.py passes: what is shipped runs, and loses nothing."""
    if text := missing():
        pytest.skip(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "tests/infra/stack_cases.py"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-20_000:])
    assert done.returncode == 0, done.stderr[-2000:]
