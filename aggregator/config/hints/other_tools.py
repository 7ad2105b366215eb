"""Words of other tools, and words of this language in a wrong place: the one sentence that helps, by the place."""

from __future__ import annotations

from collections.abc import Collection

from aggregator.config.hints.everywhere import sentence_everywhere
from aggregator.config.hints.spellings import SAME_WISH

_REPEATED = "write `retry: 2` into the call or its upstream, for two retries"
_REPEATED_HERE = "write `retry: 2` here, for two retries"
_STORED = (
    "replies are kept by `cache` of a call or its upstream, whole answers by that of the endpoint; "
    "`response.cache_control` is for those outside"
)
_BREAKER = "write `breaker: {failures: 5}` into the upstream"
_BREAKER_HERE = "write `breaker: {failures: 5}` here"
_STORED_HERE = "write `cache: 60s` here, for as long as replies are kept"
_OF_MANY = "requests are limited by `rate_limit` of an endpoint or of `server`, calls by that of their upstream"
_CONNECTIONS = (
    "connections are limited by `limits` of an upstream, those of clients by that of `server`; requests by `rate_limit`"
)
_IN_ALL = "write `timeout` into the call, the upstream or `defaults`; that of an endpoint is for the whole request"
_TO_CONNECT = "write `timeout: {connect: 1s}` into the upstream; a call has its `total` alone"
_TO_CONNECT_HERE = "write `timeout: {connect: 1s}` here"
_TO_READ = "write `timeout: {read: 5s}` into the upstream; a call has its `total` alone"
_TO_READ_HERE = "write `timeout: {read: 5s}` here"
_PAGES = "which pages of other origins may read the answers is said by `cors` of `server` or of an endpoint"
_METRICS = "write `telemetry: {metrics: {}}` at the top; Prometheus then reads `/metrics`"
_ACCESS = "write `telemetry: {log: {access: all}}` at the top; `errors` is the default, `none` logs no answer"
_FORMAT = "write `telemetry: {log: {format: json}}` at the top"
_LEVEL = "start it with `--log-level`, or ask a running process: `aggregator log level debug --for 5m`"
_REQUEST = "what is sent is declared in the endpoint: `params`, `query`, `headers`, `cookies` and `body`"
_AS_WHOM = 'say as whom it is called by `auth`: `auth: {bearer: "${TOKEN}"}`, or another of its schemes'
_OF_UPSTREAM = (
    'credentials belong to the upstream: `auth: {bearer: "${TOKEN}"}` there; '
    "`forward: {auth: true}` passes on those of the caller"
)
_NO_LOGIN = (
    "say who may call by `auth: NAME` in the endpoint, and declare NAME under `auth` at the top: "
    "api_key, jwt, signature, …"
)
_NO_FILES = "files are for a proxy in front; `respond` gives a fixed answer"
_IN_PATHS = "write it into the path of each endpoint: `GET /api/users`"
_IN_URL = "write it into `url`, behind the host"
_MANY = "write `hosts: [https://a.example.com, https://b.example.com]` in the place of `url`"
_EJECT = "write `eject: {failures: 5}` beside the `hosts` of the upstream"
_OF_HOSTS = "endpoints of one Host stand under `virtual_hosts` at the top: `shop.example.com: {endpoints: …}`"
_NAMED_ONCE = "declare it under `upstreams`, and call it by its name: `users:/users/7`"
_ORDER = "a call waits for the calls that it names; `needs` of a call names others"
_REQUIRED = "every call is required unless it says `optional: true`"
_ONE_PROXY = "all calls leave through the same proxy: `client: {transport: httpx, proxy: …}`"
_PROXIES = (
    "all calls leave through a proxy by `client: {transport: httpx, proxy: …}`; "
    "`GET /users/{rest:path}` with `call: users:/{rest:path}` calls everything below"
)
_ALL_BELOW = (
    "`call: users:/{rest:path}` in an endpoint `GET /users/{rest:path}` calls everything below; "
    "the query goes on by `forward: {query: all}`"
)

