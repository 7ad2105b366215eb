"""Words that other tools have and this language has not: the one sentence that helps, by where the word stands."""

from __future__ import annotations

from collections.abc import Container

_REPEATED = "write `retry: 2` into the call or its upstream, for two retries"
_REPEATED_HERE = "write `retry: 2` here, for two retries"
_NOT_STORED = "replies are kept by `cache` of a call or its upstream; `response.cache_control` is for those outside"
_BREAKER = "write `breaker: {failures: 5}` into the upstream"
_BREAKER_HERE = "write `breaker: {failures: 5}` here"
_OF_MANY = "requests are limited by `rate_limit` of an endpoint, calls by that of their upstream"
_AS_WHOM = "say as whom it is called by `auth`: `auth: {bearer: ${TOKEN}}`, or another of its schemes"
_OF_UPSTREAM = (
    "credentials belong to the upstream: `auth: {bearer: ${TOKEN}}` there; "
    "`forward: {auth: true}` passes on those of the caller"
)
_NO_LOGIN = (
    "say who may call by `auth: NAME` in the endpoint, and declare NAME under `auth` at the top: api_key, basic or jwt"
)
_NO_FILES = "files are for a proxy in front; `respond` gives a fixed answer"
_IN_PATHS = "write it into the path of each endpoint: `GET /api/users`"
_IN_URL = "write it into `url`, behind the host"
_ONE_URL = "an upstream has one `url`; several addresses behind one name are for DNS or a load balancer"
_ANY_HOST = "every Host is served here; which ones are let in, a proxy in front decides"
_NAMED_ONCE = "declare it under `upstreams`, and call it by its name: `users:/users/7`"
_ORDER = "a call waits for the calls that it names; `needs` of a call names others"
_REQUIRED = "every call is required unless it says `optional: true`"
_ONE_PROXY = "all calls leave through the same proxy: `client: {transport: httpx, proxy: …}`"
_ALL_BELOW = "`call: users:/{rest:path}` in an endpoint `GET /users/{rest:path}` passes on everything below"

_SAME_WORD = {
    "authentication": "auth", "basic_auth": "auth", "oauth": "auth", "oauth2": "auth", "jwt": "auth",
    "api_key": "auth", "apikey": "auth", "credentials": "auth",
    "rate_limits": "rate_limit", "ratelimit": "rate_limit", "rate_limiting": "rate_limit", "throttle": "rate_limit",
    "throttling": "rate_limit", "quota": "rate_limit",
    "circuitbreaker": "circuit_breaker", "breaker": "circuit_breaker", "outlier_detection": "circuit_breaker",
    "depends": "depends_on", "dependencies": "depends_on", "wait_for": "depends_on",
    "mandatory": "required", "files": "static", "static_files": "static",
    "path_prefix": "prefix", "base_path": "prefix", "root_path": "prefix", "strip_path": "prefix",
    "proxy_pass": "proxy", "servers": "hosts", "targets": "hosts",
    "retries": "retry", "max_retries": "retry", "attempts": "retry", "cache_ttl": "cache", "ttl": "cache",
}  # fmt: skip
"""Other spellings of the same wish."""

_SENTENCES: dict[str, tuple[str, str, str]] = {
    "auth": (_AS_WHOM, _OF_UPSTREAM, _NO_LOGIN),
    "cache": (_NOT_STORED, _NOT_STORED, _NOT_STORED),
    "circuit_breaker": (_BREAKER_HERE, _BREAKER, _BREAKER),
    "depends_on": (_ORDER, _ORDER, _ORDER),
    "hosts": (_ONE_URL, _NAMED_ONCE, _ANY_HOST),
    "prefix": (_IN_URL, _IN_URL, _IN_PATHS),
    "proxy": (_ONE_PROXY, _ONE_PROXY, _ALL_BELOW),
    "rate_limit": (_OF_MANY, _OF_MANY, _OF_MANY),
    "required": (_REQUIRED, _REQUIRED, _REQUIRED),
    "retry": (_REPEATED_HERE, _REPEATED_HERE, _REPEATED),
    "static": (_NO_FILES, _NO_FILES, _NO_FILES),
}
"""What to do instead: in an upstream, in a call, and anywhere else."""


def sentence_for(word: str, allowed: Container[str]) -> str | None:
    """Return what to do instead of *word*, which stands beside the keys *allowed*; None for a word of nobody's."""
    found = _SENTENCES.get(_SAME_WORD.get(word, word))
    if found is None:
        return None
    of_upstream, of_call, elsewhere = found
    if "tls" in allowed:
        return of_upstream
    return of_call if "url" in allowed else elsewhere
