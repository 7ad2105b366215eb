"""Words of other tools, and words of this language in a wrong place: the one sentence that helps, by the place."""

from __future__ import annotations

from collections.abc import Container

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
    "say who may call by `auth: NAME` in the endpoint, and declare NAME under `auth` at the top: api_key, basic or jwt"
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
    "`GET /users/{rest:path}` with `call: users:/{rest:path}` passes on everything below"
)
_ALL_BELOW = "`call: users:/{rest:path}` in an endpoint `GET /users/{rest:path}` passes on everything below"

_SAME_WORD = {
    "authentication": "auth", "basic_auth": "auth", "oauth": "auth", "oauth2": "auth", "jwt": "auth",
    "api_key": "auth", "apikey": "auth", "credentials": "auth",
    "rate_limits": "rate_limit", "ratelimit": "rate_limit", "rate_limiting": "rate_limit", "throttle": "rate_limit",
    "throttling": "rate_limit", "quota": "rate_limit",
    "circuitbreaker": "circuit_breaker", "breaker": "circuit_breaker", "outliers": "outlier_detection",
    "depends": "depends_on", "dependencies": "depends_on", "wait_for": "depends_on",
    "mandatory": "required", "files": "static", "static_files": "static",
    "path_prefix": "prefix", "base_path": "prefix", "root_path": "prefix", "strip_path": "prefix",
    "proxy_pass": "proxy", "host": "hosts", "servers": "hosts", "targets": "hosts",
    "load_balancer": "hosts", "load_balancing": "hosts",
    "accesslog": "access_log", "logging": "access_log", "logs": "access_log", "log": "access_log",
    "logformat": "log_format", "loglevel": "log_level",
    "prometheus": "metrics", "statsd": "metrics", "monitoring": "metrics",
    "timeout_ms": "timeout", "timeouts": "timeout",
    "connection_timeout": "connect_timeout",
    "caching": "cache", "allow_origins": "cors", "limit": "limits",
    "retries": "retry", "max_retries": "retry", "attempts": "retry", "cache_ttl": "cache", "ttl": "cache",
}  # fmt: skip
"""Other spellings of the same wish."""

_SENTENCES: dict[str, tuple[str, str, str]] = {
    "access_log": (_ACCESS, _ACCESS, _ACCESS),
    "log_format": (_FORMAT, _FORMAT, _FORMAT),
    "log_level": (_LEVEL, _LEVEL, _LEVEL),
    "auth": (_AS_WHOM, _OF_UPSTREAM, _NO_LOGIN),
    "cache": (_STORED_HERE, _STORED_HERE, _STORED),
    "connect_timeout": (_TO_CONNECT_HERE, _TO_CONNECT, _TO_CONNECT),
    "cors": (_PAGES, _PAGES, _PAGES),
    "circuit_breaker": (_BREAKER_HERE, _BREAKER, _BREAKER),
    "depends_on": (_ORDER, _ORDER, _ORDER),
    "hosts": (_MANY, _NAMED_ONCE, _OF_HOSTS),
    "limits": (_CONNECTIONS, _CONNECTIONS, _CONNECTIONS),
    "metrics": (_METRICS, _METRICS, _METRICS),
    "outlier_detection": (_EJECT, _EJECT, _EJECT),
    "prefix": (_IN_URL, _IN_URL, _IN_PATHS),
    "proxy": (_ONE_PROXY, _ONE_PROXY, _ALL_BELOW),
    "rate_limit": (_OF_MANY, _OF_MANY, _OF_MANY),
    "read_timeout": (_TO_READ_HERE, _TO_READ, _TO_READ),
    "request": (_REQUEST, _REQUEST, _REQUEST),
    "required": (_REQUIRED, _REQUIRED, _REQUIRED),
    "retry": (_REPEATED_HERE, _REPEATED_HERE, _REPEATED),
    "timeout": (_IN_ALL, _IN_ALL, _IN_ALL),
    "static": (_NO_FILES, _NO_FILES, _NO_FILES),
}
"""What to do instead: in an upstream, in a call, and anywhere else."""


def sentence_for(word: str, allowed: Container[str]) -> str | None:
    """Return what to do instead of *word*, which stands beside the keys *allowed*; None for a word of nobody's."""
    found = _SENTENCES.get(_SAME_WORD.get(word, word))
    if found is None:
        return None
    of_upstream, of_call, elsewhere = found
    if elsewhere is _ALL_BELOW and "fan_out" not in allowed:  # not an endpoint
        return _PROXIES
    if "breaker" in allowed:  # which no other mapping has
        return of_upstream
    return of_call if "retry" in allowed else elsewhere
