"""Words of other tools that wish for the same wherever they stand, each with the one sentence that helps."""

from __future__ import annotations

_WORKERS = "write `workers: 4` into `server`, or `workers: auto` for as many as there are processors"
_STORE = (
    "write `store: redis://cache.internal:6379/0` at the top, for what several processes share; "
    "`state: /var/lib/aggregator` is for what outlives a restart"
)
_NETWORKS = "write `allow_from: [10.0.0.0/8]` or `deny_from` into the endpoint"
_LOGIN = (
    "declare it by a name under `auth` at the top, `customers: {jwt: {…}}`, "
    "and write `auth: customers` into the endpoint"
)
_CLIENT_CERTIFICATE = (
    "clients show a certificate by `auth: {devices: {mtls: {…}}}` at the top; "
    "the one that an upstream is shown is its `tls: {cert: …, key: …}`"
)
_CERTIFICATE = "write `tls: {cert: …, key: …}` into `server`; what an upstream is trusted by is its `tls: {ca: …}`"
_STALE = "write `cache: {ttl: 60s, stale: 5m}` into the call, its upstream or the endpoint"
_DURABLE = (
    "write `durable: true` into the background call: it is kept until it is delivered; "
    "`aggregator effects list` shows what waits and what is dead"
)
_DEDUPE = 'write `dedupe: {key: "{{ body.id }}"}` into a durable background call, or `idempotency` into the endpoint'
_CODE = "code of your own is named under `plugins` at the top, and called by `transform` of a call or of `response`"
_EXPRESSION = 'a value is taken by an expression, `"{{ user.name }}"`, and parts of an answer by `select` of `response`'
_CONNECTIONS = "write `limits: {max_connections: 50}` into the upstream, or into `client` for all of them"
_UNVERIFIED = "write `tls: {verify: false}` into the upstream, or better name its authority: `tls: {ca: authority.pem}`"
_SERVER_NAME = "write `tls: {server_name: users.example.com}` into the upstream"
_HTTP2 = (
    "calls go by HTTP/2 with `client: {transport: httpx, http2: true}` at the top; "
    "clients speak it to hypercorn, granian or a proxy in front"
)
_AGENT = "write `headers: {user-agent: my-service/1.0}` into the upstream"
_PLACES = "write `concurrency: 50` into the upstream, or into the endpoint for requests"
_STREAMS = "write `limits: {max_streams: 50}` into the upstream, or into `client` for all of them"
_BACKOFF = "write `retry: {attempts: 3, backoff: 25ms..250ms}` into the call or its upstream"
_FAILURES = "what failures become is said by `status_map` of the endpoint, the call, the upstream or `defaults`"
_PAGES = "which pages of other origins may read the answers is said by `cors` of `server` or of an endpoint"
_COMPRESS = "write `compress: {codings: [br, gzip]}` into `server`"
_LARGEST = "write `max_body: 1MiB` into the endpoint or `server`"
_GUARD = "write `require: \"{{ 'orders.read' in auth.scopes }}\"` into the endpoint"
_REDIRECT = "write `respond: {status: 302, headers: {location: https://example.com/}}` into the endpoint"
_TYPE = "write `headers: {content-type: text/csv}` into the call, for what is sent, or into `response` or `respond`"
_STATUS = "write `status: 201` into `response`; what failures become is said by `status_map`"
_NOT_SPOKEN = "neither WebSockets nor gRPC are spoken here: have the proxy in front send them past"
_BY_THE_CLOCK = (
    "nothing is called by the clock but health checks; let cron call an endpoint. "
    "`delay` and `at` of a durable background call send it later"
)
_VALUES = (
    "values of the environment are written where they are used, `${NAME}`, those of files `${file:/run/secrets/name}`"
)

_WORDS: dict[str, str] = {
    _WORKERS: "workers processes threads replicas worker_processes",
    _STORE: "redis valkey store cluster memcached database shared",
    _NETWORKS: "acl whitelist ip_whitelist blacklist allowlist denylist ip_allowlist ip_filter allow_ips allow deny",
    _LOGIN: "oidc openid openid_connect jwks issuer introspection external_auth forward_auth auth_request",
    _CLIENT_CERTIFICATE: "mtls client_cert client_certificate client_auth_tls",
    _CERTIFICATE: "ssl tls cert certificate certificates https ssl_cert ssl_key ssl_certificate certfile keyfile",
    _STALE: "swr stale_while_revalidate stale_if_error stale",
    _DURABLE: "outbox dlq dead_letter dead_letter_queue queue durable",
    _DEDUPE: "dedup deduplicate deduplication idempotency_key",
    _CODE: "middleware middlewares handler handlers script scripts lua plugin plugins filters",
    _EXPRESSION: "jq jsonpath jmespath template templates mapping",
    _CONNECTIONS: "pool pooling max_connections connection_pool pool_size max_pool_size pool_maxsize connections "
    "max_conns max_conn connection_limit",
    _UNVERIFIED: "insecure insecure_skip_verify skip_verify tls_verify verify_ssl ssl_verify verify_tls tls_insecure",
    _SERVER_NAME: "sni sni_name tls_server_name",
    _HTTP2: "http2 h2 http_version enable_http2",
    _AGENT: "user_agent useragent",
    _PLACES: "bulkhead max_concurrency max_concurrent concurrency_limit max_inflight max_in_flight",
    _STREAMS: "max_streams stream_limit",
    _BACKOFF: "backoff retry_backoff retry_on",
    _FAILURES: "error_handler error_handlers error_pages on_failure errors status_map",
    _PAGES: "cors_origins allowed_origins",
    _COMPRESS: "gzip brotli compression",
    _LARGEST: "body_limit client_max_body_size max_body_size request_size max_request_size max_request_body "
    "request_body_limit max_content_length limit_request_body",
    _GUARD: "scopes scope roles role permissions claims",
    _REDIRECT: "redirect redirect_to redirect_url",
    _TYPE: "content_type media_type mime_type output_encoding",
    _STATUS: "status_code http_status response_code",
    _NOT_SPOKEN: "websocket websockets grpc",
    _BY_THE_CLOCK: "cron schedule scheduler interval",
    _VALUES: "secrets env environment variables vars",
}  # fmt: skip
_SENTENCES = {word: sentence for sentence, words in _WORDS.items() for word in words.split()}


def sentence_everywhere(word: str) -> str | None:
    """Return what to do instead of *word*, or None for a word that nobody has."""
    return _SENTENCES.get(word)
