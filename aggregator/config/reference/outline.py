"""What the reference says beyond the models: its order, where settings stand, what causes of failures mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SECTIONS = (
    ("EndpointSettings", "Endpoint", "under `endpoints`, by method and path: `GET /users/{user_id}`"),
    ("CallSettings", "Call", "under `call`, in `fan_out`, `groups`, `fallback` and `race`; or its URL alone"),
    ("ShapeSettings", "Shape", "in a call, in `response` and in `respond`"),
    ("FanOutSettings", "Fan-out", "under `fan_out`; every other key is the name of a [call](#call)"),
    ("EachSettings", "For each", "under `for_each`; or the expression for `in` alone"),
    ("BatchSettings", "Batch", "under `for_each.batch`"),
    ("JoinSettings", "Join onto items", "under `for_each.join`"),
    ("SuccessSettings", "Success", "under `success` of a call"),
    ("GraphqlSettings", "GraphQL", "under `graphql` of a call"),
    ("StatusRow", "Status map row", "in `status_map`: a list of rows, or a mapping from `on` to the row or its status"),
    ("BackgroundCallSettings", "Background call", "in `background` of an endpoint; or its URL alone"),
    ("ResponseSettings", "Response", "under `response` of an endpoint"),
    ("ListJoinSettings", "Join of lists", "in `response.join`"),
    ("StaticSettings", "Static answer", "under `respond` of an endpoint"),
    ("HeaderSettings", "Response headers", "under `headers` of an answer; or the headers alone, for successes"),
    ("SetCookieSettings", "Cookie", "in `set_cookies` of an answer"),
    ("CorsSettings", "CORS", "under `cors` of an endpoint; or `none`"),
    ("AdmissionSettings", "Admission", "in an endpoint, and under `defaults.endpoint` for all of them"),
    ("AuthSettings", "Auth", "under `auth` of an endpoint; or the name of a scheme, or `none`"),
    ("GuardSettings", "Guard", "in `require` of an endpoint and of `defaults.endpoint`; or its expression alone"),
    ("SchemeSettings", "Scheme", "under `auth` at the top level, by name"),
    ("ApiKeySettings", "API key", "under `api_key` of a scheme"),
    ("BasicSettings", "Basic", "under `basic` of a scheme"),
    ("JwtSettings", "JWT", "under `jwt` of a scheme"),
    ("CookieSource", "Token in a cookie", "under `from` of `jwt`"),
    ("SignatureSettings", "Signature", "under `signature` of a scheme"),
    ("FailuresSettings", "Failed credentials", "under `failures` of a scheme"),
    ("FileSettings", "File", "where a file is named"),
    ("UpstreamSettings", "Upstream", "under `upstreams`, by name"),
    ("CredentialSettings", "Upstream auth", "under `auth` of an upstream"),
    ("LoginSettings", "Login", "under `basic` of the `auth` of an upstream"),
    ("Timeouts", "Timeout", "under `timeout` of a call, an upstream, `defaults` and `client`; or the total alone"),
    ("RetrySettings", "Retry", "under `retry` of an upstream and of a call; or the number of retries alone"),
    ("BudgetSettings", "Retry budget", "under `retry.budget` of an upstream; or its share alone"),
    ("ForwardSettings", "Forward", "under `forward` of a call, an endpoint, an upstream and `defaults`"),
    ("LimitSettings", "Limits", "under `limits` of an upstream and of `client`"),
    ("XmlSettings", "XML", "under `xml` of a call and of an upstream"),
    ("CsvSettings", "CSV", "under `csv` of a call and of an upstream"),
    ("TlsSettings", "TLS", "under `tls` of an upstream"),
    ("ClientSettings", "Client", "under `client`"),
    ("DefaultSettings", "Defaults", "under `defaults`"),
    ("CarriedSettings", "Carried", "under `defaults.response` and `response` of a prefix"),
    ("PrefixSettings", "Prefix", "under `prefixes`, by path"),
    ("LifecycleSettings", "Lifecycle", "under `deprecated` of an endpoint or a prefix; or `true`"),
    ("ServerSettings", "Server", "under `server`"),
    ("ListenerTlsSettings", "Listener TLS", "under `server.tls` and `server.admin.tls`"),
    ("PairSettings", "Certificate", "in `names` of `server.tls`, by the host that is asked for"),
    ("AdminSettings", "Admin", "under `server.admin`; or its address alone"),
    ("RedirectSettings", "Redirect", "under `server.redirect_http`; or its address alone"),
    ("AddressSettings", "Address", "where `server` names one; or a text: `host:port`, `unix:` and a path"),
    ("ErrorSettings", "Error", "in `server.errors`, by status or class"),
    ("ErrorRow", "Error row", "in `server.errors` where that is a list"),
    ("WideCorsSettings", "CORS of many", "under `cors` of `server` and of a prefix"),
    ("ClientLimitSettings", "Client limits", "under `server.limits`"),
    ("CompressSettings", "Compress", "under `server.compress`"),
    ("DebugSettings", "Debug", "under `server.debug`"),
    ("TelemetrySettings", "Telemetry", "under `telemetry` at the top level"),
    ("MetricsSettings", "Metrics", "under `telemetry.metrics`"),
    ("BackgroundSettings", "Background workers", "under `background` at the top level"),
)  # fmt: skip
"""Model, heading, and where its keys stand; in reading order."""

PARENTS: Mapping[str, str] = MappingProxyType(
    {
        "CallSettings": "ShapeSettings",
        "EndpointSettings": "AdmissionSettings",
        "BackgroundCallSettings": "CallSettings",
        "ResponseSettings": "ShapeSettings",
        "StaticSettings": "ShapeSettings",
        "ErrorRow": "ErrorSettings",
        "WideCorsSettings": "CorsSettings",
        "ListenerTlsSettings": "PairSettings",
    }
)
"""Models whose settings hold all of another's, which are listed there."""
