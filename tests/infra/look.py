# SPDX-License-Identifier: Apache-2.0
"""
What a container of the stack sees, as JSON on stdout; sent into it by stdin.

    store                    in the gateway: commits and sums of its database
    database TOKEN_FOLDER    in `init`: the same as InfluxDB has it
    broker                   in `init`: retained messages
    write TOKEN_FOLDER       in `init`: the database's answer to a point
    answer TOKEN             in `init`: the database's status for a query with that token
    grafana PASSWORD         in `init`: Grafana's status for its admin with that password
"""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

VOLUMES = Path("/volumes")
INFLUX = "http://influxdb:8086"


def store() -> dict[str, Any]:
    """Straight from SQLite, through the gateway's own reader."""
    import numpy as np  # noqa: PLC0415  not everywhere

    from qres.site import load_site, phases  # noqa: PLC0415
    from qres_gateway.database import Database  # noqa: PLC0415
    from qres_gateway.frame_log import FrameLog  # noqa: PLC0415
    from qres_gateway.outbox import Outbox  # noqa: PLC0415

    site = load_site(Path("/etc/qres/site.toml"))
    phase_of = phases(site)
    weather: dict[str, list[float]] = {}
    digests: dict[str, str] = {}
    with Database.open(Path("/var/lib/qres/gateway.sqlite"), read_only=True) as database:
        outbox = Outbox(database)
        for commit in outbox.commits_after(0, 1_000_000):
            digests[str(commit.time_us)] = f"{commit.digest:08x}"
            values = commit.values if commit.judged is None else commit.judged
            for i in np.flatnonzero(phase_of == commit.phase % 4).tolist():
                if not np.isnan(values[i]).any():
                    name = f"{commit.time_us} {site.nodes[i].id}"
                    weather[name] = [float(v) for v in values[i]]
        frames = FrameLog(database).last_id
    return {"weather": weather, "digests": digests, "frames": frames}


def ask(path: str, token: str, data: bytes | None = None) -> tuple[int, Any]:
    """Status and body of an answer of the database."""
    headers = {"Authorization": f"Token {token}"}
    try:
        request = Request(INFLUX + path, data=data, headers=headers)  # noqa: S310  http:// above
        with urlopen(request, timeout=60) as answer:  # noqa: S310  likewise
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        return error.code, error.read().decode()


def token(folder: str) -> str:
    """A token of the database."""
    return (VOLUMES / folder / "influx_token").read_text().strip()


def query(text: str, folder: str = "secrets-grafana") -> tuple[int, list[Any]]:
    """The series that an InfluxQL query returns."""
    url = "/query?" + urlencode({"db": "qres", "q": text, "epoch": "u"})
    status, body = ask(url, token(folder))
    return status, body["results"][0].get("series", []) if status == 200 else []


def database(folder: str) -> dict[str, Any]:
    """As `store`, with the token of *folder*."""
    status, series = query(
        "SELECT temp_degc, rh_pct, wind_m_s, rain_mm FROM weather GROUP BY node", folder
    )
    weather = {
        f"{row[0]} {one['tags']['node']}": row[1:] for one in series for row in one["values"]
    }
    _, swarm = query("SELECT digest FROM swarm", folder)
    digests = {str(row[0]): row[1] for one in swarm for row in one["values"]}
    _, refused = query("SELECT sum(frames) FROM rf_refused WHERE layer = 'frame'", folder)
    frames = sum(row[1] for one in refused for row in one["values"])
    return {"status": status, "weather": weather, "digests": digests, "refused": frames}


def broker() -> dict[str, Any]:
    """Retained messages by topic."""
    from paho.mqtt.client import Client  # noqa: PLC0415  not everywhere
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    found: dict[str, str] = {}
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("reader", (VOLUMES / "secrets/mqtt_reader").read_text().strip())
    client.on_connect = lambda c, *_: c.subscribe("qres/#")
    client.on_message = lambda _c, _u, m: found.update({m.topic: m.payload.decode()})
    client.connect("mosquitto", 1883)
    client.loop_start()
    time.sleep(2)
    client.loop_stop()
    return found


def answer(with_token: str) -> int:
    """The status of a query."""
    return ask("/query?" + urlencode({"db": "qres", "q": "SHOW MEASUREMENTS"}), with_token)[0]


def grafana(password: str) -> int:
    """The status of a login."""
    login = b64encode(f"admin:{password}".encode()).decode()
    request = Request("http://grafana:3000/api/user", headers={"Authorization": f"Basic {login}"})
    try:
        with urlopen(request, timeout=20) as found:  # noqa: S310  http:// above
            return int(found.status)
    except HTTPError as error:
        return error.code


def main() -> None:
    """Print what was asked for."""
    what, *words = sys.argv[1:]
    if what == "write":
        line = b"probe,field=none value=1i"
        value: Any = ask("/api/v2/write?org=qres&bucket=qres", token(words[0]), line)
    else:
        jobs: dict[str, Any] = {
            "store": store,
            "database": database,
            "broker": broker,
            "answer": answer,
            "grafana": grafana,
        }
        value = jobs[what](*words)
    sys.stdout.write(json.dumps(value))


if __name__ == "__main__":
    main()
