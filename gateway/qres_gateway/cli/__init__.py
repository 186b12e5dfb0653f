# SPDX-License-Identifier: Apache-2.0
"""
The `qres` command.

Each verb lives in a module of this package that has a function `register(app)`, which adds the
verb to the typer application; `COMMANDS` names them. A module is imported only when its verb is
asked for, so that `qres --help` does not pay for what it does not use.

Exit codes, for every verb: 0 done and well; 1 done and not well, or it could not be done (the last
line on stderr says why); 2 wrong usage; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "Command", "build_app", "main"]


class Command(NamedTuple):
    """
    One verb.

    Attributes:
        module: Its module, which has `register(app: typer.Typer) -> None`.
        summary: What it does, for `qres --help`.
    """

    module: str
    summary: str


COMMANDS: Final = {
    "demo": Command("qres_gateway.cli.demo", "The field in a box: no hardware, no Docker."),
    "site": Command("qres_gateway.cli.site", "Make, check and export a site file."),
    "plan": Command("qres_gateway.cli.plan", "Before buying: energy and airtime of a site."),
    "flash": Command("qres_gateway.cli.flash", "Make boards the nodes of a field, over USB."),
    "node": Command("qres_gateway.cli.node", "A node on the cable: who, raw log, time, update."),
    "weather": Command("qres_gateway.cli.weather", "Fire weather indices of a file of weather."),
    "gateway": Command("qres_gateway.cli.gateway", "Run the receive-only gateway of a field."),
    "field": Command("qres_gateway.cli.field", "Virtual nodes in real time, for a gateway."),
    "sinks": Command("qres_gateway.cli.sinks", "Show what sinks wait for; send all again."),
    "drift": Command("qres_gateway.cli.drift", "Which sensors have slowly gone astray."),
    "audit": Command("qres_gateway.cli.audit", "Bytes, airtime and duty cycle against limits."),
    "replay": Command("qres_gateway.cli.replay", "Decode captures after the fact."),
    "bench": Command("qres_gateway.cli.bench", "Reproduce the figures that README claims."),
    "dashboards": Command("qres_gateway.cli.dashboards", "Build, check, push Grafana boards."),
    "doctor": Command("qres_gateway.cli.doctor", "Say what is wrong with this installation."),
}
"""The verbs, in the order of the help."""


def build_app(wanted: str | None) -> typer.Typer:
    """
    The application with the verb *wanted* ready to run.

    Args:
        wanted: The verb to import; every other one gets only its line in the help. None to
            import all of them, as shell completion needs it.
    """
    app = typer.Typer(
        name="qres",
        help="QRES field kit: weather over LoRa, where silence carries the data.",
        epilog="Exit codes: 0 well, 1 not well or not done, 2 wrong usage, 130 Ctrl-C.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(_qres)
    for name, command in COMMANDS.items():
        if wanted is None or name == wanted:
            importlib.import_module(command.module).register(app)
        else:
            app.command(name, help=command.summary)(_not_imported)
    return app


def main(argv: Sequence[str] | None = None) -> None:
    """
    Run `qres`; always ends in SystemExit with one of the documented exit codes.

    Args:
        argv: Arguments without the program's name; None for those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    completing = "_QRES_COMPLETE" in os.environ
    verb = next((a for a in arguments if not a.startswith("-")), "")
    try:
        build_app(None if completing else verb)(args=arguments, prog_name="qres")
    except SystemExit:
        raise
    except KeyboardInterrupt:  # while a verb is being imported; later on typer sees to it
        raise SystemExit(130) from None
    except ImportError as error:
        if error.name != "qres._core" and "qres/_core" not in str(error.path):
            raise
        text = "cannot be loaded; `make setup` builds it, `qres doctor` says more"
        sys.stderr.write(f"error: the compiled core qres._core {text} ({error})\n")
    except _user_errors() as error:
        sys.stderr.write(f"error: {error}\n")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"error: {where}{error.strerror or error}\n")
    raise SystemExit(1)


def _user_errors() -> tuple[type[Exception], ...]:
    """What a user can mend. Asked for when something was raised, because it loads the core."""
    from qres.errors import QresError  # noqa: PLC0415
    from qres_gateway.errors import GatewayError  # noqa: PLC0415

    return QresError, GatewayError


def _qres() -> None:
    """QRES field kit: weather over LoRa, where silence carries the data."""


def _not_imported() -> None:
    """Stand in the help for a verb that is not imported."""
