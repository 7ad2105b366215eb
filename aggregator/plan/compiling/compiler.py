"""From the checked configuration to the plan, one line a part. Cannot fail on what ``config`` let through."""

from __future__ import annotations

from aggregator.config.loading import Config, EndpointConfig
from aggregator.plan.compiling.calls import Surroundings
from aggregator.plan.compiling.endpoint.operation import compile_endpoint
from aggregator.plan.compiling.endpoint.schemes import compile_scheme
from aggregator.plan.compiling.policies.durables import compile_background
from aggregator.plan.compiling.policies.maintenance import compile_maintenance
from aggregator.plan.compiling.policies.store import compile_store, store_secrets
from aggregator.plan.compiling.server.serving import compile_server
from aggregator.plan.compiling.telemetry import compile_metrics, compile_recorder, compile_traces, hidden_of
from aggregator.plan.compiling.upstreams import compile_client
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.policies.credentials.plan import secrets_of


class Compiler:
    """Compiles configurations one after another; an endpoint that did not change keeps its plan."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[EndpointPlan, ...]] = {}

    def compile(self, config: Config) -> Plan:
        """Return the plan of *config*."""
        settings = config.settings
        whole = Surroundings.of(settings, config.tls_digests)
        self._known = {endpoint.digest: self._operations(endpoint, whole) for endpoint in config.endpoints}
        hidden = hidden_of(settings)
        endpoints = tuple(plan for plans in self._known.values() for plan in plans)
        return Plan(
            digest=config.digest,
            server=compile_server(whole, config.tls_digests),
            client=compile_client(settings.client),
            background=compile_background(settings.background),
            endpoints=endpoints,
            upstreams=tuple(whole.upstreams.values()),
            plugins=settings.plugins,
            schemes=tuple(
                compile_scheme(name, scheme, config.identity_files, whole) for name, scheme in settings.auth.items()
            ),
            maintenance=compile_maintenance(settings, [endpoint.key for endpoint in endpoints]),
            secrets=config.secrets.union(
                store_secrets(settings.store), *(secrets_of(each.credentials) for each in whole.upstreams.values())
            ),
            written_secrets=config.written_secrets,
            metrics=compile_metrics(settings.telemetry, endpoints),
            recorder=compile_recorder(settings.telemetry, hidden),
            traces=compile_traces(settings.telemetry.traces, hidden),
            virtual_hosts=tuple(settings.virtual_hosts),
            state=settings.state,
            store=compile_store(settings.store, config.tls_digests),
        )

    def _operations(self, config: EndpointConfig, whole: Surroundings) -> tuple[EndpointPlan, ...]:
        return self._known.get(config.digest) or compile_endpoint(config, whole)


def compile_plan(config: Config) -> Plan:
    """Return the plan of *config*; equal configurations give equal plans."""
    return Compiler().compile(config)
