# SPDX-License-Identifier: Apache-2.0
"""From a site to the panel and the cell to buy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres.errors import RangeError
from qres.plan import NOTICE
from qres.plan.battery import CELLS, PANELS_WP, Cell, Chemistry
from qres.plan.gauges import Gauges
from qres.plan.load import REPORTS_PER_HOUR, NodeDay, Sleep, node_day
from qres.plan.simulate import AGED, Ledger, simulate
from qres.plan.sun import panel_w_per_wp, sun_year
from qres.plan.weather import Climate, air_temperature_degc, clear_sky_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qres.site import Site

__all__ = [
    "CHARGERS",
    "EnergyPlan",
    "Mounting",
    "Option",
    "Question",
    "charger_share",
    "plan_energy",
]

CHARGERS: Final = ("linear", "mppt")
"""Kinds of charger: `charger_share` says what they are worth."""

_MPPT: Final = 0.85  # [unverified] converter, and the best point missed
_PANEL_V: Final = 6.0  # [unverified] best point of a panel for one cell
_PANEL_MORE: Final = 1.05  # [unverified] a panel's current below that voltage over that at it

_DIRT: Final = 0.9  # [unverified] dust, droppings, ageing of the panel
_MONTH_DAYS: Final = 730.0 / 24  # as `simulate` has it
_YEARS: Final = range(1, 2001)


@dataclass(frozen=True, slots=True)
class Mounting:
    """
    How the panel hangs.

    Attributes:
        tilt_deg: From horizontal; None for latitude plus 15, which favours winter. [deg]
        azimuth_deg: Clockwise from north; None for the equator's side. [deg]
        shade: Mean share of the sun that trees and slopes take; each simulated node has its own,
            from none to twice that. [1] 0..0.45
        charger: One of `CHARGERS`.
    """

    tilt_deg: float | None = None
    azimuth_deg: float | None = None
    shade: float = 0.1
    charger: str = "linear"

    def __post_init__(self) -> None:
        """Refuse what cannot be mounted."""
        if not 0 <= self.shade <= 0.45:
            raise RangeError("shade", self.shade, "must be 0..0.45")
        if self.charger not in CHARGERS:
            raise RangeError("charger", self.charger, f"must be one of {', '.join(CHARGERS)}")


@dataclass(frozen=True, slots=True)
class Question:
    """
    What to plan for.

    Attributes:
        board: Key of `currents.BOARDS`.
        climate: The weather.
        mounting: The panel.
        reports_per_hour: What a node reports.
        rx_boosted: The receiver's setting.
        sleep: How the processor sleeps.
        asleep_ua: What the board was measured to draw asleep; None for the tables. [uA]
        gauges: What is fitted; by default what site and board say.
        margin: What consumption is multiplied with: boards draw more than their chips. [1] 1..20
        years: How many node-years to simulate.
        seed: Which.
        target: Share of node-years that must pass without darkness. [1]
        autonomy_days: Days without any sun that the cell must bridge in the coldest month.
        panel_wp: Only this panel; None to choose. [Wp]
        cell: Only this cell; None to choose.
    """

    board: str = "heltec-v3"
    climate: Climate = field(default_factory=Climate)
    mounting: Mounting = field(default_factory=Mounting)
    reports_per_hour: float = REPORTS_PER_HOUR
    rx_boosted: bool = False
    sleep: Sleep = Sleep.LIGHT
    asleep_ua: float | None = None
    gauges: Gauges = field(default_factory=Gauges)
    margin: float = 2.0
    years: int = 200
    seed: int = 1
    target: float = 0.99
    autonomy_days: float = 14.0
    panel_wp: float | None = None
    cell: Cell | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be answered."""
        if self.years not in _YEARS:
            raise RangeError("years", self.years, f"must be 1..{_YEARS[-1]}")
        if not 1 <= self.margin <= 20:
            raise RangeError("margin", self.margin, "must be 1..20")
        if not 0 < self.target <= 1:
            raise RangeError("target", self.target, "must be above 0 and at most 1")
        if self.panel_wp is not None and not 0 < self.panel_wp <= 1000:
            raise RangeError("panel_wp", self.panel_wp, "must be above 0 and at most 1000")


