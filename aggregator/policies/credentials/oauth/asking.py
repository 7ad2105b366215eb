"""The request for a token, through the shared client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

import httpx

from aggregator.errors import CallError, Cause
from aggregator.policies.credentials.oauth.granting import LARGEST, Granted, NotGranted, read_answer
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.transport.httpx.failures import failure_of

Client = Callable[[], httpx.AsyncClient]
LONGEST = 10.0
"""Seconds that a request for a token may take, whoever waits for it."""
_SWALLOWED = frozenset({Cause.RESET, Cause.INCOMPLETE})


async def ask_for_token(
    client: Client, plan: OauthPlan, refresh_token: str | None = None, subject_token: str | None = None
) -> Granted:
    """Return what the token endpoint of *plan* grants; raises ``NotGranted``.

    A connection that dies under the request is no answer, so it is sent once more, unless it holds a *refresh_token*,
    which the server may take for stolen when it comes twice (RFC 9700 §4.14.2).
    """
    secrets = {
        "refresh_token": refresh_token,
        "subject_token": subject_token,
        "client_secret": None if plan.client_secret is None else plan.client_secret.value,
    }
    form = urlencode([*plan.form, *((name, value) for name, value in secrets.items() if value is not None)])
    try:
        async with asyncio.timeout(LONGEST):
            try:
                return await _ask(client(), plan, form)
            except CallError as error:
                if error.cause not in _SWALLOWED or refresh_token is not None:
                    raise
            return await _ask(client(), plan, form)
    except CallError as error:
        raise NotGranted(f"the token endpoint gave no answer: {error.cause}") from None
    except TimeoutError:
        raise NotGranted(f"the token endpoint gave no answer within {LONGEST:g}s") from None


async def _ask(client: httpx.AsyncClient, plan: OauthPlan, form: str) -> Granted:
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    if plan.authorization is not None:
        headers["authorization"] = plan.authorization.value
    try:
        request = client.build_request("POST", plan.token_url, content=form.encode("ascii"), headers=headers)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            return read_answer(response.status_code, await _body(response))
        finally:
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError) as error:
        raise failure_of(error) from None


async def _body(response: httpx.Response) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise NotGranted(f"the answer of the token endpoint is larger than {LARGEST} bytes")
    return body
