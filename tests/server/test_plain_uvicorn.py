"""The application in uvicorn as it comes: no protocol of ours, both of its parsers, the same behaviour where it matters."""

from __future__ import annotations

import socket
import threading

import pytest
import uvicorn

from aggregator.errors import ConfigError
from aggregator.server.application.app import create_app

ROUTES = """
version: 1
upstreams: {{up: {{url: "{url}"}}}}
endpoints:
  GET /users/{{id}}: {{call: "up:/users/{{id}}"}}
  GET /held: {{timeout: 120s, call: up:/held}}
  GET /streamed: {{stream: true, call: up:/users/1}}
  POST /read: {{max_body: 10B, body: {{}}, respond: {{body: "{{{{ body }}}}"}}}}
"""


@pytest.fixture(params=["h11", "httptools"])
def served(request, stage):
    """An upstream, and the port of a plain uvicorn that serves the application."""
    upstream = stage.upstream()
    upstream.answers = {"/users/1": stage.reply({"id": 1}), "/held": [stage.HANG]}
    path = stage.folder / "routes.yaml"
    path.write_text(ROUTES.format(url=upstream.url))
    app = create_app(path)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, http=request.param, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    stage.until(lambda: server.started)
    yield upstream, listener.getsockname()[1], app
    server.should_exit = True
    thread.join()


def test_it_serves(served, stage):
    """Calls, streams, HEAD, refusals and probes, on one connection."""
    _, port, _ = served
    with stage.wire(port) as wire:
        assert wire.ask("GET", "/users/1").json == {"id": 1}
        assert wire.ask("HEAD", "/users/1")["content-length"] == "9"
        assert wire.ask("GET", "/streamed").body == b'{"id": 1}'
        assert wire.ask("GET", "/users/2").status == 404
        assert wire.ask("GET", "/users/%2e%2e").status == 400
        assert wire.ask("PUT", "/users/1").status == 405
        assert wire.ask("POST", "/read", "content-type: application/json", body=b"[1]").json == [1]
        assert wire.ask("GET", "/readyz").status == 200
        assert wire.ask("POST", "/read", "content-type: application/json", body=b"[1, 2, 3, 4]").status == 413


def test_hang_ups_end_calls(served, stage):
    """Here too, long before their deadline."""
    upstream, port, app = served
    with stage.wire(port) as wire:
        wire.write("GET", "/held")
        stage.until(lambda: upstream.requests)
    stage.until(lambda: upstream.hung_up == 1)
    stage.until(lambda: app.running.generation.in_flight == 0)


@pytest.mark.parametrize("name", ["aggregator:create_app", "aggregator.server.app:create_app"])
def test_the_application_is_named_as_a_factory(name, stage, monkeypatch):
    """``uvicorn --factory aggregator:create_app`` serves the file that ``AGGREGATOR_CONFIG`` names."""
    path = stage.folder / "named.yaml"
    path.write_text("version: 1\nendpoints: {GET /a: {respond: {body: {named: true}}}}\n")
    monkeypatch.setenv("AGGREGATOR_CONFIG", str(path))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(name, factory=True, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        stage.until(lambda: server.started)
        with stage.wire(listener.getsockname()[1]) as wire:
            assert wire.ask("GET", "/a").json == {"named": True}
    finally:
        server.should_exit = True
        thread.join()


def test_a_factory_without_a_variable_takes_the_usual_file(stage, monkeypatch):
    """Without the variable, or with an empty one, it is ``routes.yaml`` of the current folder."""
    (stage.folder / "routes.yaml").write_text("version: 1\nendpoints: {GET /usual: {respond: {body: 1}}}\n")
    monkeypatch.chdir(stage.folder)
    for env in ({}, {"AGGREGATOR_CONFIG": ""}):
        assert [plan.key for plan in create_app(env=env).running.plan.endpoints] == ["GET /usual"]


def test_a_wrong_file_ends_a_process_that_named_a_factory(stage, monkeypatch):
    """What the process leaves behind is the report of the file, where another exception would be a traceback."""
    (stage.folder / "wrong.yaml").write_text("version: 1\nendpoints: {GET /a: {cal: 1}}\n")
    monkeypatch.chdir(stage.folder)
    with pytest.raises(SystemExit) as ended:
        create_app(env={"AGGREGATOR_CONFIG": "wrong.yaml"})
    assert isinstance(ended.value, ConfigError)
    assert str(ended.value.code).startswith("wrong.yaml:2:22 error[unknown-key] unknown key `cal`\n  |\n2 |")
    with pytest.raises(ConfigError) as refused:
        create_app("wrong.yaml")
    assert not isinstance(refused.value, SystemExit)
