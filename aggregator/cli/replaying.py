"""A request that a recorder has kept, read from the file that was downloaded (HAR)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec import Struct


class Replay(Struct, frozen=True):
    """The request of an archive; *masked* are the places whose values are not in it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    masked: tuple[str, ...] = ()

    def missing(self, headers: Sequence[tuple[str, str]], *, has_target: bool, has_body: bool) -> list[str]:
        """Return the places that have to be given, and are not among *headers*, or a target or body given."""
        given = {f"headers.{name.lower()}" for name, _ in headers} | ({"body"} if has_body else set())
        return [
            place for place in self.masked
            if place not in given and not (has_target and (place == "path" or place.startswith("query.")))
        ]  # fmt: skip


def read_replay(path: str) -> Replay:
    """Return the first request of the archive at *path*; raises ``click.BadParameter``."""
    try:
        return _replay(json.loads(Path(path).read_bytes())["log"]["entries"][0])
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be read: {error.strerror}.", param_hint="--replay") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise click.BadParameter(f"{path!r} is no archive of requests (HAR).", param_hint="--replay") from None


def _replay(entry: dict[str, Any]) -> Replay:
    asked = entry["request"]
    url = urlsplit(asked["url"])
    headers = [(str(one["name"]), str(one["value"])) for one in asked["headers"]]
    target = url.path + (f"?{url.query}" if url.query else "")
    body = asked.get("postData", {}).get("text", "").encode()
    masked = tuple(map(str, entry.get("_aggregator", {}).get("masked", [])))
    if url.netloc and not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("host", url.netloc))
    return Replay(asked["method"], target, headers, body, masked)
