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
_NO_LOGIN = "say who may call by `auth: NAME` in the endpoint, and declare NAME under `auth` at the top: api_key, jwt, signature, …"
_AS_WHOM = 'say as whom it is called by `auth`: `auth: {bearer: "${TOKEN}"}`, or another of its schemes'
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
_TRACES = "write `telemetry: {traces: {otlp: http://collector:4318}}` at the top"
_QUOTA = "write `rate_limit: {quota: 10000/day}` into the endpoint or `server`"
_SHADOW = 'write `shadow: [{url: "next:/a", share: 10%}]` into the endpoint'
_BALANCE = (
    "write `hosts: [https://a.example.com, https://b.example.com]` into the upstream, in the place of `url`; "
    "`balance` beside it says how one is chosen"
)
_CHOOSE_HERE = 'write `choose: [{url: "users:/a", weight: 9}, {url: "next:/a", weight: 1}]` here, in the place of `url`'
_HEALTH = "write `health: {path: /health}` beside the `hosts` of the upstream; this process answers `/livez` and `/readyz` itself"
_MOCK = (
    'write `mock: {routes: {"GET /a": {json: {id: 7}}}}` into the upstream; '
    "`respond` of an endpoint answers without any call"
)
_AFFINITY = "write `balance: {hash: \"{{ headers['x-session'] }}\"}` beside the `hosts` of the upstream"
_CALLED = "write `call: users:/users/{user_id}`, or several by name under `fan_out`"
_STATE = (
    "write `state: /var/lib/aggregator` at the top, for what outlives a restart; "
    "what several machines share is in `store: redis://cache.internal:6379/0`"
)
_HIDE = "write `hide: [body.password]` into `telemetry`; credentials are never shown"
_LEVEL = "start it with `--log-level`, or ask a running process: `aggregator log level debug --for 5m`"
_IN_PATHS = "write it into the path of each endpoint: `GET /api/users`"
_IN_URL = "write it into `url`, behind the host"
_REQUIRED = "every call is required unless it says `optional: true`"
_NAMED_ONCE = "declare it under `upstreams`, and call it by its name: `users:/users/7`"
_COMMENT = "# yaml-language-server: $schema=routes.schema.json"
_FOR_EDITORS = f"write it as the first line, a comment: `{_COMMENT}`"
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
        ("top", "log: json", "write it under `telemetry`", "top", "telemetry: {log: {format: json}}"),
        ("server", "tracing: true", _TRACES, "top", "telemetry: {traces: {otlp: 'http://collector:4318'}}"),
        ("top", "opentelemetry: {}", _TRACES, "top", "telemetry: {traces: {otlp: 'http://collector:4318'}}"),
        ("endpoint", "quota: 10000/day", _QUOTA, "endpoint", "rate_limit: {quota: 10000/day}"),
        ("server", "quotas: []", _QUOTA, "server", "rate_limit: {quota: 10000/day}"),
        ("endpoint", "mirror: next", "did you mean `shadow`?", "endpoint", 'shadow: [{url: "users:/b", share: 10%}]'),
        ("upstream", "mirror: next", _SHADOW, "endpoint", 'shadow: [{url: "users:/b", share: 10%}]'),
        ("upstream", "load_balancing: random", "did you mean `balance`?", None, None),
        ("endpoint", "load_balancing: {}", _BALANCE, None, None),
        ("call", "weights: {a: 1}", _CHOOSE_HERE, None, None),
        ("upstream", "health_check: {path: /h}", "did you mean `health`?", None, None),
        ("top", "health_check: {path: /h}", _HEALTH, None, None),
        ("endpoint", "mock: {id: 7}", _MOCK, "upstream", 'mock: {routes: {"GET /a": {json: {id: 7}}}}'),
        ("upstream", "session_affinity: cookie", _AFFINITY, None, None),
        ("endpoint", "backend: users", _CALLED, None, None),
        ("endpoint", "max_calls: 40", "did you mean `call_budget`?", "endpoint", "call_budget: {calls: 40}"),
        ("upstream", "storage: {}", _STATE, "top", "state: /var/lib/aggregator"),
        ("endpoint", "port: 8080", "which port is listened at is said by `port` of `server`, that of an upstream by its `url`", None, None),
        ("upstream", "port: 8080", _IN_URL, None, None),
        ("top", "timeout: 3s", "write it under `client` or `defaults`", "top", "defaults: {timeout: 3s}"),
        ("call", "mask: [password]", _HIDE, "top", "telemetry: {hide: [body.password]}"),
        ("server", "loglevel: debug", _LEVEL, None, None),
        ("top", "prefix: /api", _IN_PATHS, None, None),
        ("upstream", "path: /api", _IN_URL, None, None),
        ("call", "path: /api", _IN_URL, None, None),
        ("endpoint", "required: true", _REQUIRED, "call", "optional: true"),
        ("top", "url: https://users.example.com", _NAMED_ONCE, None, None),
        ("top", "$schema: ./routes.schema.json", _FOR_EDITORS, "top", _COMMENT),
        ("top", "endpoint: [{path: /a}]", "did you mean `endpoints`?", None, None),
        ("server", "gzip: true", "did you mean `compress`?", "server", "compress: {codings: [gzip]}"),
        ("server", "swagger: true", "did you mean `docs`?", "server", "docs: true"),
        ("server", "graceful_timeout: 30s", "did you mean `shutdown_grace`?", "server", "shutdown_grace: 30s"),
        ("server", "hsts: true", "did you mean `security_headers`?", "server", "security_headers: strict"),
        ("endpoint", "deadline: 3s", "did you mean `timeout`?", "endpoint", "timeout: 3s"),
        ("endpoint", "sse: true", "did you mean `stream`?", "endpoint", "stream: true"),
        ("endpoint", "schema: {}", _REQUEST, "endpoint", "query: {q: string}"),
        ("upstream", "token: abc", _AS_WHOM, "upstream", 'auth: {bearer: "${TOKEN}"}'),
        ("upstream", "query_params: {a: 1}", "did you mean `query`?", "upstream", "query: {a: 1}"),
        ("upstream", "strip_prefix: /api", _IN_URL, None, None),
    ],
)  # fmt: skip
def test_who_follows_the_hint_has_a_file_that_loads(
    place: str, wrong: str, hint: str, right_place: str | None, right: str | None, tmp_path: Path
) -> None:
    """The key is unknown where it stands, the hint says where the wish belongs, and there it is taken."""
    assert _load(_file(**{place: wrong}), tmp_path) == [(f"unknown key `{wrong.partition(':')[0]}`", hint)]
    if right_place is not None and right is not None:
        assert _load(_file(**{right_place: right}), tmp_path) == []


