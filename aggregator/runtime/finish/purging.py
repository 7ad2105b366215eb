"""What the success of an endpoint makes old: its tags are purged before its answer leaves, and other processes told."""

from __future__ import annotations

import logging

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.cache.purged.naming import tags_of
from aggregator.policies.cache.shared.purge import Purge
from aggregator.policies.cache.shared.purges import Purges
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.parts.fanout import Run
from aggregator.telemetry.logging import log
from aggregator.templates import Template

_log = logging.getLogger("aggregator.cache")


class Purging:
    """Forgets by *purges* what has one of *tags*."""

    __slots__ = ("_purges", "_tags")

    def __init__(self, tags: tuple[Template, ...], purges: Purges) -> None:
        self._tags = tags
        self._purges = purges

    def __call__(self, answer: Answer, run: Run | None) -> None:
        """Purge after a success, which is a status below 400."""
        if run is None or run.failure is not None or answer.status >= 400:
            return
        exchange = run.frame.exchange
        tags = tuple(tag for tag in (self._made(tag, run.frame.names, exchange) for tag in self._tags) if tag)
        if tags:
            self._purges.do(Purge("tag", tags))

    def _made(self, tag: Template, names: Names, exchange: Exchange) -> str:
        try:
            return tags_of([tag], names)[0]
        except AggregatorError as error:
            log(_log, logging.WARNING, "A tag to be purged could not be made.", reason=str(error),
                path=exchange.path, request_id=exchange.id)  # fmt: skip
            return ""
