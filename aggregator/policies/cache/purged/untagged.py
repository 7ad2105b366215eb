"""Replies and answers of which a tag could not be made. A purge would miss them, so they are not kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.cache")


def tell_untagged(error: AggregatorError, exchange: Exchange, part: str | None = None) -> None:
    """Log that a tag could not be made by *error*, of the call *part* or else of the answer to *exchange*."""
    told = {} if part is None else {"part": part}
    log(_log, logging.WARNING, "A tag could not be made, so nothing is kept.", reason=str(error), **told,
        path=exchange.path, request_id=exchange.id)  # fmt: skip


def have_all_tags(results: Iterable[Result]) -> bool:
    """Return whether each call in *results* has the tags by which a purge would find it."""
    return not any(one.lacks_tags for result in results for one in result.rests_on())
