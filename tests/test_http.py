"""One idea of what is JSON: a body of the client, a reply, an answer and the terminal agree."""

from __future__ import annotations

import pytest

from aggregator.cli.reply_text import _is_json as shows_json
from aggregator.codecs.registry import codec_for
from aggregator.http import essence, is_json

KINDS = [
    ("application/json", True),
    ("Application/JSON; charset=utf-8", True),
    ("text/json", True),
    ("application/problem+json", True),
    ("model/gltf+json", True),
    ("text/plain", False),
    ("application/x-ndjson", False),
    ("text/jsonp", False),
]


@pytest.mark.parametrize(("kind", "expected"), KINDS)
def test_what_is_json_is_said_once(kind: str, expected: bool) -> None:
    """The vocabulary, the reader of replies and the terminal call the same media types JSON."""
    assert is_json(essence(kind)) is expected
    assert shows_json([("content-type", kind)]) is expected
    read = codec_for(kind.encode()).name if kind != "text/jsonp" else ""
    assert (read == "json") is expected
