# SPDX-License-Identifier: Apache-2.0
"""Sites, states and reports as JSON and back: the notation of the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from qres.reference import (
    WIRE_VERSION,
    Echo,
    FireState,
    RefChannel,
    RefMember,
    RefSite,
    Report,
    State,
)

__all__ = [
    "Json",
    "echo_to_json",
    "fire_from_json",
    "fire_to_json",
    "report_from_json",
    "report_to_json",
    "site_from_json",
    "site_to_json",
    "state_from_json",
    "state_to_json",
    "vector",
]

Json = dict[str, Any]


def vector(vector_id: str, kind: str, what: str, spec: str, **fields: Any) -> Json:
    """One vector: what it is, where it comes from, and its fields."""
    head = {
        "id": vector_id,
        "kind": kind,
        "what": what,
        "source": f"qres.reference, written from SPEC {spec}",
        "wire_version": WIRE_VERSION,
    }
    return head | fields


def site_to_json(site: RefSite) -> Json:
    """A site and what follows from it; `relays` only if it has some."""
    relays = {"relays": list(site.relays)} if site.relays else {}
    return relays | {
        "field_id": site.field_id,
        "epoch_s": site.epoch_s,
        "range_m": site.range_m,
        "echo": site.echo,
        "follow": site.follow,
        "sf": site.sf,
        "bw_hz": site.bw_hz,
        "cr": site.cr,
        "preamble_symbols": site.preamble_symbols,
        "channels": [
            {
                "tol": c.tol,
                "step": c.step,
                "lo": c.lo,
                "hi": c.hi,
                "rho": c.rho,
                "flags": c.flags,
                "w0": list(c.w0),
            }
            for c in site.channels
        ],
        "members": [
            {
                "id": m.id,
                "phase": m.phase,
                "slot": m.slot,
                "x_m": m.x_m,
                "y_m": m.y_m,
                "z_m": m.z_m,
            }
            for m in site.members
        ],
        "derived": {
            "site_hash": site.site_hash,
            "slot_us": site.slot_us,
            "common_us": site.common_us,
            "commit_after_us": site.commit_us(0),
            "form_bytes": site.form_bytes,
            "report_max": site.report_max,
            "heartbeat": site.heartbeat,
            "stale_after": site.stale_after,
            "beacon_every": site.beacon_every,
        },
    }


def site_from_json(given: Json) -> RefSite:
    """The site; what is derived is not read."""
    lists = {"channels", "members", "relays", "derived"}
    return RefSite(
        **{k: v for k, v in given.items() if k not in lists},
        relays=tuple(given.get("relays", ())),
        channels=tuple(RefChannel(**(c | {"w0": tuple(c["w0"])})) for c in given["channels"]),
        members=tuple(RefMember(**m) for m in given["members"]),
    )


def state_to_json(state: State) -> Json:
    """A state: lists by channel (m, e, q) and by member; absent as masks; fire if it has it."""
    fire = {"fire": fire_to_json(state.fire)} if state.fire else {}
    return fire | {
        "phase": state.phase,
        "m": state.m.tolist(),
        "e": state.e.tolist(),
        "q": state.q.tolist(),
        "absent": [state.absent_mask(i) for i in range(len(state.absent))],
        "last_report": state.last_report.tolist(),
        "value": state.value.tolist(),
        "last": state.last.tolist(),
        "slow": state.slow.tolist(),
    }


def state_from_json(given: Json) -> State:
    """The state."""
    n_channels = len(given["m"])

    def integers(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array(given[name], dtype=np.int64)

    masks = integers("absent")[:, None] >> np.arange(n_channels) & 1
    return State(
        phase=given["phase"],
        m=integers("m"),
        e=integers("e"),
        q=integers("q"),
        absent=masks.astype(np.bool_),
        last_report=integers("last_report"),
        value=integers("value"),
        last=integers("last"),
        slow=integers("slow"),
        fire=fire_from_json(given["fire"]) if "fire" in given else None,
    )


def fire_to_json(fire: FireState) -> Json:
    """The fire weather of a state: shared numbers, then fuel and mark by member."""
    return {
        "days": fire.days,
        "regime": fire.regime,
        "lull": fire.lull,
        "usual": list(fire.usual),
        "spread": list(fire.spread),
        "apart": [list(row) for row in fire.apart],
        "rare": [list(row) for row in fire.rare],
        "fuel": fire.fuel.tolist(),
        "mark": fire.mark.tolist(),
    }


def fire_from_json(given: Json) -> FireState:
    """The fire weather of a state."""
    return FireState(
        days=given["days"],
        regime=given["regime"],
        lull=given["lull"],
        usual=tuple(given["usual"]),
        spread=tuple(given["spread"]),
        apart=(tuple(given["apart"][0]), tuple(given["apart"][1])),
        rare=(tuple(given["rare"][0]), tuple(given["rare"][1])),
        fuel=np.array(given["fuel"], dtype=np.int64),
        mark=np.array(given["mark"], dtype=np.int64),
    )


def report_to_json(report: Report) -> Json:
    """A report; member is an index, k is in order of channels."""
    return {
        "member": report.member,
        "included": report.included,
        "absent": report.absent,
        "k": list(report.k),
    }


def report_from_json(given: Json) -> Report:
    """The report."""
    return Report(given["member"], given["included"], given["absent"], tuple(given["k"]))


def echo_to_json(echo: Echo) -> Json:
    """An echo; low is in order of primaries, and empty if age is 0."""
    return {"age": echo.age, "slot": echo.slot, "low": list(echo.low)}
