"""Where connections come in, what a listener does before the first request of one, and which processes take them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.edge.addresses import Address


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


class AdminPlan(Struct, frozen=True):
    """The address of administration; *hosts* are names by which it may be asked for, in lower case."""

    address: Address
    secret: str | None = None
    hosts: tuple[str, ...] = ()
    tls: ListenerTlsPlan | None = None


class RedirectPlan(Struct, frozen=True):
    """An address that sends on to TLS, at *port*; None is the port of the first address that speaks it."""

    address: Address
    port: int | None = None


class WorkersPlan(Struct, frozen=True):
    """The processes that serve, None for as many as processors. *blocked* is in seconds, *memory* in bytes.

    They *start* as copies of a process that has loaded the plan, or anew; as the system needs it with ``auto``.
    """

    count: int | None = 1
    blocked: float = 30.0
    memory: int | None = None
    start: Literal["auto", "fork", "spawn"] = "auto"


ALONE = WorkersPlan()
"""One process, without a supervisor."""
