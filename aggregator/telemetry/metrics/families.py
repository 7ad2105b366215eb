"""The one table of metrics: names, types, labels and meanings, from which the exposition and the docs are made.

Names follow https://prometheus.io/docs/practices/naming/: base units, ``_total`` for counters.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram", "summary", "info"]


class Family(NamedTuple):
    """One metric. *name* is without the suffix that its *kind* gives its samples (``_total``, ``_info``)."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str

    @property
    def sample_name(self) -> str:
        """The name by which queries find it: that of its samples, or what theirs begin with."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")


REQUESTS: Final = Family("aggregator_requests", "counter", ("endpoint", "status"),
    "Requests that were answered, by endpoint and status class; 4xx counts clients that hung up (499) too. "
    "Requests that met no endpoint have an empty one.")  # fmt: skip
DURATIONS: Final = Family("aggregator_request_duration_seconds", "histogram", ("endpoint", "status"),
    "From the head of a request to the end of its answer.")  # fmt: skip
SIZES: Final = Family("aggregator_response_size_bytes", "histogram", ("endpoint",),
    "Bodies of answers, before content coding.")  # fmt: skip
PARTIAL: Final = Family("aggregator_partial_answers", "counter", ("endpoint",),
    "Answers in which an optional part was missing.")  # fmt: skip
SLO_PARTIAL: Final = Family("aggregator_slo_partial_answers", "counter", ("endpoint",),
    "Answers of endpoints with `slo: {partial: bad}` that are bad for nothing but a missing part: no 5xx, and in time."
    )  # fmt: skip
PARTS: Final = Family("aggregator_parts", "counter", ("endpoint", "part", "state", "cause"),
    "Parts of answers, by what became of them and why they failed.")  # fmt: skip
ATTEMPTS: Final = Family("aggregator_attempts", "counter", ("upstream", "status", "cause"),
    "Calls to an upstream that ended, each attempt for itself, by the class of its status and why it failed, those "
    "that a policy kept from being sent included; the cause `cancelled` is a call that was given up.")  # fmt: skip
ATTEMPT_DURATIONS: Final = Family("aggregator_attempt_duration_seconds", "histogram", ("upstream",),
    "From the start of a call that was sent, waiting and connecting included, to its last byte.")  # fmt: skip
CONNECTIONS: Final = Family("aggregator_upstream_connections", "gauge", ("upstream", "state"),
    "Connections to an upstream: active or idle.")  # fmt: skip
DIALS: Final = Family("aggregator_upstream_connect_seconds", "summary", ("upstream",),
    "Connections that were opened to an upstream, and the time that opening them took, TLS included.")  # fmt: skip
WAITING: Final = Family("aggregator_upstream_waiting_calls", "gauge", ("upstream",),
    "Calls that wait for a connection.")  # fmt: skip
BREAKERS: Final = Family("aggregator_breaker_open", "gauge", ("upstream",),
    "1 while the breaker of an upstream keeps calls away, trying included; of breakers by host all of them, "
    "those by key are not told.")  # fmt: skip
HOSTS: Final = Family("aggregator_upstream_hosts", "gauge", ("upstream", "state"),
    "Hosts of an upstream with several: usable, ejected because calls fail, or unhealthy by their checks.")  # fmt: skip
EJECTIONS: Final = Family("aggregator_host_ejections", "counter", ("upstream",),
    "How often hosts of an upstream were left out because their calls failed.")  # fmt: skip
PLACES: Final = Family("aggregator_concurrency_limit", "gauge", ("upstream",),
    "How many calls `concurrency` lets an upstream carry at once; an adaptive one moves.")  # fmt: skip
PLACES_TAKEN: Final = Family("aggregator_concurrency_calls", "gauge", ("upstream",),
    "Calls that have a place of `concurrency`.")  # fmt: skip
PLACES_WAITING: Final = Family("aggregator_concurrency_waiting_calls", "gauge", ("upstream",),
    "Calls that wait for a place of `concurrency`.")  # fmt: skip
TRACES: Final = Family("aggregator_traces", "counter", ("result",),
    "Requests that a collector was told of as traces: sent, or lost since it did not take them in time.")  # fmt: skip
PUSHES: Final = Family("aggregator_metric_pushes", "counter", ("result",),
    "Pushes of these metrics to a collector: sent, or lost since it did not take them in time.")  # fmt: skip
LOOKUPS: Final = Family("aggregator_cache_lookups", "counter", ("upstream", "result"),
    "What caches were asked for: hit, shared (another process had it), stale (given while a refresh runs) or miss; "
    "whole answers have an empty upstream.")  # fmt: skip
KEPT_BYTES: Final = Family("aggregator_cache_size_bytes", "gauge", ("upstream",), "Bytes that caches keep.")
SAVED: Final = Family("aggregator_saved_calls", "counter", ("upstream",),
    "Calls that waited for an equal one under way, where `coalesce` or a cache is declared.")  # fmt: skip
BACKGROUND: Final = Family("aggregator_background_calls", "counter", ("call", "state"),
    "Background calls, by name and what became of them: done, failed, skipped, dropped (the queue was full), lost (at "
    "shutdown).")  # fmt: skip
BACKGROUND_WAITING: Final = Family("aggregator_background_waiting_calls", "gauge", (),
    "Background calls in the queue.")  # fmt: skip
EFFECTS: Final = Family("aggregator_effects", "gauge", ("state",),
    "Durable effects that are kept: waiting, leased (being delivered), parked (their upstream is unknown), sent, "
    "dead.")  # fmt: skip
DELIVERIES: Final = Family("aggregator_effect_deliveries", "counter", ("result",),
    "Deliveries of durable effects: sent, again (to be sent again), dead (given up); and effects that were dropped "
    "(there was no room), skipped (`when`), or unwritten (a value was missing), or not sent (dry_run).")  # fmt: skip
EFFECT_ORDERS: Final = Family("aggregator_effect_orders", "counter", ("order",),
    "Durable effects that operators had sent again or removed: retry, replay, discard, forget.")  # fmt: skip
IDEMPOTENT: Final = Family("aggregator_idempotent_requests", "counter", ("result",),
    "Requests of endpoints with `idempotency`: made (the first of a key), replayed, under_way (409), key_reused (422), "
    "key_missing (400), state_unavailable (503); those that need no key and have none are not counted.")  # fmt: skip
EFFECTS_BROKEN: Final = Family("aggregator_effects_broken", "gauge", (),
    "1 while durable effects cannot be written.")  # fmt: skip
EFFECTS_SLOW: Final = Family("aggregator_effects_slow", "gauge", ("upstream",),
    "1 while an upstream fails to which durable effects are sent: it is tried slowly, one at a time.")  # fmt: skip
SHADOWS: Final = Family("aggregator_shadow_calls", "counter", ("state",),
    "Shadows of requests, by what became of them: done, failed, dropped (the queue was full).")  # fmt: skip
STORE: Final = Family("aggregator_store_away", "gauge", (),
    "1 while the store that processes share does not answer in time.")  # fmt: skip
STORE_LOSSES: Final = Family("aggregator_store_losses", "counter", (),
    "How often the store that processes share went away.")  # fmt: skip
STORE_ALONE: Final = Family("aggregator_store_alone", "counter", (),
    "Requests whose limits were decided by this process alone, because the store was away.")  # fmt: skip
IN_FLIGHT: Final = Family("aggregator_requests_in_flight", "gauge", (), "Requests that are being answered.")
SHED: Final = Family("aggregator_shed_requests", "counter", (),
    "Requests refused because of `server.limits`.")  # fmt: skip
PRESSURE: Final = Family("aggregator_pressure", "gauge", (),
    "Degradation: 0 none, 1 no hedges, retries and shadows, 2 no optional parts either.")  # fmt: skip
RELOADS: Final = Family("aggregator_reloads", "counter", ("result",),
    "Configurations that were read anew, by result: applied or refused.")  # fmt: skip
GENERATION: Final = Family("aggregator_config_generation", "gauge", (), "How many configurations have been served.")
LOADED: Final = Family("aggregator_config_loaded_timestamp_seconds", "gauge", (),
    "When the served configuration was loaded.")  # fmt: skip
REFUSED: Final = Family("aggregator_config_refused", "gauge", (),
    "1 while the saved configuration is one that was refused.")  # fmt: skip
CONFIG: Final = Family("aggregator_config", "info", ("digest",), "The served configuration.")
BUILD: Final = Family("aggregator_build", "info", ("version", "python"), "The running program.")
LOST_LINES: Final = Family("aggregator_lost_log_lines", "counter", (),
    "Lines of the log that nobody took in time.")  # fmt: skip
LAG: Final = Family("aggregator_event_loop_lag_seconds", "gauge", (),
    "The longest delay of the event loop in the last 15 to 30 seconds.")  # fmt: skip
CPU: Final = Family("process_cpu_seconds", "counter", (), "Processor time of this process.")
MEMORY: Final = Family("process_resident_memory_bytes", "gauge", (), "Resident memory of this process.")
OPEN_FILES: Final = Family("process_open_fds", "gauge", (), "Open file descriptors of this process.")
MAX_FILES: Final = Family("process_max_fds", "gauge", (), "File descriptors that this process may open.")
STARTED: Final = Family("process_start_time_seconds", "gauge", (), "When this process was started.")

FAMILIES: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Family))
"""All metrics, in the order in which they are written."""
