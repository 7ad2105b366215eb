"""Words of other tools, and keys in a wrong place: the hint, and the file of one who followed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

_FILE = """\
version: 1
server:
  port: 8000
%(server)s
%(top)s
upstreams:
  users:
    url: https://users.example.com
%(upstream)s
endpoints:
  GET /a:
    call:
      url: users:/a
%(call)s
%(endpoint)s
"""
_INDENT = {"server": 2, "top": 0, "upstream": 4, "call": 6, "endpoint": 4}

_ELSEWHERE = "write `retry: 2` into the call or its upstream, for two retries"
_BREAKER = "write `breaker: {failures: 5}` into the upstream"
_STORED = (
    "replies are kept by `cache` of a call or its upstream, whole answers by that of the endpoint; "
    "`response.cache_control` is for those outside"
)
_OF_UPSTREAM = (
    'credentials belong to the upstream: `auth: {bearer: "${TOKEN}"}` there; '
    "`forward: {auth: true}` passes on those of the caller"
)
_NO_LOGIN = (
    "say who may call by `auth: NAME` in the endpoint, and declare NAME under `auth` at the top: api_key, basic or jwt"
)
_OF_MANY = "requests are limited by `rate_limit` of an endpoint or of `server`, calls by that of their upstream"
_METRICS = "write `telemetry: {metrics: {}}` at the top; Prometheus then reads `/metrics`"
_OF_HOSTS = "endpoints of one Host stand under `virtual_hosts` at the top: `shop.example.com: {endpoints: …}`"
_CONNECT = "write `timeout: {connect: 1s}` into the upstream; a call has its `total` alone"
_IN_ALL = "write `timeout` into the call, the upstream or `defaults`; that of an endpoint is for the whole request"
_PAGES = "which pages of other origins may read the answers is said by `cors` of `server` or of an endpoint"
_LIMITS = (
    "connections are limited by `limits` of an upstream, those of clients by that of `server`; requests by `rate_limit`"
)
_REQUEST = "what is sent is declared in the endpoint: `params`, `query`, `headers`, `cookies` and `body`"
_HOST = "virtual_hosts: {shop.example.com: {endpoints: {GET /b: {call: users:/b}}}}"
_CORS = "cors: {origins: ['https://shop.example.com']}"


def _file(**at: str) -> str:
    """Return a file with a setting *at* each of its places, and a line without any at the others."""
    return _FILE % {place: " " * _INDENT[place] + at.get(place, "# nothing") for place in _INDENT}


def _load(text: str, folder: Path) -> list[tuple[str, str | None]]:
    """Return the messages and hints of the errors of *text*."""
    file = folder / "routes.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        load_config(file, {"TOKEN": "t0k3n"})
    except ConfigError as error:
        return [(one.message, one.hint) for one in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("place", "wrong", "hint", "right_place", "right"),
    [
        ("server", "retry: 2", _ELSEWHERE, "call", "retry: 2"),
        ("endpoint", "retry: 2", "write it under `call`", "call", "retry: 2"),
        ("server", "breaker: {failures: 3}", _BREAKER, "upstream", "breaker: {failures: 5}"),
        ("call", "breaker: {failures: 3}", _BREAKER, "upstream", "breaker: {failures: 5}"),
        ("endpoint", "circuit_breaker: {}", _BREAKER, "upstream", "breaker: {failures: 5}"),
        ("top", "cache: 60s", _STORED, "endpoint", "cache: 60s"),
        ("top", "cache: {ttl: 60s}", _STORED, "upstream", "cache: {ttl: 60s}"),
        ("top", "cache: {max: 64MiB}", "write it under `server`", "server", "cache: {max: 64MiB}"),
        ("call", "caching: 60s", "write `cache: 60s` here, for as long as replies are kept", "call", "cache: 60s"),
        ("call", "auth: basic", _OF_UPSTREAM, "upstream", 'auth: {bearer: "${TOKEN}"}'),
        ("call", "auth: {bearer: x}", _OF_UPSTREAM, "call", "forward: {auth: true}"),
        ("call", "auth: true", "write it under `forward`", "call", "forward: {auth: true}"),
        ("server", "auth: jwt", _NO_LOGIN, None, None),
        ("top", "rate_limit: 5/s", "write it under `server`", "server", "rate_limit: 5/s"),
        ("call", "rate_limit: 5/s", _OF_MANY, "upstream", "rate_limit: 5/s"),
        ("endpoint", "throttling: 5/s", _OF_MANY, "endpoint", "rate_limit: 5/s"),
        ("server", "metrics: true", _METRICS, "top", "telemetry: {metrics: {}}"),
        ("top", "metrics: true", _METRICS, "top", "telemetry: {metrics: {}}"),
        ("top", "metrics: {}", "write it under `telemetry`", "top", "telemetry: {metrics: {}}"),
        ("endpoint", "prometheus: true", _METRICS, "top", "telemetry: {metrics: {}}"),
        ("endpoint", "host: shop.example.com", _OF_HOSTS, "top", _HOST),
        ("server", "hosts: [shop.example.com]", _OF_HOSTS, "top", _HOST),
        ("endpoint", "timeout_ms: 500", "did you mean `timeout`?", "endpoint", "timeout: 500ms"),
        ("server", "timeout: 3s", _IN_ALL, "upstream", "timeout: 3s"),
        ("call", "connect_timeout: 1s", _CONNECT, "upstream", "timeout: {connect: 1s}"),
        ("upstream", "read_timeout: 1s", "write `timeout: {read: 5s}` here", "upstream", "timeout: {read: 5s}"),
        ("top", "cors: {allow_origins: ['*']}", _PAGES, "server", _CORS),
        ("upstream", _CORS, _PAGES, "endpoint", _CORS),
        ("endpoint", "limits: {max_connections: 5}", _LIMITS, "upstream", "limits: {max_connections: 5}"),
        ("top", "limits: {in_flight: 5}", "write it under `server`", "server", "limits: {in_flight: 5}"),
        ("endpoint", "request: {query: {q: string}}", _REQUEST, "endpoint", "query: {q: string}"),
        ("server", "gzip: true", "did you mean `compress`?", "server", "compress: {codings: [gzip]}"),
    ],
)  # fmt: skip
def test_who_follows_the_hint_has_a_file_that_loads(
    place: str, wrong: str, hint: str, right_place: str | None, right: str | None, tmp_path: Path
) -> None:
    """The key is unknown where it stands, the hint says where the wish belongs, and there it is taken."""
    assert _load(_file(**{place: wrong}), tmp_path) == [(f"unknown key `{wrong.partition(':')[0]}`", hint)]
    if right_place is not None and right is not None:
        assert _load(_file(**{right_place: right}), tmp_path) == []
