# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.database import Database
from qres_gateway.ledger import HOUR_US, UNKNOWN_NODE, AirtimeRow, Ledger, SubBands, Sum, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 480_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new database."""
    with Database.open(tmp_path / "log.db") as opened:
        yield opened


def add(database: Database, tally: Tally) -> Ledger:
    """As the worker does it."""
    ledger = Ledger(database)
    with database.transaction():
        ledger.add(tally)
    return ledger


def tally(*frames: tuple[int, int | None, str, str, int, int]) -> Tally:
    """Of (hour, node, kind, band, bytes, airtime_us)."""
    made = Tally()
    for hour, node, kind, band, n_bytes, airtime_us in frames:
        made.accept(
            hour * HOUR_US + 17, node, kind=kind, band=band, n_bytes=n_bytes, airtime_us=airtime_us
        )
    return made


def test_sums(database: Database) -> None:
    """Rows add up by hour, node, kind and band, over batches, in integers."""
    add(database, tally((HOUR, 1, "report", "M", 6, 100), (HOUR, 1, "report", "M", 8, 120)))
    ledger = add(
        database,
        tally(
            (HOUR, 1, "report", "M", 6, 100),
            (HOUR, None, "checkpoint", "P", 51, 900),
            (HOUR + 1, 2, "beacon", "M", 16, 300),
        ),
    )
    assert ledger.rows(HOUR, HOUR + 2) == [
        AirtimeRow(HOUR, UNKNOWN_NODE, "checkpoint", "P", 1, 51, 900),
        AirtimeRow(HOUR, 1, "report", "M", 3, 20, 320),
        AirtimeRow(HOUR + 1, 2, "beacon", "M", 1, 16, 300),
    ]
    assert ledger.per_hour(HOUR, HOUR + 2) == {HOUR: Sum(4, 71, 1220), HOUR + 1: Sum(1, 16, 300)}
    assert ledger.per_node(HOUR, HOUR + 1) == {UNKNOWN_NODE: Sum(1, 51, 900), 1: Sum(3, 20, 320)}
    assert ledger.per_kind(HOUR, HOUR + 2)["report"] == Sum(3, 20, 320)
    assert ledger.per_band(HOUR, HOUR + 2) == {"M": Sum(4, 36, 620), "P": Sum(1, 51, 900)}
    assert ledger.total(HOUR, HOUR + 2) == Sum(5, 87, 1520)
    assert ledger.total(0, HOUR) == Sum()


def test_last_24_hours(database: Database) -> None:
    """Twenty-four hours up to the running one, the silent ones with zeroes."""
    ledger = add(
        database,
        tally(*((HOUR + n, 1, "report", "M", 6, 100) for n in (-24, -23, 0, 1))),
    )
    found = ledger.last_24_hours(HOUR * HOUR_US + HOUR_US - 1)
    assert list(found) == list(range(HOUR - 23, HOUR + 1))
    assert {hour for hour, total in found.items() if total.frames} == {HOUR - 23, HOUR}


def test_refused_and_hearing(database: Database) -> None:
    """Refusals add up by layer and reason, deliveries by receiver."""
    made = Tally()
    made.refuse(HOUR * HOUR_US, "frame", "tag", n_bytes=6, airtime_us=100)
    made.refuse(HOUR * HOUR_US, "source", "crc_bad", frames=7)
    made.heard(HOUR * HOUR_US, "a", copy=False)
    made.heard(HOUR * HOUR_US, "b", copy=True)
    add(database, made)
    ledger = add(database, made)
    assert ledger.refused(HOUR, HOUR + 1) == {
        ("frame", "tag"): Sum(2, 12, 200),
        ("source", "crc_bad"): Sum(14, 0, 0),
    }
    assert ledger.hearing(HOUR, HOUR + 1) == {"a": (2, 0), "b": (2, 2)}
    assert ledger.refused(HOUR + 1, HOUR + 2) == {}


def test_a_failed_transaction_adds_nothing(database: Database) -> None:
    """The ledger moves with the transaction it is written in."""
    ledger = Ledger(database)

    def fail_late() -> None:
        with database.transaction():
            ledger.add(tally((HOUR, 1, "report", "M", 6, 100)))
            raise KeyError

    with pytest.raises(KeyError):
        fail_late()
    assert ledger.total(0, HOUR + 1) == Sum()


frames = st.lists(
    st.tuples(
        st.integers(HOUR, HOUR + 2),
        st.none() | st.integers(0, 2),
        st.sampled_from(["report", "beacon"]),
        st.sampled_from(["M", "P"]),
        st.integers(1, 255),
        st.integers(0, 10**13),
    ),
    max_size=30,
)


@given(frames=frames, cut=st.integers(0, 30))
def test_ledger_equals_adding_by_hand(
    frames: list[tuple[int, int | None, str, str, int, int]],
    cut: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """However the frames are cut into batches, the sums are those of plain addition."""
    expected: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for hour, _, _, _, n_bytes, airtime_us in frames:
        for index, value in enumerate((1, n_bytes, airtime_us)):
            expected[hour][index] += value
    path = tmp_path_factory.mktemp("ledger") / "log.db"
    with Database.open(path) as database:
        database.connection.execute("PRAGMA synchronous=OFF")  # a hundred runs, no power cut
        add(database, tally(*frames[:cut]))
        ledger = add(database, tally(*frames[cut:]))
        found = ledger.per_hour(HOUR, HOUR + 3)
    assert found == {hour: Sum(*sums) for hour, sums in expected.items()}


def test_an_empty_tally_is_false() -> None:
    """So that nothing is written for nothing."""
    assert not Tally()
    assert tally((HOUR, 1, "report", "M", 6, 100))


def test_sub_bands() -> None:
    """A frequency belongs to one band; a common border to the upper; between bands to none."""
    # Source: EN 300 220-2 V3.2.1 table B.1, bands L (as far as M begins), M, N, P.
    bands = SubBands(
        [
            ("P", 869_400_000, 869_650_000),
            ("L", 865_000_000, 868_000_000),
            ("M", 868_000_000, 868_600_000),
            ("N", 868_700_000, 869_200_000),
        ]
    )
    assert bands(868_000_000) == "M"
    assert bands(867_999_999) == "L"
    assert bands(868_300_000) == "M"
    assert bands(869_525_000) == "P"
    assert bands(868_650_000) == "none"
    assert bands(915_000_000) == "none"


@pytest.mark.parametrize("band", [("A", 5, 5), ("A", 5, 12)])
def test_impossible_sub_bands(band: tuple[str, int, int]) -> None:
    """An empty or overlapping band is refused by name."""
    with pytest.raises(ValueError, match="sub-band 'A'"):
        SubBands([band, ("B", 10, 20)])
