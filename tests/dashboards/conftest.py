# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the dashboard tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboards import engine, store


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Engine]:
    """A running InfluxQL engine."""
    if not engine.is_there():
        pytest.skip("no influxd here; Debian's package is influxdb")
    with engine.running(tmp_path_factory.mktemp("influxdb")) as found:
        yield found


@pytest.fixture(scope="session")
def known() -> list[store.Point]:
    """The points of the known store."""
    return store.points()


@pytest.fixture(scope="session")
def filled(influx: engine.Engine, known: list[store.Point]) -> engine.Engine:
    """The engine with the known store in database "known"."""
    influx.create("known", known)
    return influx
