"""The certificate of a client, as expressions see it."""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import Any

_SHORT = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "localityName": "L", "stateOrProvinceName": "ST", "domainComponent": "DC", "userId": "UID",
}  # fmt: skip
_SPECIAL = frozenset(',+"\\<>;')


def client_certificate(sock: ssl.SSLSocket) -> dict[str, Any] | None:
    """Return subject (RFC 4514), alternative names and fingerprint of the client's certificate; None without one."""
    encoded = sock.getpeercert(binary_form=True)
    if encoded is None:
        return None
    told: dict[str, Any] = sock.getpeercert() or {}
    return {
        "subject": ",".join("+".join(map(_attribute, names)) for names in reversed(told.get("subject", ()))),
        "san": [f"{'IP' if kind == 'IP Address' else kind}:{value}" for kind, value in told.get("subjectAltName", ())],
        "fingerprint": sha256(encoded).hexdigest(),
    }


def _attribute(pair: tuple[str, str]) -> str:
    name, value = pair
    escaped = "".join(f"\\{char}" if char in _SPECIAL else char for char in value)
    if escaped[:1] in ("#", " "):
        escaped = f"\\{escaped}"
    if value[-1:] == " " and len(value) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return f"{_SHORT.get(name, name)}={escaped}"
