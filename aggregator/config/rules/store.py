"""The store: a library that speaks to it, and settings that have an effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.model.store import StoreSettings
from aggregator.config.rules.literal_secrets import is_literal, secret_finding
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.stores.shared.address import store_address

_PASSWORD = re.compile(r"://[^/@]*:[^/@]+@")


def check_store(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about a store without its library, a readable password, and settings of memory without effect."""
    written = value_at(around.written, ("store",))
    if written is None:
        return
    settings = around.settings.store
    at: Steps = ("store",) if isinstance(written, str) else ("store", "url")
    if store_address(settings.url).kind != "memory":
        if find_spec("redis") is None:
            hint = "install it: pip install 'aggregator-server[redis]'"
            yield Finding("missing-package", "this store needs the package redis", at, hint)
        text = value_at(around.written, at)
        if is_literal(text) and _PASSWORD.search(str(text)):
            yield secret_finding(at, "store_url")
        yield from _check_tls(settings)
        return
    idle = ("prefix", "tls") if around.settings.server.workers.count != 1 else ("timeout", "prefix", "tls")
    for name in idle:
        if name in settings.model_fields_set:
            hint = "remove it, or name a server in `url`"
            lacks = (("store", "url"), ("server", "workers", "count"))
            yield Finding(
                "no-effect", f"`{name}` has no effect on memory", ("store", name), hint, at_key=True, lacks=lacks
            )


def _check_tls(settings: StoreSettings) -> Iterator[Finding]:
    """Yield what of `tls` has no effect, or lacks something."""
    tls, address = settings.tls, store_address(settings.url)
    if tls is None:
        return
    if not address.tls:
        hint = "remove it" if address.kind == "socket" else "write `rediss` in place of `redis` in `url`, or remove it"
        yield Finding("no-effect", "`tls` has no effect on a store in the clear", ("store", "tls"), hint, at_key=True)
    if tls.key is not None and tls.cert is None:
        yield Finding("tls", "a key needs its certificate", ("store", "tls", "key"), "add `cert`", at_key=True,
                      lacks=(("store", "tls", "cert"),))  # fmt: skip
