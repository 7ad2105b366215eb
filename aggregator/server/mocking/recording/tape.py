"""The file that answers are written into, one route behind another; what stands there already is not touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aggregator.config.drafting.dumping import dumped
from aggregator.errors import AggregatorError, ConfigError
from aggregator.policies.mock.plan import MockRoutePlan
from aggregator.policies.mock.script import Script
from aggregator.server.mocking.recording.kept import Kept, NotKeptError
from aggregator.server.mocking.source import MockSource
from aggregator.transport import Reply

MOST_ROUTES = 1000
MOST_BYTES = 4 * 1024 * 1024


class NotAppendableError(AggregatorError):
    """Routes cannot be written into the file; the text says what it must look like."""


class Tape:
    """The file *path*. Its methods wait for the disk: they are for threads, one after another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def begin(self) -> None:
        """Make the file where there is none. Raises NotAppendableError when no routes can be added, and OSError."""
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._replace("routes: {}\n")
        appended(self._read(), {})

    def write(self, key: str, kept: Kept) -> MockRoutePlan:
        """Put the route *key* at the end, and return it. Raises NotKeptError when it would answer anything else."""
        route = self._proven(key, kept)
        if self._count >= MOST_ROUTES:
            raise NotKeptError(f"{MOST_ROUTES} answers have been recorded, which is all that is")
        text = appended(self._read(), {key: kept.settings})
        if len(text.encode()) > MOST_BYTES:
            raise NotKeptError(f"the file would have more than {MOST_BYTES // 1024**2} MiB")
        self._replace(text)
        self._count += 1
        return route

    def _proven(self, key: str, kept: Kept) -> MockRoutePlan:
        """Return the route as a file that holds it alone is read, if that answers as it should."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "route.yaml"
            place.write_text("routes:\n" + dumped({key: kept.settings}, 2), encoding="utf-8")
            try:
                plan = MockSource(place, {}).load()
            except ConfigError as error:
                raise NotKeptError(f"a mock cannot say it: {error.diagnostics[0].message}") from None
        method, _, target = key.partition(" ")
        reply = Script(plan).act(method.encode("ascii"), target.encode("latin-1"), b"", None).outcome
        if not isinstance(reply, Reply) or (reply.status, reply.body) != (kept.status, kept.body):
            raise NotKeptError("a mock would answer something else")
        return plan.routes[0]

    def _read(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def _replace(self, text: str) -> None:
        """Put *text* in the place of what the file holds, at once: who reads it sees the one or the other."""
        place = self._path.resolve()
        beside = place.with_name(f".{place.name}.recording")
        try:
            beside.write_text(text, encoding="utf-8")
            if place.exists():
                beside.chmod(place.stat().st_mode & 0o777)
            os.replace(beside, place)
        finally:
            beside.unlink(missing_ok=True)


def appended(text: str, routes: Mapping[str, Any]) -> str:
    """Return the file *text* with *routes* behind those that it has. Raises NotAppendableError."""
    key, node = _routes(text)
    end = text if text.endswith("\n") else f"{text}\n"
    if not node.value:
        rest = text[node.end_mark.index :].strip()
        end = f"{text[: key.end_mark.index]}:\n" + (f"{rest}\n" if rest else "")
    indent = node.value[0][0].start_mark.column if node.value else 2
    return end + dumped(routes, indent) if routes else text


def _routes(text: str) -> tuple[yaml.ScalarNode, yaml.MappingNode]:
    """Return the key and the value of `routes` in *text*, where more can be written behind it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        root = None
    if isinstance(root, yaml.MappingNode) and root.value and not root.flow_style:
        key, node = root.value[-1]
        if key.value == "routes" and isinstance(node, yaml.MappingNode) and not (node.value and node.flow_style):
            return key, node
    raise NotAppendableError(
        "the file must end with `routes`, one route a line, so that more can be written behind them"
    )
