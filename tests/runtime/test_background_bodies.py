"""The answer to a background call is judged by its status; nobody reads its body unless the file says so."""

from __future__ import annotations

import httpx
import pytest


def failures(serve, reply, options=""):
    """Return how many background calls failed when the sink answers *reply*."""
    gateway = serve(
        f"endpoints: {{GET /x: {{call: a:/x, background: [{{url: POST b:/events, json: 1{options}}}]}}}}",
        {"/x": 1, "/events": reply},
    )
    gateway.get("/x")
    gateway.close()
    assert len(gateway.upstream.lines) == 2
    return gateway.app.running.queue.counts.failed


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "image/png"])
def test_a_sink_may_answer_anything(serve, content_type):
    """Thanks in HTML, or JSON that is none, do not make a delivered event a lost one."""
    reply = httpx.Response(200, content=b"<thanks/>", headers={"content-type": content_type})
    assert failures(serve, reply) == 0


def test_a_sink_that_refuses_has_failed(serve):
    """A status that is no success is a failure."""
    assert failures(serve, httpx.Response(500)) == 1


def test_a_sink_can_be_judged_by_its_body(serve):
    """Where the file looks into the body, it has to be readable and right."""
    judged = ", success: {when: '{{ this.body.ok }}'}"
    assert failures(serve, httpx.Response(200, json={"ok": False}), judged) == 1
    assert failures(serve, httpx.Response(200, json={"ok": True}), judged) == 0
    assert failures(serve, httpx.Response(200, text="<html>", headers={"content-type": "text/html"}), judged) == 1