@pytest.mark.parametrize(
    ("word", "said", "place", "right"),
    [
        ("processes", "write `workers: 4` into `server`", "server", "workers: 4"),
        ("replicas", "`workers: auto` for as many", "server", "workers: auto"),
        ("redis", "write `store: redis://cache.internal:6379/0` at", "top", "store: redis://cache.internal:6379/0"),
        ("ip_whitelist", "write `allow_from: [10.0.0.0/8]` or", "endpoint", "allow_from: [10.0.0.0/8]"),
        ("deny", "or `deny_from` into the endpoint", "endpoint", "deny_from: [10.0.0.0/8]"),
        ("oidc", "`customers: {jwt: {…}}`, and write `auth: customers`", None, ""),
        ("mtls", "`auth: {devices: {mtls: {…}}}` at the top", None, ""),
        ("certificate", "write `tls: {cert: …, key: …}` into `server`", None, ""),
        ("stale_while_revalidate", "write `cache: {ttl: 60s, stale: 5m}` into", "call", "cache: {ttl: 60s, stale: 5m}"),
        ("dead_letter", "write `durable: true` into the background call", "endpoint", "background: [{url: users:/b, durable: true}]"),
        ("dedup", 'write `dedupe: {key: "{{ body.id }}"}` into a durable', None, ""),
        ("middleware", "called by `transform` of a call or of `response`", None, ""),
        ("jsonpath", "parts of an answer by `select` of `response`", "endpoint", "response: {select: a}"),
        ("pool", "write `limits: {max_connections: 50}` into the upstream", "upstream", "limits: {max_connections: 50}"),
        ("pool_size", "write `limits: {max_connections: 50}` into the upstream", "upstream", "limits: {max_connections: 50}"),
        ("insecure", "write `tls: {verify: false}` into the upstream", None, ""),
        ("sni", "write `tls: {server_name: users.example.com}` into", "upstream", "tls: {server_name: users.example.com}"),
        ("http2", "`client: {transport: httpx, http2: true}` at the top", "top", "client: {transport: httpx, http2: true}"),
        ("user_agent", "write `headers: {user-agent: my-service/1.0}`", "upstream", "headers: {user-agent: my-service/1.0}"),
        ("bulkhead", "write `concurrency: 50` into the upstream", "upstream", "concurrency: 50"),
        ("max_in_flight", "or into the endpoint for requests", "endpoint", "concurrency: 50"),
        ("scopes", "write `require: \"{{ 'orders.read' in auth.scopes }}\"`", None, ""),
        ("status_code", "write `status: 201` into `response`", "endpoint", "response: {status: 201}"),
        ("content_type", "into `response` or `respond`", "endpoint", "response: {headers: {content-type: text/csv}}"),
        ("redirect", "`respond: {status: 302, headers: {location: https://example.com/}}`", None, ""),
        ("pooling", "or into `client` for all", "top", "client: {limits: {max_connections: 50}}"),
        ("backoff", "write `retry: {attempts: 3, backoff: 25ms..250ms}`", "call", "retry: {attempts: 3, backoff: 25ms..250ms}"),
        ("error_pages", "`status_map` of the endpoint", "endpoint", "status_map: {404: {detail: nobody}}"),
        ("cors_origins", "said by `cors`", "server", _CORS),
        ("brotli", "write `compress: {codings: [br, gzip]}` into `server`", "server", "compress: {codings: [br, gzip]}"),
        ("body_limit", "write `max_body: 1MiB` into the endpoint", "endpoint", "max_body: 1MiB"),
        ("websocket", "neither WebSockets nor gRPC are spoken here", None, ""),
        ("cron", "let cron call an endpoint", None, ""),
        ("secrets", "`${file:/run/secrets/name}`", "call", "headers: {x-token: '${TOKEN}'}"),
    ],
)  # fmt: skip
def test_a_word_that_means_the_same_everywhere(
    word: str, said: str, place: str | None, right: str, tmp_path: Path
) -> None:
    """The sentence for it is said wherever no key of that place is nearer, and what it says to write is taken."""
    hints = [hint for _, hint in _load(_file(upstream=f"{word}: {{x: 1}}"), tmp_path)]
    assert [said in (hint or "") for hint in hints] == [True], hints
    if place is not None:
        state = "state: /var/lib/aggregator" if "durable" in right and place != "top" else "# nothing"
        assert _load(_file(**{"top": state, place: right}), tmp_path) == []


