"""What an operator reads when a server starts, reloads, or does not start."""

from __future__ import annotations

import io
import threading

import pytest

from aggregator.server import starting
from aggregator.server.listening import bind
from aggregator.server.plan_source import FixedSource, PlanFiles
from aggregator.server.reload import ReloadOutcome, Verdict
from aggregator.server.serving import Service

ROUTES = """
version: 1
server: {port: 0, shutdown_grace: 100ms}
upstreams: {up: {url: "http://up.test"}, unused: {url: "http://unused.test"}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}", background: {method: POST, url: up:/events, json: {}}}
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file, in the folder where the command is run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return tmp_path / "routes.yaml"


@pytest.fixture
def start(monkeypatch):
    """Runs `start` in a thread, and stops the server as soon as it serves; gives the exit code."""
    services = []
    run = Service.run

    def remember(service):
        services.append(service)
        return run(service)

    monkeypatch.setattr(Service, "run", remember)

    def start(*arguments, **options):
        options = {"watch": False, "log_format": None, "log_level": "info", **options}
        codes = []
        thread = threading.Thread(target=lambda: codes.append(starting.start(*arguments, **options)))
        thread.start()
        while thread.is_alive():
            if services and services[-1]._server.started:
                services[-1].stop()
            thread.join(0.02)
        return codes[0]

    return start


def test_the_greeting(path, start, capsys):
    """What is served, what calls what, where, with warnings first; stopped by a signal, the code is 0."""
    assert start("routes.yaml", None, None) == 0
    text = capsys.readouterr().err
    assert "unused" in text
    assert "routes.yaml  1 endpoint · 2 upstreams · 1 background call\n  GET /users/{id}" in text
    assert "  http://127.0.0.1:" in text
    assert "   docs /docs\n" in text


def test_the_options_win(path, start, capsys):
    """Host and port of the command line are taken in place of those of the file."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert start("routes.yaml", "127.0.0.1", port) == 3
    assert f"error: Cannot listen on 127.0.0.1:{port}: the port is taken" in capsys.readouterr().err


def test_a_bad_file(path, start, capsys):
    """Its problems, and 1."""
    path.write_text("version: 1\nendpoints: 1")
    assert start("routes.yaml", None, None) == 1
    assert "routes.yaml:2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_no_file(path, start, capsys, name):
    """One clear message, and 1."""
    assert start(name, None, None) == 1
    assert name in capsys.readouterr().err


def test_what_is_missing_is_told(path, start, capsys):
    """A plug-in that cannot be imported: one line, and 3."""
    path.write_text(
        ROUTES.replace('call: "up:/users/{id}"', 'call: {url: "up:/", transform: "gone_plugin:f"}')
        + "plugins: [gone_plugin]"
    )
    assert start("routes.yaml", None, None) == 3
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: The plug-in 'gone_plugin' cannot be imported")


def test_reloads_are_told(path):
    """A refusal is printed with its report; a change is left to the log."""
    stream = io.StringIO()
    starting.tell(ReloadOutcome(Verdict.SWAPPED, 2), "routes.yaml", stream)
    assert stream.getvalue() == ""
    starting.tell(ReloadOutcome(Verdict.REFUSED, 2, report="routes.yaml:1:1 …"), "routes.yaml", stream)
    assert stream.getvalue() == "routes.yaml changed and was refused; generation 2 stays.\nroutes.yaml:1:1 …\n"


def test_reloads_go_on_when_nobody_reads(path):
    """A terminal that is gone, or a reader that has left, ends no reloading."""

    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    starting.tell(ReloadOutcome(Verdict.REFUSED, 1, report="wrong"), str(path), Closed())


def test_many_endpoints_are_not_all_listed(path):
    """A dozen is enough for a greeting."""
    more = "".join(f"  GET /e{number}: {{respond: {{body: 1}}}}\n" for number in range(20))
    path.write_text(ROUTES + more)
    text = starting.welcome("routes.yaml", PlanFiles(path).load(), "http://[::1]:8000")
    assert "… and 9 more; `aggregator routes` lists them" in text
    assert starting._host("::1") == "[::1]"


def test_a_configuration_that_was_loaded_before_stays(path):
    """It can be served as often as one likes, and never changes."""
    from aggregator.config.loading import load_config
    from aggregator.errors import ConfigError

    source = FixedSource(load_config(path))
    assert source.load() is source.load()
    assert source.folder == path.parent
    assert source.describe(ConfigError([])) == "no problem in the configuration"
