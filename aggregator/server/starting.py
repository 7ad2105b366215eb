"""From the words of the command line to a serving process, and what its operator reads on the way."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO, cast

from aggregator.errors import ConfigError, StartupError
from aggregator.plan.summary import calls_text
from aggregator.plan.types import Plan
from aggregator.server.app import application
from aggregator.server.listening import bind
from aggregator.server.plan_source import PlanFiles
from aggregator.server.reload import ReloadOutcome, Verdict
from aggregator.server.serving import Service
from aggregator.telemetry.logging import configure_logging
from aggregator.telemetry.redaction import Masker

REFUSED, FAILED = 1, 3


def start(path: str, host: str | None, port: int | None, *, watch: bool, log_format: str | None, log_level: str) -> int:
    """Serve *path*; gives the exit code of the process: 0, 1 when the file has problems, 3 when it cannot be served."""
    files = PlanFiles(Path(path))
    color = sys.stderr.isatty()
    try:
        app = application(files)
        plan = app.running.plan
        if warnings := files.describe_warnings(color=color):
            print(warnings, file=sys.stderr)
        masker = Masker(plan.secrets)
        chosen = cast("Literal['text', 'json']", log_format or plan.server.log_format)
        configure_logging(chosen, log_level, masker=masker)

        def on_reload(outcome: ReloadOutcome) -> None:
            masker.learn(app.running.plan.secrets)
            tell(outcome, path, sys.stderr)

        with bind(host or plan.server.host, plan.server.port if port is None else port) as listener:
            address = listener.getsockname()
            print(welcome(path, plan, f"http://{_host(address[0])}:{address[1]}"), file=sys.stderr, flush=True)
            return Service(app, files, listener, watch=watch, on_reload=on_reload).run()
    except ConfigError as error:
        print(files.describe(error, color=color), file=sys.stderr)
        return REFUSED
    except StartupError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def welcome(path: str, plan: Plan, base: str) -> str:
    """Give the lines that greet the operator: what is served, and where."""
    effects = sum(len(endpoint.effects) for endpoint in plan.endpoints)
    counts = f"{_count(len(plan.endpoints), 'endpoint')} · {_count(len(plan.upstreams), 'upstream')}"
    if effects:
        counts += f" · {_count(effects, 'background call')}"
    lines = [f"{path}  {counts}", *(f"  {line}" for line in _some(plan)), f"  {base}"]
    if plan.server.docs:
        lines[-1] += "   docs /docs"
    return "\n".join(lines)


def _some(plan: Plan) -> list[str]:
    shown = plan.endpoints[:12]
    width = max((len(endpoint.key) for endpoint in shown), default=0)
    lines = [f"{endpoint.key:<{width}}  {calls_text(endpoint)}" for endpoint in shown]
    if len(plan.endpoints) > len(shown):
        lines.append(f"… and {len(plan.endpoints) - len(shown)} more; `aggregator routes` lists them")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def tell(outcome: ReloadOutcome, path: str, stream: TextIO) -> None:
    """Print what a reload came to; the log has it as one line. Reloads go on when nobody can read it."""
    if outcome.verdict is Verdict.REFUSED:
        with suppress(OSError):
            print(
                f"{path} changed and was refused; generation {outcome.generation} stays.\n{outcome.report}",
                file=stream,
                flush=True,
            )