@pytest.mark.parametrize("balance", ["", "balance: random", "balance: {hash: \"{{ headers['x-session'] }}\"}"])
def test_hosts_and_a_choice_of_urls_are_where_the_hints_say(balance: str, tmp_path: Path) -> None:
    """`hosts` stands in the place of `url`, with `balance` and `priority` beside; so does `choose` in a call."""
    hosts = f"hosts: [https://a.example.com, {{url: https://b.example.com, weight: 9, priority: 1}}]\n    {balance}\n    health: {{path: /health}}"
    text = _file().replace("url: https://users.example.com", hosts)
    weighed = 'choose: [{url: "users:/a", weight: 9}, {url: "next:/a", weight: 1}]'
    text = text.replace("url: users:/a", weighed).replace(
        "upstreams:\n", "upstreams:\n  next: {url: 'https://n.example'}\n"
    )
    assert weighed in text
    assert _load(text, tmp_path) == []


@pytest.mark.parametrize(
    ("section", "wrong", "hint"),
    [
        ("log", "level: debug", _LEVEL),
        ("log", "output: access.log", "did you mean `file`?"),
        ("log", "access_log: all", "did you mean `access`?"),
        ("traces", "endpoint: http://collector:4318", "did you mean `otlp`?"),
        ("traces", "ratio: 1%", "did you mean `sample`?"),
    ],
)
def test_words_within_telemetry(section: str, wrong: str, hint: str, tmp_path: Path) -> None:
    """What others call the settings of logs and traces leads to the key beside it."""
    text = _file(top=f"telemetry: {{{section}: {{{wrong}}}}}")
    assert _load(text, tmp_path) == [(f"unknown key `{wrong.partition(':')[0]}`", hint)]
