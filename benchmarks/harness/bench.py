"""What every scene is handed: running upstreams, options, and a way to start a peer that answers right."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.machine import Cores
from harness.payloads import USER_ID, expected_answer
from harness.peers import PEERS_BY_NAME, Setting
from harness.processes import NotStartedError, Server, Servers, free_ports
from harness.upstream import Manner, Upstream


class UnusablePeerError(Exception):
    """A peer could not be started or gave a wrong answer; the message is one sentence for the report."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    rounds: int
    seconds: float
    slow_seconds: float
    """The most that a slow peer is measured, so that what is in flight at the end weighs little."""
    python: Path
    peers: frozenset[str] | None = None
    """Only these, if given."""

    def wants(self, peer: str) -> bool:
        return self.peers is None or peer in self.peers


@dataclass(frozen=True, slots=True)
class Bench:
    """The stage: created once, used by one scene after the other."""

    options: Options
    cores: Cores
    servers: Servers
    upstream: Upstream
    folder: Path

    def start_peer(self, name: str, manner: Manner = "plain", connections: int | None = None) -> Server:
        """Start a peer against the upstreams of that *manner*, or raise :class:`UnusablePeerError`."""
        origins = self.upstream.origins(manner)
        ca = self.upstream.ca if manner == "tls" else None
        pair = self.upstream.pair if manner == "listener" else None
        setting = Setting(origins, self.folder, ca, connections, self.options.python, pair)
        (port,) = free_ports(1)
        command = PEERS_BY_NAME[name].command(setting, port)
        try:
            server = self.servers.start(name, command, port=port, core=self.cores.server)
        except NotStartedError as error:
            raise UnusablePeerError(f"not started, {self.without_paths(str(error))}") from None
        server.scheme = "http" if pair is None else "https"
        return server

    @contextmanager
    def stopping(self, started: list[Server]) -> Iterator[None]:
        """Stop everything that is in *started* when the block ends."""
        try:
            yield
        finally:
            self.servers.stop(*started)

    def without_paths(self, text: str) -> str:
        """The last line of what a server printed, fit for a report that others read."""
        last = text.strip().splitlines()[-1]
        return last.replace(str(self.options.python), "python").replace(str(self.folder), "…")


def check_answer(origin: str, path: str) -> None:
    """Ask *path* once and compare with what it must be, or raise :class:`UnusablePeerError`."""
    status, answer = get_json(origin + path)
    if status != 200:
        raise UnusablePeerError(f"{path} was answered with status {status}")
    if answer != expected_answer(path):
        raise UnusablePeerError(f"{path} was answered with a wrong body")


def ask_user(origin: str) -> None:
    """The smallest request, so that a peer has done everything once that it does lazily."""
    check_answer(origin, f"/user/{USER_ID}")


def get_json(url: str) -> tuple[int, Any]:
    """Status and JSON of the answer; status 0 where nothing answered, None where the body is no JSON."""
    tls = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())  # of our own making, on loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), tls)
    try:
        with opener.open(url, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, None
    except ValueError:
        return 200, None
    except OSError:
        return 0, None
