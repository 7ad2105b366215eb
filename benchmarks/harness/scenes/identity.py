"""What does it cost to know who calls? One call by a caller who shows a key or a token, beside the same for anybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from harness.scenes.edge import CLIENTS, Beside

_KEY = "agk_key-of-a-partner-of-the-benchmark"
_SECRET = "a secret of an issuer, as long as its hash is"
_KEYS = f"- {{name: acme, sha256: {hashlib.sha256(_KEY.encode()).hexdigest()}, scopes: [orders.read]}}\n"
_PARTNERS = "auth: {partners: {api_key: {header: x-api-key, keys: {file: partners.yaml}}}}\n"
_CUSTOMERS = (
    "auth: {customers: {jwt: {issuer: https://id.example.com, audience: shop, algorithms: [HS256],"
    " key: {file: issuer.key}}}}\n"
)


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _token() -> str:
    """Return a token that ends in the year 2100."""
    claims = {"iss": "https://id.example.com", "aud": "shop", "sub": "ada", "exp": 4102444800, "scope": "orders.read"}
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    text = ".".join(map(_segment, parts))
    return f"{text}.{_segment(hmac.digest(_SECRET.encode(), text.encode(), 'sha256'))}"


API_KEY = Beside(
    "api_key",
    f"One call by a caller with an API key, {CLIENTS} clients",
    "api_key",
    "",
    0.93,
    (f"x-api-key: {_KEY}",),
    "Each request has the key.",
    more=f"{_PARTNERS}defaults: {{endpoint: {{auth: partners}}}}\n",
    files=(("partners.yaml", _KEYS),),
    ready="/livez",
)

SEEN_TOKEN = Beside(
    "seen_token",
    f"One call by a caller with a token that was seen before, {CLIENTS} clients",
    "jwt",
    "",
    0.90,
    (f"authorization: Bearer {_token()}",),
    "Each request has the token.",
    more=f"{_CUSTOMERS}defaults: {{endpoint: {{auth: customers}}}}\n",
    files=(("issuer.key", _SECRET),),
    ready="/livez",
)

GUARD = Beside(
    "guard",
    f"One call by a caller whose scope a guard looks at, {CLIENTS} clients",
    "require",
    "",
    0.93,
    (f"x-api-key: {_KEY}",),
    "Both ask for the key; one of them looks at its scopes.",
    base=f"{_PARTNERS}defaults: {{endpoint: {{auth: partners",
    more=", require: \"{{ 'orders.read' in auth.scopes }}\"",
    end="}}\n",
    files=(("partners.yaml", _KEYS),),
    ready="/livez",
)