_TRACES = "write `telemetry: {traces: {otlp: http://collector:4318}}` at the top"
_CHOOSE = (
    'write `choose: [{url: "users:/a", weight: 9}, {url: "next:/a", weight: 1}]` into a call, in the place of `url`; '
    "hosts of one upstream have a `weight` each"
)
_CHOOSE_HERE = 'write `choose: [{url: "users:/a", weight: 9}, {url: "next:/a", weight: 1}]` here, in the place of `url`'
_WEIGHTS = (
    'each of its `hosts` has one: `hosts: [{url: "https://a.example.com", weight: 9}, …]`; '
    "between upstreams a call chooses by `choose`"
)
_SHADOW = 'write `shadow: [{url: "next:/a", share: 10%}]` into the endpoint'
_MOCK = (
    'write `mock: {routes: {"GET /a": {json: {id: 7}}}}` into the upstream; '
    "`respond` of an endpoint answers without any call"
)
_MOCK_FILE = "write `mock: {file: mocks/users.yaml}` into the upstream"
_MOCK_FILE_HERE = "write `mock: {file: mocks/users.yaml}` here"
_CALLS_OF_ONE = (
    "write `call_budget: {calls: 20}` into the endpoint, for the calls of one request; "
    "all calls to an upstream are limited by its `rate_limit`"
)
_BUDGETS = (
    "`budget` of `retry` is for repeated requests; write `call_budget: {calls: 20}` into the endpoint for all of one"
)
_QUOTA = "write `rate_limit: {quota: 10000/day}` into the endpoint or `server`"
_QUOTA_OF_CALLS = (
    "calls are limited by `rate_limit: 100/s` of their upstream; quotas are for requests: of an endpoint or `server`"
)
_BALANCE = (
    "write `hosts: [https://a.example.com, https://b.example.com]` into the upstream, in the place of `url`; "
    "`balance` beside it says how one is chosen"
)
_HEALTH = (
    "write `health: {path: /health}` beside the `hosts` of the upstream; "
    "this process answers `/livez` and `/readyz` itself"
)
_FAILOVER = "give each of the `hosts` of the upstream a `priority`, or a call a `fallback`"
_AFFINITY = "write `balance: {hash: \"{{ headers['x-session'] }}\"}` beside the `hosts` of the upstream"
_DISCOVERY = "write `resolve: dns` into the upstream, or `resolve: srv`"
_DISCOVERY_HERE = "write `resolve: dns` here, or `resolve: srv`"
_LISTENING = "which port is listened at is said by `port` of `server`, that of an upstream by its `url`"
_STATE = (
    "write `state: /var/lib/aggregator` at the top, for what outlives a restart; "
    "what several machines share is in `store: redis://cache.internal:6379/0`"
)
_SWITCH = (
    "a running process is told: `aggregator switch off endpoint 'GET /a'`; "
    "`maintenance` at the top says it by the clock"
)
_WHEN = (
    "write `when: \"{{ headers['x-beta'] }}\"` here, for a condition; a running process is told by `aggregator switch`"
)
_MONITORING = "`aggregator monitoring` writes alerts for Prometheus and a dashboard for Grafana"
_SLO = "write `slo: {latency: 800ms, objective: 99.5%}` into the endpoint"
_CALLED = "write `call: users:/users/{user_id}`, or several by name under `fan_out`"
_IN_FRONT = "name it in front of the path: `url: users:/users/{user_id}`"
_ROUTE = "`route` of an upstream says where calls go by a key of the request; `when` of a call is its condition"
_FOR_EDITORS = "write it as the first line, a comment: `# yaml-language-server: $schema=routes.schema.json`"
_HIDE = "write `hide: [body.password]` into `telemetry`; credentials are never shown"

