# SPDX-License-Identifier: Apache-2.0
"""Small fields for the vectors and for the tests of the reference: sites, chance, weather."""

from __future__ import annotations

from dataclasses import replace

from qres.reference import RefChannel, RefMember, RefSite, Report, State, commit, fire_channels

__all__ = [
    "KEY",
    "Lcg",
    "make_site",
    "random_reports",
    "run_field",
    "tiny_channels",
    "tiny_site",
    "wide_channels",
]

KEY = bytes(range(16))
"""A field key for tests: no real field may use it."""

TABLE_K = ((40, 120), (0, 80), (0, 60), (0, 400))
"""Plausible values in steps for the channels of the fire-weather table at class standard."""


class Lcg:
    """
    Reproducible numbers in any language: x = (1664525 x + 1013904223) mod 2^32, top bits first.

    Source:
        Press et al., Numerical Recipes in C, 2nd ed., section 7.1 (quick and dirty generators).
    """

    def __init__(self, seed: int) -> None:
        self._x = seed & 0xFFFFFFFF

    def below(self, n: int) -> int:
        """The next number, 0..n-1."""
        self._x = (1664525 * self._x + 1013904223) & 0xFFFFFFFF
        return self._x * n >> 32

    def between(self, lo: int, hi: int) -> int:
        """The next number, lo..hi."""
        return lo + self.below(hi - lo + 1)


def make_site(
    n: int = 12,
    *,
    epoch_s: int = 3600,
    seed: int = 1,
    extent_m: int = 30_000,
    channels: tuple[RefChannel, ...] | None = None,
    range_m: int = 20_000,
    sf: int = 7,
    echo: bool = False,
    follow: bool = False,
) -> RefSite:
    """A field of *n* members, dealt over the phases in turn, at chance positions."""
    lcg = Lcg(seed)
    members = tuple(
        RefMember(
            id=(127 // n) * i if n > 1 else 5,
            phase=i % 4,
            slot=i // 4,
            x_m=lcg.between(-extent_m, extent_m),
            y_m=lcg.between(-extent_m, extent_m),
            z_m=lcg.between(0, 1500),
        )
        for i in range(n)
    )
    return RefSite(
        field_id=0x5EED0000 + seed,
        epoch_s=epoch_s,
        range_m=range_m,
        sf=sf,
        bw_hz=125_000,
        cr=1,
        preamble_symbols=8,
        channels=fire_channels() if channels is None else channels,
        members=members,
        echo=echo,
        follow=follow,
    )


def tiny_channels() -> tuple[RefChannel, ...]:
    """One LINEAR primary with numbers that can be followed by hand: tolerance 1, step 0.25."""
    return (
        RefChannel(
            tol=65536, step=16384, lo=-60 << 16, hi=85 << 16, rho=32768, flags=3, w0=(0, 0, 0, 0)
        ),
    )


def wide_channels() -> tuple[RefChannel, ...]:
    """As many as a site may have: four primaries and two riders, which make the longest REPORTs."""
    primary, rider = replace(fire_channels()[0], flags=3), replace(fire_channels()[3], flags=0)
    return (primary, rider, primary, primary, rider, primary)


def tiny_site() -> RefSite:
    """Four members, one in each phase, on a line 20 km apart; one channel."""
    members = tuple(
        RefMember(id=10 + i, phase=i, slot=0, x_m=20_000 * i, y_m=0, z_m=0) for i in range(4)
    )
    return RefSite(
        field_id=1,
        epoch_s=3600,
        range_m=20_000,
        sf=7,
        bw_hz=125_000,
        cr=1,
        preamble_symbols=8,
        channels=tiny_channels(),
        members=members,
    )


def random_reports(
    site: RefSite, state: State, lcg: Lcg, *, talkative: int = 5, lose: int = 40
) -> list[Report]:
    """
    Plausible reports of the phase after *state*: walks around what is held.

    Args:
        site: A site with the fire-weather table, or any other.
        state: State of the phase before.
        lcg: Where chance comes from.
        talkative: Out of ten members that are known, how many report.
        lose: One report in so many gives up a channel.
    """
    reports = []
    for i in site.of_phase((state.phase + 1) % 4):
        unknown = bool(state.absent[i].any())
        if not unknown and lcg.below(10) >= talkative:
            continue
        included, absent, k = 0, 0, []
        for c, channel in enumerate(site.channels):
            if lcg.below(lose) == 0:
                absent |= 1 << c
                continue
            if not unknown and lcg.below(4) == 0:
                continue
            held = int(state.value[i, c]) // channel.step
            lo, hi = TABLE_K[c % 4]
            walk = lcg.between(-6, 6) if not state.absent[i, c] else lcg.between(lo, hi) - held
            bounds = channel.lo // channel.step + 1, channel.hi // channel.step
            included |= 1 << c
            k.append(max(bounds[0], min(held + walk, bounds[1], 32767)))
        reports.append(Report(i, included, absent, tuple(k)))
    return reports


def run_field(
    site: RefSite, state: State, n_phases: int, seed: int, **how: int
) -> list[tuple[list[Report], State]]:
    """Reports and state after each of *n_phases* commits of a plausible field."""
    lcg, steps = Lcg(seed), []
    for _ in range(n_phases):
        reports = random_reports(site, state, lcg, **how)
        state = commit(site, state, reports)
        steps.append((reports, state))
    return steps
