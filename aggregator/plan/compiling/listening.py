"""How connections of clients begin."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.config.files.tls_files import SERVER
from aggregator.config.model.listener_tls import ListenerTlsSettings, PairSettings
from aggregator.plan.listening import ListenerTlsPlan, PairPlan


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


def _pair(settings: PairSettings) -> PairPlan:
    return PairPlan(settings.cert, settings.key or settings.cert)
