"""Tokens that their issuer is asked about (RFC 7662)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import httpx

from aggregator.exchange import Exchange
from aggregator.identity.answers import check_form, judge_answer
from aggregator.identity.caller import Caller
from aggregator.plan.schemes import IntrospectionPlan
from aggregator.runtime.admission.asked.asking import Asking, Unanswered
from aggregator.runtime.admission.asked.fetching import document_of, fetched
from aggregator.runtime.admission.schemes import CLOCKS, Clocks, Later, authorization
from aggregator.stores.rate import Rate


class IntrospectionScheme:
    """Tokens of an issuer that says of each whether it is good."""

    challenge = "Bearer"
    rates: frozenset[Rate] = frozenset()

    def __init__(
        self, plan: IntrospectionPlan, client: Callable[[], httpx.AsyncClient], clocks: Clocks = CLOCKS
    ) -> None:
        self.name = plan.name
        self._plan = plan
        self._client = client
        self._clocks = clocks
        self._asking = Asking(plan.name, plan.cache, plan.timeout, clocks)
        self._authorization = "Basic " + _basic(plan.client_id, plan.client_secret.value)

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return the caller, at once when the token was judged a moment ago; raises ``Refused``."""
        text = authorization(exchange, "bearer")
        check_form(text, self._plan.rules)
        credential = text.encode()
        known = self._asking.known(credential)
        if known is not None:
            return known
        return partial(self._asking.settled, credential, partial(self._ask, text), exchange.deadline)

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller if the token was right a moment ago; raises ``Refused``."""
        text = authorization(exchange, "bearer")
        check_form(text, self._plan.rules)
        return self._asking.known(text.encode())

    async def _ask(self, text: str) -> Caller:
        """Return the caller whose token it is; raises ``Refused`` and ``Unanswered``."""
        try:
            answer = await self._answer(text)
            caller = judge_answer(answer, self.name, self._plan.rules, self._clocks.wall())
            return caller.told_apart(text.encode())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(type(error).__name__) from None
        except ValueError:
            raise Unanswered("its answer is none") from None

    async def _answer(self, text: str) -> Any:
        headers = {"accept": "application/json", "authorization": self._authorization}
        form = {"token": text, "token_type_hint": "access_token"}
        request = self._client().build_request("POST", self._plan.url, headers=headers, data=form)
        status, body = await fetched(self._client(), request)
        if status != 200:  # 401: it is we who are not known
            raise Unanswered(f"it answered with status {status}")
        return document_of(body)


def _basic(name: str, secret: str) -> str:
    """Return name and secret as RFC 6749 §2.3.1 wants them: each form-encoded before they are joined."""
    return b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()
