"""What a listener does before the first request of a connection."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class PairPlan(Struct, frozen=True):
    """The paths of a certificate and of its key, which may be the same."""

    cert: str
    key: str


class ListenerTlsPlan(Struct, frozen=True):
    """TLS towards clients; *names* are pairs by host, in lower case. *digest* is of what the files hold."""

    pair: PairPlan
    names: tuple[tuple[str, PairPlan], ...] = ()
    client_ca: str | None = None
    client: Literal["optional", "required"] = "required"
    security: Literal["modern", "compatible", "legacy"] = "modern"
    digest: str = ""
