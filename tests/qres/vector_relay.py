# SPDX-License-Identifier: Apache-2.0
"""Checks of the vectors of relay.json against the reference (SPEC 6.6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qres import reference as ref
from tests.vectors.as_json import Json
from tests.vectors.cases_relay import entry_to_json, relay_to_json

__all__ = ["relay_checks"]

SiteOf = Callable[[str, str], ref.RefSite]


def _key(v: Json) -> bytes:
    """The field key of a vector."""
    return bytes.fromhex(v["key_hex"])


def relay_checks(site_of: SiteOf) -> dict[str, Callable[[str, Json], None]]:
    """One check per kind; *site_of* gives a site of a file by name."""

    def check_times(file: str, v: Json) -> None:
        """Hash, owners and starts of the relay slots, commit."""
        site, p = site_of(file, v["site"]), v["phase"]
        assert site.site_hash == v["site_hash"]
        assert [site.relay_of(r) for r in range(site.relay_slots)] == v["relays"]
        starts = [site.relay_slot_start_us(p, r) for r in range(site.relay_slots)]
        assert (starts, site.commit_us(p)) == (v["starts_us"], v["commit_us"])

    def check_open(file: str, v: Json) -> None:
        """Frame to content or error, and back."""
        site, key, p, r = site_of(file, v["site"]), _key(v), v["phase"], v["relay_slot"]
        frame = bytes.fromhex(v["frame_hex"])
        if "error" in v:
            with pytest.raises(ref.RefusedError) as caught:
                ref.open_relay(site, key, p, r, frame)
            assert caught.value.reason == v["error"]
            return
        relay = ref.open_relay(site, key, p, r, frame)
        said = relay_to_json(relay)
        assert said == {name: v[name] for name in said}
        assert ref.encode_relay(site, relay).hex() == v["payload_hex"]
        assert ref.seal_relay(site, key, p, r, relay) == frame

    def check_run(file: str, v: Json) -> None:
        """What a replica hears, says and holds, step by step."""
        site = site_of(file, v["site"])
        one = ref.Replica(
            site, _key(v), v["self"], first_phase=v["first_phase"], search=v["search"]
        )
        for step in v["steps"]:
            if "commit" in step:
                assert one.advance_to(step["commit"]) == [(step["commit"], step["digest"])]
            elif "relay_slot" in step:
                frame = one.relay_frame(step["relay_slot"])
                assert (frame.hex() if frame else None) == step["frame_hex"]
            else:
                heard = one.hear(step["rx_end_us"], bytes.fromhex(step["frame_hex"]))
                assert heard.reason == step["reason"]
                if not heard.reason:
                    given = (step["kind"], step["node"], step["phase"])
                    assert (heard.kind, heard.node, heard.phase) == given
        assert [entry_to_json(*item) for item in sorted(one.log.items())] == v["log"]
        assert (one.synced, dict(one.events)) == (v["synced"], v["events"])
        assert one.clock.corr_us == v["corr_us"]

    return {"relay_times": check_times, "relay_open": check_open, "relay_run": check_run}