_SENTENCES: dict[str, tuple[str, str, str]] = {
    "$schema": (_FOR_EDITORS, _FOR_EDITORS, _FOR_EDITORS),
    "access_log": (_ACCESS, _ACCESS, _ACCESS),
    "affinity": (_AFFINITY, _AFFINITY, _AFFINITY),
    "auth": (_AS_WHOM, _OF_UPSTREAM, _NO_LOGIN),
    "cache": (_STORED_HERE, _STORED_HERE, _STORED),
    "circuit_breaker": (_BREAKER_HERE, _BREAKER, _BREAKER),
    "connect_timeout": (_TO_CONNECT_HERE, _TO_CONNECT, _TO_CONNECT),
    "cors": (_PAGES, _PAGES, _PAGES),
    "depends_on": (_ORDER, _ORDER, _ORDER),
    "discovery": (_DISCOVERY_HERE, _DISCOVERY, _DISCOVERY),
    "failover": (_FAILOVER, _FAILOVER, _FAILOVER),
    "health_check": (_HEALTH, _HEALTH, _HEALTH),
    "hide": (_HIDE, _HIDE, _HIDE),
    "hosts": (_MANY, _NAMED_ONCE, _OF_HOSTS),
    "level": (_LEVEL, _LEVEL, _LEVEL),
    "limits": (_CONNECTIONS, _CONNECTIONS, _CONNECTIONS),
    "load_balancing": (_BALANCE, _BALANCE, _BALANCE),
    "log_format": (_FORMAT, _FORMAT, _FORMAT),
    "log_level": (_LEVEL, _LEVEL, _LEVEL),
    "metrics": (_METRICS, _METRICS, _METRICS),
    "mirror": (_SHADOW, _SHADOW, _SHADOW),
    "mock": (_MOCK, _MOCK, _MOCK),
    "mock_file": (_MOCK_FILE_HERE, _MOCK_FILE, _MOCK_FILE),
    "call_budget": (_CALLS_OF_ONE, _CALLS_OF_ONE, _CALLS_OF_ONE),
    "budget": (_BUDGETS, _BUDGETS, _BUDGETS),
    "monitoring": (_MONITORING, _MONITORING, _MONITORING),
    "outlier_detection": (_EJECT, _EJECT, _EJECT),
    "path": (_IN_URL, _IN_URL, _IN_PATHS),
    "port": (_IN_URL, _IN_URL, _LISTENING),
    "prefix": (_IN_URL, _IN_URL, _IN_PATHS),
    "proxy": (_ONE_PROXY, _ONE_PROXY, _ALL_BELOW),
    "quota": (_QUOTA_OF_CALLS, _QUOTA, _QUOTA),
    "rate_limit": (_OF_MANY, _OF_MANY, _OF_MANY),
    "read_timeout": (_TO_READ_HERE, _TO_READ, _TO_READ),
    "request": (_REQUEST, _REQUEST, _REQUEST),
    "required": (_REQUIRED, _REQUIRED, _REQUIRED),
    "retry": (_REPEATED_HERE, _REPEATED_HERE, _REPEATED),
    "route": (_ROUTE, _ROUTE, _ROUTE),
    "slo": (_SLO, _SLO, _SLO),
    "state": (_STATE, _STATE, _STATE),
    "static": (_NO_FILES, _NO_FILES, _NO_FILES),
    "switches": (_SWITCH, _WHEN, _SWITCH),
    "timeout": (_IN_ALL, _IN_ALL, _IN_ALL),
    "tracing": (_TRACES, _TRACES, _TRACES),
    "upstream": (_NAMED_ONCE, _IN_FRONT, _CALLED),
    "url": (_NAMED_ONCE, _NAMED_ONCE, _NAMED_ONCE),
    "weights": (_WEIGHTS, _CHOOSE_HERE, _CHOOSE),
}
"""What to do instead: in an upstream, in a call, and anywhere else."""


_ONLY_BESIDE = {
    "$schema": "upstreams", "level": "access", "path": "retry", "url": "upstreams",
    "backend": "fan_out", "backends": "fan_out", "services": "fan_out",
    "service": "fan_out", "target": "fan_out", "upstream": "fan_out",
    "destination": "fan_out", "match": "fan_out", "case": "fan_out", "switch": "fan_out",
}  # fmt: skip
"""Words that mean this beside one key alone, and many things elsewhere."""


def sentence_for(word: str, allowed: Collection[str]) -> str | None:
    """Return what to do instead of *word*, which stands beside the keys *allowed*; None for a word of nobody's."""
    found = _SENTENCES.get(SAME_WISH.get(word, word))
    if found is None or _ONLY_BESIDE.get(word, word) not in (word, *allowed):
        return sentence_everywhere(word)
    of_upstream, of_call, elsewhere = found
    if elsewhere is _ALL_BELOW and "fan_out" not in allowed:  # not an endpoint
        return _PROXIES
    if "breaker" in allowed:  # which no other mapping has
        return of_upstream
    return of_call if "retry" in allowed else elsewhere
