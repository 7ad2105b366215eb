"""Every rule beyond the form of single values, one subject a file, in the order in which they are tried.

A rule of an endpoint takes its analysis and what surrounds it and yields findings. ``CAREFUL_RULES`` also run
on what is left of an endpoint whose form is wrong, since they never speak of what is missing; ``LAST_RULES``
run where there are no errors. ``ROOT_RULES`` look at everything but the endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.rules.addresses import check_addresses, check_left_out, check_placeholders
from aggregator.config.rules.admission import check_admission, check_docs, check_inherited
from aggregator.config.rules.attempts import check_attempts, check_upstream_attempts
from aggregator.config.rules.bodies import check_bodies
from aggregator.config.rules.brokers import check_broker_calls
from aggregator.config.rules.caches import check_caches
from aggregator.config.rules.call_budgets import check_call_budget
from aggregator.config.rules.choices import check_choices
from aggregator.config.rules.client import check_client, check_defaults_section, check_server
from aggregator.config.rules.conditions import check_conditions
from aggregator.config.rules.constant_keys import check_constant_keys, check_shared_constant_keys
from aggregator.config.rules.constants import check_constants
from aggregator.config.rules.credentials import check_call_auth, check_upstream_auth
from aggregator.config.rules.declared_secrets import check_declared_secrets
from aggregator.config.rules.durable import check_durable
from aggregator.config.rules.durable_store import check_durable_store
from aggregator.config.rules.each import check_each
from aggregator.config.rules.edge import check_carried, check_errors
from aggregator.config.rules.expressions import check_expressions
from aggregator.config.rules.formats import check_formats, check_upstream_formats
from aggregator.config.rules.former_words import check_former_words
from aggregator.config.rules.groups import check_group_circles, check_groups, check_number_of_parts
from aggregator.config.rules.header_fields import check_header_fields
from aggregator.config.rules.idempotency import check_idempotency, check_shared_idempotency
from aggregator.config.rules.inputs import check_inputs, check_unused_parameters
from aggregator.config.rules.judged_bodies import check_judged_bodies
from aggregator.config.rules.kept_failures import check_kept_failures
from aggregator.config.rules.limits import check_limits, check_shared_limits
from aggregator.config.rules.listeners import check_listeners
from aggregator.config.rules.literal_secrets import check_literal_secrets, check_upstream_secrets
from aggregator.config.rules.names import check_names
from aggregator.config.rules.order import check_needs, check_order
from aggregator.config.rules.own_paths import check_own_paths
from aggregator.config.rules.part_names import check_parameter_names, check_part_names
from aggregator.config.rules.plugins import check_plugins, check_transforms
from aggregator.config.rules.reachable_rows import check_reachable_rows
from aggregator.config.rules.redirects import check_redirects
from aggregator.config.rules.responses import check_responses
from aggregator.config.rules.retries import check_retries, check_upstream_retries
from aggregator.config.rules.roles import check_defaults, check_roles
from aggregator.config.rules.schemes import check_schemes
from aggregator.config.rules.shapes import check_shapes
from aggregator.config.rules.shared_answers import check_shared_answers
from aggregator.config.rules.shared_caches import check_shared_caches, check_shared_caches_of_upstreams
from aggregator.config.rules.status_maps import check_status_maps
from aggregator.config.rules.store import check_store
from aggregator.config.rules.streams import check_streams
from aggregator.config.rules.success import check_success
from aggregator.config.rules.telemetry import (
    check_log,
    check_objective,
    check_telemetry,
    check_traced,
    check_traced_calls,
)
from aggregator.config.rules.text_bodies import check_text_bodies
from aggregator.config.rules.timeouts import check_timeouts
from aggregator.config.rules.unread_texts import check_unread_sections, check_unread_texts
from aggregator.config.rules.upstreams import check_upstreams
from aggregator.config.rules.varied import check_varied
from aggregator.config.rules.virtual_hosts import check_virtual_hosts
from aggregator.config.rules.workers import check_workers
from aggregator.diagnostics.finding import Finding

Rule = Callable[[Analysis, Surroundings], Iterator[Finding]]
RootRule = Callable[[Surroundings], Iterator[Finding]]

_OF_CALLS: tuple[Rule, ...] = (
    check_expressions,
    check_addresses,
    check_names,
    check_conditions,
    check_choices,
    check_broker_calls,
    check_durable,
    check_groups,
    check_number_of_parts,
    check_order,
    check_needs,
    check_part_names,
    check_header_fields,
    check_traced_calls,
    check_call_auth,
    check_literal_secrets,
    check_shapes,
    check_success,
    check_transforms,
    check_formats,
    check_unread_texts,
    check_former_words,
)
_OF_WHOLE_CALLS: tuple[Rule, ...] = (
    check_placeholders,
    check_status_maps,
    check_reachable_rows,
    check_bodies,
    check_text_bodies,
    check_roles,
    check_defaults,
    check_timeouts,
    check_attempts,
    check_retries,
    check_redirects,
    check_each,
    check_constants,
    check_constant_keys,
    check_caches,
    check_shared_caches,
)

ENDPOINT_RULES: tuple[Rule, ...] = (
    *_OF_CALLS,
    check_parameter_names,
    check_own_paths,
    check_admission,
    check_limits,
    check_call_budget,
    check_idempotency,
    check_objective,
    check_inputs,
    check_declared_secrets,
    *_OF_WHOLE_CALLS,
    check_kept_failures,
    check_streams,
    check_responses,
    check_shared_answers,
    check_varied,
)
LAST_RULES: tuple[Rule, ...] = (
    check_left_out,
    check_unused_parameters,
    check_judged_bodies,
)
CAREFUL_RULES: tuple[Rule, ...] = (*_OF_CALLS, check_parameter_names, check_own_paths, check_inputs)
GROUP_RULES: tuple[Rule, ...] = (*_OF_CALLS, *_OF_WHOLE_CALLS, check_left_out)
ROOT_RULES: tuple[RootRule, ...] = (
    check_server,
    check_listeners,
    check_client,
    check_store,
    check_durable_store,
    check_shared_caches_of_upstreams,
    check_shared_idempotency,
    check_defaults_section,
    check_carried,
    check_errors,
    check_virtual_hosts,
    check_docs,
    check_upstreams,
    check_inherited,
    check_upstream_attempts,
    check_upstream_retries,
    check_schemes,
    check_upstream_auth,
    check_shared_limits,
    check_shared_constant_keys,
    check_upstream_formats,
    check_upstream_secrets,
    check_unread_sections,
    check_group_circles,
    check_plugins,
    check_telemetry,
    check_traced,
    check_log,
    check_workers,
)
