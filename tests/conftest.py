# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: the compiled core is fresh, and nothing leaves this machine."""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from qres._core import ffi, lib

ROOT = Path(__file__).resolve().parent.parent

# The same examples each time, so that a red test is red for everybody.
hypothesis.settings.register_profile("kit", deadline=None, derandomize=True, database=None)
# For `make test-all`: new examples each time, and more of them.
hypothesis.settings.register_profile(
    "thorough", deadline=None, database=None, max_examples=500, print_blob=True
)
hypothesis.settings.load_profile("kit")


def source_digest() -> str:
    """Digest of the C sources in this tree, as gen_ffi.py takes it."""
    path = ROOT / "node" / "core" / "gen_ffi.py"
    spec = importlib.util.spec_from_file_location("gen_ffi", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.source_digest())


def pytest_sessionstart() -> None:
    """Refuse to test a core that was compiled from other sources than these."""
    built = ffi.string(lib.qres_source_digest()).decode()
    present = source_digest()
    if built != present:
        pytest.exit(
            f"the compiled qres._core is stale: built from {built[:12]}, sources are "
            f"{present[:12]}; run `make setup`",
            returncode=pytest.ExitCode.USAGE_ERROR,
        )


def _stays_here(address: Any) -> bool:
    """Whether a socket address is on this machine."""
    if not isinstance(address, tuple):
        return True  # a path: a Unix socket
    host = str(address[0])
    return (
        host in {"", "localhost"}
        or ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    )


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Undo what a command line run in this process did to the log, so that no test sees it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse connections to other machines: a test that needs one proves nothing in the field."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if not _stays_here(address):
            pytest.fail(f"a test connects to {address!r}; only this machine may be reached")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
