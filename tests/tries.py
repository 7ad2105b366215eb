"""Requests that a file says to try, as comments at its top, and whether the answers are what it says.

    # try: GET /users/1 -> 200 {"id": 1}
    #   cache-control: no-store*

A body stands behind the target, headers as ``-H "name: value"``; what comes back may have more than is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from fastapi.testclient import TestClient

TRY = re.compile(r"^# try: (?P<asked>.+)\n(?P<shown>(?:#   \S+: .+\n)*)", re.MULTILINE)
ASKED = re.compile(
    r"(?P<method>[A-Z]+) (?P<target>/\S*)(?P<headers>(?: -H \"[^\"]+\")*)(?: (?P<body>\{.*\}))?"
    r" -> (?P<status>\d{3})(?: (?P<fragment>.+))?"
)


class Try(NamedTuple):
    """One request that a file says to try, and what it says comes back."""

    line: str
    method: str
    target: str
    headers: dict[str, str]
    body: str | None
    status: int
    fragment: Any
    shown: tuple[tuple[str, str], ...]


def tries(text: str) -> Iterator[Try]:
    """Yield the requests that *text* says to try, in its order."""
    for found in TRY.finditer(text):
        asked = ASKED.fullmatch(found["asked"])
        assert asked, f"not a request to try: {found['asked']}"
        headers = dict(header.split(": ", 1) for header in re.findall(r'-H "([^"]+)"', asked["headers"]))
        if asked["body"]:
            headers["content-type"] = "application/json"
        fragment = None if asked["fragment"] is None else json.loads(asked["fragment"])
        shown = re.findall(r"^#   (\S+): (.+)$", found["shown"], re.MULTILINE)
        yield Try(
            found["asked"], asked["method"], asked["target"], headers, asked["body"],
            int(asked["status"]), fragment, tuple(shown),
        )  # fmt: skip


def recipes_in(page: Path) -> list[tuple[str, str]]:
    """Return title and file of each recipe of *page*."""
    found = []
    for section in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title = section.splitlines()[0]
        (text,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        found.append((title, text))
    return found


def ask(api: TestClient, wanted: Try) -> Any:
    """Return the answer to the request of *wanted*."""
    return api.request(wanted.method, wanted.target, headers=wanted.headers, content=wanted.body)


def check(answer: Any, wanted: Try) -> None:
    """Compare status, fragment and headers of *answer* with what is wanted."""
    assert answer.status_code == wanted.status, f"{wanted.line}\n{answer.text}"
    if isinstance(wanted.fragment, str):
        assert wanted.fragment in answer.text, f"{wanted.line}\n{answer.text}"
    elif wanted.fragment is not None:
        came = answer.json()
        assert contains(came, wanted.fragment), f"{wanted.line}\n{json.dumps(came, indent=1)}"
    for name, value in wanted.shown:
        assert fnmatchcase(answer.headers.get(name, ""), value), f"{wanted.line}\n{answer.headers}"


def contains(came: Any, wanted: Any) -> bool:
    """Return whether *came* has all of *wanted*: objects may have more keys, lists more elements at their end."""
    if isinstance(wanted, dict):
        return isinstance(came, dict) and all(
            name in came and contains(came[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(came, list) and len(came) >= len(wanted) and all(map(contains, came, wanted))
    return type(came) is type(wanted) and bool(came == wanted)
