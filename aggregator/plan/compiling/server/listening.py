"""How connections of clients begin."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.config.files.tls_files import SERVER
from aggregator.config.model.listening.admin import AdminSettings, RedirectSettings
from aggregator.config.model.listening.tls import ListenerTlsSettings, PairSettings
from aggregator.config.model.listening.workers import WorkersSettings
from aggregator.plan.incoming.listening import AdminPlan, ListenerTlsPlan, PairPlan, RedirectPlan, WorkersPlan


def compile_tls(settings: ListenerTlsSettings | None, digests: Mapping[str, str]) -> ListenerTlsPlan | None:
    """Return what a listener needs to know of its TLS; *digests* are of the files that the configuration names."""
    if settings is None:
        return None
    return ListenerTlsPlan(
        pair=_pair(settings),
        names=tuple((name.lower(), _pair(pair)) for name, pair in settings.names.items()),
        client_ca=settings.client_ca,
        client=settings.client,
        security=settings.security,
        digest=digests.get(SERVER, ""),
    )


def compile_admin(settings: AdminSettings | None, digests: Mapping[str, str]) -> AdminPlan | None:
    """Return where and for whom administration is."""
    if settings is None:
        return None
    hosts = tuple(host.lower() for host in settings.hosts)
    return AdminPlan(settings.address.address, settings.secret, hosts, compile_tls(settings.tls, digests))


def compile_redirect(settings: RedirectSettings | None) -> RedirectPlan | None:
    """Return what sends on to TLS."""
    return None if settings is None else RedirectPlan(settings.address.address, settings.port)


def _pair(settings: PairSettings) -> PairPlan:
    return PairPlan(settings.cert, settings.key or settings.cert)


def compile_workers(settings: WorkersSettings) -> WorkersPlan:
    """Return how many processes serve, and what replaces one of them."""
    count = None if settings.count == "auto" else settings.count
    return WorkersPlan(count, settings.blocked, settings.memory, settings.start)
