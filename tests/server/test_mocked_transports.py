"""What a test's transport raises by mistake: told by the test that made it, and by the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from aggregator import create_app

FILE = """\
version: 1
upstreams: {u: {url: "http://u.test"}}
endpoints:
  GET /one: {call: u:/one}
  GET /maybe: {fan_out: {a: {url: u:/one, optional: true}, b: {url: u:/two, optional: true}}}
  GET /stream: {stream: true, call: u:/one}
  POST /later: {respond: {body: ok}, background: {method: POST, url: u:/one, json: 1}}
"""
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def client(tmp_path: Path) -> Callable[[Handler], TestClient]:
    """Makes clients of the application whose upstreams are a function."""
    (tmp_path / "routes.yaml").write_text(FILE)
    return lambda handler: TestClient(create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(handler)))


def wrong(request: httpx.Request) -> httpx.Response:
    """A mock with a mistake in it."""
    raise KeyError(request.url.path)


@pytest.mark.parametrize("path", ["/one", "/stream"])
def test_a_mistake_in_a_mock_is_raised(client: Callable[[Handler], TestClient], path: str) -> None:
    """The request that met it raises what the mock raised, with the call in a note."""
    with client(wrong) as api, pytest.raises(KeyError) as raised:
        api.get(path)
    assert raised.value.__notes__ == ["The mocked transport raised it for GET http://u.test/one"]


def test_mistakes_behind_defaults_are_raised_together(client: Callable[[Handler], TestClient]) -> None:
    """Parts that may be absent hide nothing: the group has one error for each."""
    with client(wrong) as api, pytest.raises(ExceptionGroup) as raised:
        api.get("/maybe")
    assert sorted(str(error) for error in raised.value.exceptions) == ["'/one'", "'/two'"]


def test_mistakes_of_background_calls_are_raised_at_the_end(client: Callable[[Handler], TestClient]) -> None:
    """Leaving the ``with`` block finishes background calls, and tells what their mock raised."""
    api = client(wrong)
    api.__enter__()
    assert api.post("/later").status_code == 200
    with pytest.raises(KeyError):
        api.__exit__(None, None, None)


def test_a_pattern_that_is_missing_is_raised(client: Callable[[Handler], TestClient]) -> None:
    """What respx says of an unmatched call reaches the test."""
    with client(respx.Router().handler) as api, pytest.raises(AssertionError, match="not mocked"):
        api.get("/one")


@pytest.mark.parametrize("error", [httpx.ConnectError("down"), httpx.ReadTimeout("late"), ConnectionResetError()])
def test_failures_on_purpose_are_answered(client: Callable[[Handler], TestClient], error: Exception) -> None:
    """What httpx and sockets raise is a failure of the upstream, in tests too."""

    def failing(request: httpx.Request) -> httpx.Response:
        raise error

    with client(failing) as api:
        assert api.get("/one").status_code in (502, 504)


def test_the_log_names_what_a_transport_raised(
    client: Callable[[Handler], TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    """The kind and the place, without what it says."""
    with client(wrong) as api, pytest.raises(KeyError):
        api.get("/one")
    (record,) = (record for record in caplog.records if record.name == "aggregator.request")
    assert "KeyError in wrong, test_mocked_transports.py:" in str(record.__dict__)
