"""The table of bounds in docs/operating.md says what the program does: its numbers are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.codecs import bounds
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.server import BackgroundSettings, ServerSettings
from aggregator.config.text import patterns
from aggregator.exchange import MOST_FIELDS
from aggregator.runtime import coding, repeats
from aggregator.runtime.background import effects
from aggregator.runtime.plugins import functions
from aggregator.schemas.judging import forms, violations
from aggregator.server.connection import guard, intake, timeouts
from aggregator.server.listeners import beginnings, tcp
from aggregator.server.process import accepting, serving
from aggregator.telemetry import writing
from aggregator.templates import text
from aggregator.templates.expressions import bounds as expressions
from aggregator.transport.settings import Limits

DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"
LIMITS = Limits()
KIB, MIB = 1024, 1024 * 1024


def rows() -> dict[str, list[str]]:
    """Return the cells of each row by its first."""
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## Limits\n")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:2] == "| "
    ]
    return {row[0].strip("| "): row for row in cells}


def spaced(number: int) -> str:
    """Return *number* as the document writes it."""
    return f"{number:,}".replace(",", " ") if number >= 10_000 else str(number)


@pytest.mark.parametrize(
    ("begins", "says"),
    [
        ("request target", [f"{intake.MAX_TARGET // KIB} KiB"]),
        ("request head;", [f"{intake.MAX_HEAD // KIB} KiB", f"{intake.MAX_FIELDS} fields"]),
        ("time for a request head", [f"{ServerSettings().header_timeout:.0f}s"]),
        ("request body", [f"{ServerSettings().max_body // MIB} MiB", f"{ServerSettings().body_timeout:.0f}s"]),
        ("query parameters", [str(MOST_FIELDS)]),
        ("requests that come behind", [f"{guard.MAX_AHEAD // KIB} KiB"]),
        ("requests of one connection", [str(guard.MAX_AT_ONCE)]),
        ("TLS handshakes", [str(beginnings.MOST)]),
        ("bodies that wait", [str(coding.MOST_WAITING)]),
        ("uses of long replies", [str(coding.MOST_JUDGED)]),
        (
            "XML, CSV, MessagePack, lines of JSON of an upstream",
            [
                spaced(bounds.MAX_ELEMENTS),
                spaced(bounds.MAX_CELLS),
                spaced(bounds.MAX_VALUES),
                spaced(bounds.MAX_LINES),
            ],
        ),
        ("XML, CSV, MessagePack, lines of JSON, fields", [spaced(bounds.MAX_WRITTEN_FIELDS)]),
        ("value of a header", [f"{text.MAX_HEADER // KIB} KiB"]),
        (
            "text, array, integer",
            [
                f"{expressions.MAX_TEXT // MIB} million",
                spaced(expressions.MAX_ITEMS),
                str(expressions.MAX_BITS),
            ],
        ),
        ("violations of a request", [str(violations.MAX_VIOLATIONS), str(forms.MAX_NODES)]),
        ("background calls that wait", [str(BackgroundSettings().queue), f"{effects.MOST_HELD // MIB} MiB"]),
        ("calls that wait for one", [str(LIMITS.max_waiting)]),
        ("streams of each upstream", [str(LIMITS.max_streams)]),
        ("age of a connection", [f"{LIMITS.max_age / 60:.0f} min"]),
        ("new connections taken", [str(accepting.AT_ONCE)]),
        ("idle connection of a client", [f"{serving.KEEP_ALIVE}s"]),
        ("a client that takes nothing", [f"{timeouts.SEND_TIMEOUT:.0f}s"]),
        ("plain (threaded) functions", [str(functions.THREADS)]),
        ("lines of the log that wait", [f"{writing.MOST // MIB} MiB"]),
        ("lines of the log about answers", [f"{repeats.MOST} a second"]),
        ("files that a pattern", [str(patterns.MOST_MATCHES), spaced(patterns.MOST_ENTRIES)]),
    ],
)
def test_the_defaults_in_the_table_are_those_of_the_program(begins: str, says: list[str]) -> None:
    """A bound that changes has to change in the document."""
    [row] = [cells for first, cells in rows().items() if first.startswith(begins)]
    for said in says:
        assert said in row[1]


def test_the_backlog_in_the_table_is_that_of_the_listener() -> None:
    """It stands among what happens beyond the bound."""
    [row] = [cells for first, cells in rows().items() if first.startswith("new connections")]
    assert f"({tcp.BACKLOG})" in row[3]


@pytest.mark.parametrize("key", ["max_body", "timeout", "idle_timeout"])
def test_the_keys_in_the_table_are_settings(key: str) -> None:
    """Of endpoints, here; ``server.`` and ``background.`` stand before those of others."""
    assert key in EndpointSettings.model_fields
    for row in rows().values():
        for word in row[2].replace(",", " ").split():
            section, dot, name = word.strip("`").partition(".")
            if dot and section in ("server", "background") and word.startswith("`"):
                model = ServerSettings if section == "server" else BackgroundSettings
                assert name.partition(".")[0].rstrip("`;") in model.model_fields
