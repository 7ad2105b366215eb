"""What the process needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aggregator.config.model.edge.docs import DocsSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.server import ClientLimitSettings, CompressSettings
from aggregator.edge.coding import Compression
from aggregator.edge.networks import NO_NETWORKS, parse_networks
from aggregator.plan.compiling.calls import Surroundings
from aggregator.plan.compiling.endpoint.admission import compile_auth
from aggregator.plan.compiling.endpoint.edge import compile_place, compile_server_edge
from aggregator.plan.compiling.server.listening import compile_admin, compile_redirect, compile_tls, compile_workers
from aggregator.plan.compiling.telemetry import compile_log, hidden_of
from aggregator.plan.serving import UNLIMITED, ClientLimitsPlan, DocsPlan, ServerPlan
from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.degrade.settings import DegradeSettings
from aggregator.policies.idempotency.plan import AnswerBounds


def compile_server(whole: Surroundings, tls_digests: Mapping[str, str]) -> ServerPlan:
    """Return what the process needs to know."""
    root = whole.root
    settings = root.server
    debug = settings.debug
    return ServerPlan(
        title=settings.title, version=settings.version, description=settings.description,
        host=settings.host, port=settings.port, listen=tuple(one.address for one in settings.listen),
        tls=compile_tls(settings.tls, tls_digests), redirect_http=compile_redirect(settings.redirect_http),
        admin=compile_admin(settings.admin, tls_digests),
        workers=compile_workers(settings.workers),
        docs=_docs(settings.docs, root), header_timeout=settings.header_timeout,
        shutdown_grace=settings.shutdown_grace, drain_delay=settings.drain_delay,
        log=compile_log(root.telemetry, hidden_of(root)), watchdog=settings.watchdog,
        trusted_proxies=parse_networks(settings.trusted_proxies) if settings.trusted_proxies else NO_NETWORKS,
        proxy_protocol=settings.proxy_protocol,
        deadline_header=None if settings.deadline_header is None else settings.deadline_header.lower().encode("ascii"),
        limits=_limits(settings.limits), compress=_compression(settings.compress),
        debug_header=debug.header.lower().encode("ascii") if debug else None,
        debug_secret=debug.secret.encode() if debug else None,
        edge=compile_server_edge(root, whole.errors),
        prefixes=tuple(
            (prefix, compile_place(prefix, root, whole.errors))
            for prefix in sorted(root.prefixes, key=len, reverse=True)
        ),
        redirects_slash="slash" in settings.redirect_paths,
        kept_bytes=settings.cache.max,
        idempotency=AnswerBounds(
            settings.idempotency.count, settings.idempotency.bytes, settings.idempotency.store == "shared"
        ),
        degrade=_degrade(settings.degrade),
    )  # fmt: skip


def _docs(settings: DocsSettings | Literal[False], root: RootSettings) -> DocsPlan | None:
    return DocsPlan(settings.path, compile_auth(settings.auth, root.auth)) if settings else None


def _compression(settings: CompressSettings | None) -> Compression | None:
    return None if settings is None else Compression(settings.codings, settings.above)


def _degrade(settings: DegradeSettings | None) -> DegradePlan | None:
    return None if settings is None else DegradePlan(settings.in_flight, settings.queue, settings.loop_lag)


def _limits(settings: ClientLimitSettings | None) -> ClientLimitsPlan:
    if settings is None:
        return UNLIMITED
    return ClientLimitsPlan(
        settings.in_flight, settings.queue, settings.wait, settings.connections_per_address,
        settings.in_flight_per_address,
    )  # fmt: skip
