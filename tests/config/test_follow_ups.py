"""A wrong value is one problem: what only follows from it is not told beside it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from aggregator.config.loading import load_config
from aggregator.config.text.values import Steps
from aggregator.errors import ConfigError

WHOLE: dict[str, Any] = {
    "version": 1,
    "state": "state",
    "store": {"url": "redis://127.0.0.1:6379/0", "timeout": "30ms", "prefix": "shop:"},
    "server": {
        "port": 8000,
        "admin": {"address": "0.0.0.0:9000", "secret": "${ADMIN:-a-secret-of-some-length}"},
        "workers": {"count": 2, "blocked": "10s"},
        "trusted_proxies": ["10.0.0.0/8"],
        "deadline_header": "x-request-deadline",
        "proxy_protocol": True,
        "limits": {"in_flight": 100, "queue": 10},
        "degrade": {"queue": 5},
        "idempotency": {"store": "shared"},
        "compress": {"codings": ["gzip"]},
        "docs": {"auth": "proxied"},
    },
    "telemetry": {"metrics": {"buckets": ["5ms", "25ms"]}},
    "background": {"durable": {"store": "shared"}},
    "plugins": ["shop"],
    "auth": {"proxied": {"mtls": {"from": {"header": "client-cert"}}}},
    "upstreams": {"users": {"url": "http://users.internal"}, "mail": {"url": "http://mail.internal"}},
    "groups": {"both": {"one": "users:/one", "two": "users:/two"}},
    "endpoints": {
        "GET /users/{id}": {
            "slo": {"objective": "99%"}, "call": "users:/users/{id}", "cache": {"ttl": "10s", "shared": True},
            "response": {"compress": False, "transform": "shop:clean"}, "auth": "proxied",
        },
        "GET /metrics": {"fan_out": {"use": "both"}},
        "PUT /orders": {
            "idempotency": {"ttl": "1h"},
            "call": {"url": "users:/orders", "method": "PUT", "json": "{{ body }}"},
            "background": [{"name": "note", "url": "mail:/", "method": "PUT", "durable": True}],
        },
    },
}  # fmt: skip
ROOT = tuple(key for key in WHOLE if key not in ("version", "endpoints"))


def places(value: Any, path: Steps) -> list[Steps]:
    """Return every place in *value*, which stands at *path*."""
    if not isinstance(value, dict):
        return [path]
    return [path, *(place for key, below in value.items() for place in places(below, (*path, key)))]


def parent(value: Any, place: Steps) -> Any:
    """Return the mapping in *value* that holds what stands at *place*."""
    for step in place[:-1]:
        value = value[step]
    return value


def problems(value: Any, folder: Path) -> list[tuple[Steps, str]]:
    """Return where *value*, written into *folder*, has problems, and which."""
    file = folder / "routes.yaml"
    file.write_text(json.dumps(value))
    try:
        return [(one.path, one.message) for one in load_config(file, {}).warnings]
    except ConfigError as error:
        return [(one.path, one.message) for one in error.diagnostics]


def test_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    """The file that is made wrong below has no problem of its own."""
    assert problems(WHOLE, tmp_path) == []


@pytest.mark.parametrize("section", ROOT)
def test_a_wrong_value_is_the_only_problem(section: str, tmp_path: Path) -> None:
    """Every key of the sections, wrong in turn, is told alone: no rule takes it as left out."""
    told = {}
    for place in places(WHOLE[section], (section,)):
        wrong = deepcopy(WHOLE)
        parent(wrong, place)[place[-1]] = [[-7]]
        found = problems(wrong, tmp_path)
        assert found, place
        elsewhere = [one for one in found if one[0][: len(place)] != place]
        told |= {place: elsewhere} if elsewhere else {}
    assert told == {}


@pytest.mark.parametrize("place", [("server", "admin"), ("state",), ("upstreams",), ("telemetry", "metrics")])
def test_a_misspelled_key_is_the_only_problem(place: Steps, tmp_path: Path) -> None:
    """What is written under another spelling is not missed as well."""
    wrong, key = deepcopy(WHOLE), str(place[-1])
    at = parent(wrong, place)
    at[key[:-2] + key[-1]] = at.pop(key)
    assert len(problems(wrong, tmp_path)) == 1


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    """Beside a fault elsewhere, what is not there at all is missed."""
    wrong = deepcopy(WHOLE)
    del wrong["server"]["admin"]
    wrong["server"]["max_body"] = "much"
    paths = {path for path, _ in problems(wrong, tmp_path)}
    assert paths == {("server", "max_body"), ("telemetry", "metrics"), ("endpoints", "GET /metrics")}


def test_a_key_that_is_no_path_says_nothing_of_its_certificate(tmp_path: Path) -> None:
    """Files of TLS are looked at in pairs, and not where one of a pair is no text."""
    wrong = deepcopy(WHOLE)
    (tmp_path / "api.pem").write_text("nothing")
    wrong["server"]["tls"] = {"cert": "api.pem", "key": -7}
    assert [path for path, _ in problems(wrong, tmp_path)] == [("server", "tls", "key")]
