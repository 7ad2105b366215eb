"""What does it cost to say as whom we call? One call with a credential for its upstream, beside the same without."""

from __future__ import annotations

from harness.scenes.edge import CLIENTS, Beside

BEARER = Beside(
    "bearer",
    f"One call with a token that does not change, {CLIENTS} clients",
    "bearer",
    "",
    0.98,
    (),
    "The header is made when the file is loaded.",
    upstream=", auth: {bearer: a-token-of-the-benchmark}",
)

FETCHED_TOKEN = Beside(
    "fetched_token",
    f"One call with a token of an authorization server, {CLIENTS} clients",
    "oauth2",
    "",
    0.95,
    (),
    "The token is fetched by the first call, and good for an hour.",
    upstream=', auth: {oauth2: {token_url: "@ORIGIN@/token", client_id: a, client_secret: of-the-benchmark}}',
)
