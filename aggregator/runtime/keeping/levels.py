"""The second levels of all that is kept: one for each space of the store."""

from __future__ import annotations

from typing import Any

from aggregator.parts.result import Result
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.shared.elements import ELEMENT_CODEC, Element
from aggregator.policies.cache.shared.level import SharedLevel, level_of
from aggregator.policies.cache.shared.replies import REPLY_CODEC
from aggregator.policies.cache.shared.results import RESULT_CODEC
from aggregator.policies.cache.shared.spaces import ANSWERS_SPACE, VALUES_SPACE, elements_space_of, space_of
from aggregator.policies.registry import Draft
from aggregator.runtime.keeping.contract import KeptAnswer
from aggregator.runtime.keeping.written import ANSWER_CODEC
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.transport import Reply


class Levels:
    """The second levels of caches in *store*, held by *states*; each is None where no store is shared."""

    def __init__(self, states: Draft, store: ConnectedStore | None) -> None:
        self._states = states
        self._store = store

    def replies(self, plan: UpstreamPlan, kept: Kept[Reply]) -> SharedLevel[Reply] | None:
        """Return the replies of the upstream of *plan*."""
        return level_of(self._states, kept, self._store, space_of(plan.name), REPLY_CODEC)

    def elements(self, plan: UpstreamPlan, kept: Kept[Any]) -> SharedLevel[Element] | None:
        """Return the elements of batches of the upstream of *plan*, which are kept with its replies."""
        return level_of(self._states, kept, self._store, elements_space_of(plan.name), ELEMENT_CODEC)

    def answers(self, kept: Kept[KeptAnswer]) -> SharedLevel[KeptAnswer] | None:
        """Return the answers of all endpoints."""
        return level_of(self._states, kept, self._store, ANSWERS_SPACE, ANSWER_CODEC)

    def values(self, kept: Kept[Result]) -> SharedLevel[Result] | None:
        """Return the last good values of parts."""
        return level_of(self._states, kept, self._store, VALUES_SPACE, RESULT_CODEC)