@dataclass(frozen=True, slots=True)
class Option:
    """
    A panel with a cell, and how it fared.

    Attributes:
        panel_wp: Rating of the panel. [Wp]
        cell: The cell.
        survival: Share of node-years without darkness. [1]
        autonomy_days: Days without any sun, from full, aged, at the coldest month's mean. [day]
        lowest: 5th percentile of the year's least charge, share of the aged capacity. [1]
        dark_h: Mean darkness in a year. [h]
        meets: Whether it meets target and autonomy.
    """

    panel_wp: float
    cell: Cell
    survival: float
    autonomy_days: float
    lowest: float
    dark_h: float
    meets: bool

    @property
    def rank(self) -> float:
        """What is smaller is bought: watts of panel plus watt-hours of cell."""
        return self.panel_wp + self.cell.wh


@dataclass(frozen=True, slots=True, eq=False)
class EnergyPlan:
    """
    The answer.

    Attributes:
        question: What was asked.
        place: Latitude, longitude [deg] and height [m] of the field's middle.
        tilt_deg: Of the panel. [deg]
        azimuth_deg: Of the panel. [deg]
        day: What a node draws.
        options: All that was tried.
        best: The smallest that meets the target; None if none does.
        sun_wh_per_wp: Mean yield a day by day of the run, at the charger's output. [Wh/Wp]
        charge: Of the best (else the largest) option: charge at the end of each day, shape
            (days, 3): 5th percentile, median, least. [1]
        shown: That option.
        month: First month of the run, 7 or 1.
    """

    question: Question
    place: tuple[float, float, float]
    tilt_deg: float
    azimuth_deg: float
    day: NodeDay
    options: tuple[Option, ...]
    best: Option | None
    sun_wh_per_wp: NDArray[np.float64]
    charge: NDArray[np.float64]
    shown: Option
    month: int

    @property
    def planned_mah(self) -> float:
        """Consumption with its margin. [mAh/day]"""
        return self.day.mah * self.question.margin

    def as_dict(self) -> dict[str, Any]:
        """The answer in JSON's types."""
        lat, lon, elev = self.place
        return {
            "notice": NOTICE,
            "place": {"lat_deg": lat, "lon_deg": lon, "elev_m": elev},
            "board": self.question.board,
            "sleep": self.question.sleep.value,
            "reports_per_hour": self.question.reports_per_hour,
            "anemometer": self.day.gauges.anemometer,
            "rain_gauge": self.day.gauges.rain_gauge,
            "wind_m_s": self.day.gauges.wind_m_s,
            "rain_mm_year": self.day.gauges.rain_mm_year,
            "tilt_deg": self.tilt_deg,
            "azimuth_deg": self.azimuth_deg,
            "years": self.question.years,
            "seed": self.question.seed,
            "target": self.question.target,
            "mah_per_day": self.day.mah,
            "planned_mah_per_day": self.planned_mah,
            "listen_s_per_day": self.day.listen_s,
            "lines": [
                {
                    "what": line.what,
                    "current_ua": line.current.ua,
                    "seconds_per_day": line.seconds,
                    "mah_per_day": line.mah,
                    "source": line.current.source,
                }
                for line in self.day.lines
            ],
            "options": [_option_dict(o) for o in self.options],
            "buy": None if self.best is None else _option_dict(self.best),
        }


