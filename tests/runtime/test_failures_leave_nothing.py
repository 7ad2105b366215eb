"""What a failure leaves behind: a failing call must not keep the collector busy while a good one does not."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from http import HTTPStatus
from types import FrameType, TracebackType

import httpx
import pytest

from aggregator.errors import CallError, Cause
from aggregator.http import phrase
from aggregator.runtime.threads import Threads

TEXT = """
endpoints:
  GET /body: {call: a:/malformed}
  GET /status: {call: a:/fails}
  GET /expression: {call: {url: "a:/good", headers: {x-n: "{{ headers.x | required }}"}}}
"""
REPLIES = {"/malformed": (200, b'{"id":1;'), "/fails": (500, b"{}"), "/good": (200, b"{}")}


@pytest.mark.parametrize("path", ["/body", "/status", "/expression"])
def test_no_frame_is_left_to_the_collector(serve, path):
    """An error that is kept lets go of the frames that it went through, which hold the whole request."""
    kind = {"content-type": "application/json"}
    replies = {at: httpx.Response(status, content=body, headers=kind) for at, (status, body) in REPLIES.items()}
    gateway = serve(TEXT, replies)
    assert gateway.get(path).status_code >= 400
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            gateway.get(path)
        gc.collect()
        left = [one for one in gc.garbage if isinstance(one, FrameType | TracebackType)]
        ours = [one for one in left if isinstance(one, FrameType) and "/aggregator/runtime/" in one.f_code.co_filename]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not ours


def test_what_a_thread_failed_at_dies_there():
    """A failure that leaves a thread holds no value of it: to free a long one would keep the loop."""
    worked, died = [], []

    def work(_):
        value = frozenset({1})
        weakref.finalize(value, lambda: died.append(threading.get_ident()))
        worked.append(threading.get_ident())
        try:
            raise ValueError(1)
        except ValueError:
            raise CallError(Cause.MALFORMED, "It is malformed.") from None

    async def failed_in(threads):
        return await threads.run(work, None)

    threads = Threads(1)
    _, error = asyncio.run(failed_in(threads))
    threads.close()
    assert isinstance(error, CallError)
    assert died == worked


def test_every_status_has_its_phrase():
    """The table of phrases is that of the standard library; unknown ones are called by their class."""
    assert all(phrase(int(status)) == status.phrase for status in HTTPStatus)
    assert (phrase(499), phrase(599), phrase(299)) == ("Client Error", "Server Error", "Status")
