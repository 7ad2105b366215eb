"""What an upstream really said, and who may read it: callers that send the secret of ``server.debug``."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.parts.result import Result
from aggregator.plan.serving import ServerPlan

Discloses = Callable[[Exchange], bool]
_MOST_OF_A_BODY = 4096


def compile_disclosure(server: ServerPlan) -> Discloses:
    """Return the function that says whether details may be told to whom sent a request; to nobody unless declared."""
    header, secret = server.debug_header, server.debug_secret
    if not header or not secret:
        return _never

    def discloses(exchange: Exchange) -> bool:
        sent = first(exchange.header_list, header) or b""
        return hmac.compare_digest(sent, secret)

    return discloses


def _never(_: Exchange) -> bool:
    return False


def details(result: Result) -> dict[str, Any]:
    """Return what the upstream of *result* sent: headers, the beginning of the body, the rule of HTTP that it broke."""
    fault = None if result.error is None else result.error.fault
    return {
        **({} if fault is None else {"fault": fault}),
        "upstream_headers": result.header_map(),
        "upstream_body": result.raw[:_MOST_OF_A_BODY].decode("utf-8", "replace"),
    }