def plan_energy(site: Site, question: Question) -> EnergyPlan:
    """
    Simulate a field's nodes through years of sun and choose.

    Raises:
        RangeError: Something of the question is out of range, or does not fit the site.
    """
    day = node_day(
        site,
        question.board,
        reports_per_hour=question.reports_per_hour,
        rx_boosted=question.rx_boosted,
        sleep=question.sleep,
        asleep_ua=question.asleep_ua,
        gauges=question.gauges,
    )
    lat, lon, elev = place = _middle(site)
    mounting = question.mounting
    tilt = min(90.0, abs(lat) + 15.0) if mounting.tilt_deg is None else mounting.tilt_deg
    side = 180.0 if lat >= 0 else 0.0
    azimuth = side if mounting.azimuth_deg is None else mounting.azimuth_deg
    sun = sun_year(lat, lon, elev)
    drawn = (question.climate, sun.day_of_year, question.years, lat, question.seed)
    air = air_temperature_degc(*drawn)
    per_wp = panel_w_per_wp(sun, clear_sky_index(*drawn), air, tilt, azimuth)
    rng = np.random.default_rng([question.seed, 3])
    clear_view = 1 - rng.uniform(0, 2 * mounting.shade, question.years)
    offered = per_wp * clear_view * _DIRT

    panels = PANELS_WP if question.panel_wp is None else (question.panel_wp,)
    cells = CELLS if question.cell is None else (question.cell,)
    pairs = [(wp, cell) for wp in panels for cell in cells]
    share = {kind: charger_share(mounting.charger, kind) for kind in {c.chemistry for c in cells}}
    charged = [(wp * share[cell.chemistry], cell) for wp, cell in pairs]
    ledger = simulate(offered, air, charged, day.mah * question.margin)
    options = tuple(
        _judged(question, ledger, i, wp, cell, day) for i, (wp, cell) in enumerate(pairs)
    )
    good = [o for o in options if o.meets]
    best = min(good, key=lambda o: o.rank) if good else None
    shown = best or max(options, key=lambda o: (o.survival, o.rank))
    levels = ledger.daily[options.index(shown)]
    charge = np.stack(
        [np.percentile(levels, 5, axis=1), np.median(levels, axis=1), levels.min(axis=1)], axis=1
    )
    return EnergyPlan(
        question=question,
        place=place,
        tilt_deg=tilt,
        azimuth_deg=azimuth,
        day=day,
        options=options,
        best=best,
        sun_wh_per_wp=offered.mean(axis=1).reshape(-1, 24).sum(axis=1)
        * share[shown.cell.chemistry],
        charge=charge.astype(np.float64),
        shown=shown,
        month=7 if lat >= 0 else 1,
    )


def charger_share(charger: str, chemistry: Chemistry) -> float:
    """
    Energy at the cell over that of the panel's best point. [1]

    A linear charger passes the panel's current and burns the difference of voltages: a LiFePO4 cell
    gets less of the same panel than a Li-ion cell.

    >>> round(charger_share("linear", CELLS[0].chemistry), 2)
    0.63
    """
    return _MPPT if charger == "mppt" else _PANEL_MORE * chemistry.volt / _PANEL_V


def _middle(site: Site) -> tuple[float, float, float]:
    """Mean position; longitudes count from the first node, so that no field is cut at 180 deg."""
    first = site.nodes[0].lon_deg
    east = [(n.lon_deg - first + 180) % 360 - 180 for n in site.nodes]
    lon = (first + sum(east) / len(east) + 180) % 360 - 180
    return (
        float(np.mean([n.lat_deg for n in site.nodes])),
        float(lon),
        float(np.mean([n.elev_m for n in site.nodes])),
    )


def _judged(
    question: Question, ledger: Ledger, i: int, wp: float, cell: Cell, day: NodeDay
) -> Option:
    kind = cell.chemistry
    held = AGED * cell.wh * float(kind.capacity_share(question.climate.cold_degc))
    leaked = AGED * cell.wh * kind.self_discharge_per_month / _MONTH_DAYS
    autonomy = held / (question.margin * day.wh(kind.volt) + leaked)
    survival = float(ledger.survival[i])
    return Option(
        panel_wp=wp,
        cell=cell,
        survival=survival,
        autonomy_days=autonomy,
        lowest=float(np.percentile(ledger.lowest[i], 5)),
        dark_h=float(ledger.dark_h[i].mean()),
        meets=survival >= question.target and autonomy >= question.autonomy_days,
    )


def _option_dict(o: Option) -> dict[str, Any]:
    return {
        "panel_wp": o.panel_wp,
        "cell": o.cell.name,
        "chemistry": o.cell.chemistry.name,
        "cell_wh": o.cell.wh,
        "survival": o.survival,
        "autonomy_days": o.autonomy_days,
        "lowest_charge": o.lowest,
        "dark_h_per_year": o.dark_h,
        "meets": o.meets,
    }
