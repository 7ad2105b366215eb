"""A caller who has no way to an upstream when a request is to be sent: a failure of the call, as any other."""

from __future__ import annotations

import pytest

from aggregator.errors import CallError, Cause
from aggregator.runtime.calls.sending import Sender


@pytest.mark.parametrize("call", [
    "call: {url: a:/x, redirects: 1}",
    "call: {url: a:/x, retry: 2}",
    "fan_out: {x: {url: a:/x, redirects: 1, optional: true, default: 7}}",
])  # fmt: skip
def test_who_has_no_way_any_more_is_told(rig, monkeypatch, call):
    """Where a redirect or a retry has to find the way anew, the answer tells the cause, or has the default."""
    one = rig(call).start()

    def nowhere(*_: object) -> None:
        raise CallError(Cause.CREDENTIALS, "The caller has no token.")

    monkeypatch.setattr(Sender, "door", nowhere)
    if "redirects" in call:
        one.sent[0].answer(None, 302, location="/y")
    else:
        one.sent[0].answer(None, 503)
    one.loop.advance(1.0)
    assert len(one.sent) == 1
    assert one.body == {"x": 7} if "default" in call else one.body["cause"] == "credentials"
