"""What an operator reads when a server starts, reloads, or does not start."""

from __future__ import annotations

import io
import json
import re
import threading

import pytest

from aggregator.diagnostics import Diagnostic, Position
from aggregator.errors import ConfigError, ServingError, StartupError
from aggregator.server.generations.plan_source import FixedSource, PlanFiles
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.listeners.tcp import bind
from aggregator.server.process import starting
from aggregator.server.process.announcing import announcer, welcome
from aggregator.server.process.serving import Service

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
            if services and services[-1].server.started:
                services[-1].stop()
            thread.join(0.02)
        return codes[0]

    return start


@pytest.mark.long
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
    """A plug-in that cannot be imported: one line, and 3; nobody is greeted by a server that cannot answer."""
    path.write_text(
        ROUTES.replace('call: "up:/users/{id}"', 'call: {url: "up:/", transform: "gone_plugin:f"}')
        + "plugins: [gone_plugin]"
    )
    assert start("routes.yaml", None, None) == 3
    text = capsys.readouterr().err
    assert text.splitlines()[-1].startswith("error: The plug-in 'gone_plugin' cannot be imported")
    assert "http://127.0.0.1" not in text


def test_reloads_are_told(path):
    """A refusal is printed with its report; a change is left to the log."""
    stream = io.StringIO()
    told = announcer("text", "routes.yaml", PlanFiles(path), stream)
    told.tell(ReloadOutcome(Verdict.SWAPPED, 2))
    assert stream.getvalue() == ""
    told.tell(ReloadOutcome(Verdict.REFUSED, 2, report="routes.yaml:1:1 …"))
    assert stream.getvalue() == "routes.yaml changed and was refused; generation 2 stays.\nroutes.yaml:1:1 …\n"


@pytest.mark.parametrize(("value", "coloured"), [("", True), ("1", False)])
def test_no_colour_where_none_is_wanted(path, monkeypatch, value, coloured):
    """Problems on a terminal are in colour, unless NO_COLOR is set to anything."""

    class Screen(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", value)
    stream, files = Screen(), PlanFiles(path)
    files.load()
    announcer("text", "routes.yaml", files, stream).warn()
    assert "unused" in stream.getvalue()
    assert ("\x1b" in stream.getvalue()) is coloured


def test_new_warnings_are_told_after_a_reload(path):
    """What a saved file is warned of is shown once, not at every save, and again when it is something else."""
    stream, files = io.StringIO(), PlanFiles(path)
    told = announcer("text", "routes.yaml", files, stream)

    def saved(text):
        stream.seek(stream.truncate(0))
        path.write_text(text)
        files.load()
        told.tell(ReloadOutcome(Verdict.SWAPPED, 2))
        return stream.getvalue()

    assert "routes.yaml:4:42 warning[unused]" in saved(ROUTES)
    assert saved(ROUTES + "#") == ""
    assert saved(ROUTES.replace(', unused: {url: "http://unused.test"}', "")) == ""
    assert "warning[unused]" in saved(ROUTES)


def test_reloads_go_on_when_nobody_reads(path):
    """A terminal that is gone, or a reader that has left, ends no reloading."""

    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    announcer("text", str(path), PlanFiles(path), Closed()).tell(ReloadOutcome(Verdict.REFUSED, 1, report="wrong"))


def records(capsys):
    """The lines on stderr, each of which is one JSON object."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.long
@pytest.mark.parametrize("by", ["option", "file"])
def test_with_json_the_greeting_is_a_record(path, start, capsys, by):
    """Warnings first, then what is served and where; nothing but records stands on stderr."""
    if by == "file":
        text = ROUTES.replace("port: 0,", "port: 0, admin: '127.0.0.1:0',")
        path.write_text(f"{text}telemetry: {{log: {{format: json}}}}\n")
    assert start("routes.yaml", None, None, log_format="json" if by == "option" else None) == 0
    wanted = ("The configuration has a warning.", "The server listens.")  # a busy machine has more to tell in between
    warning, greeting = (one for one in records(capsys) if one["message"] in wanted)
    assert (warning["level"], warning["message"]) == ("warning", "The configuration has a warning.")
    assert (warning["at"], warning["code"]) == ("routes.yaml:4:42", "unused")
    assert (greeting["level"], greeting["message"]) == ("info", "The server listens.")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", greeting["address"])
    assert bool(re.fullmatch(r"http://127\.0\.0\.1:\d+", greeting.get("admin", ""))) is (by == "file")
    assert "redirect" not in greeting
    assert (greeting["file"], greeting["endpoints"], greeting["upstreams"]) == ("routes.yaml", 1, 2)


def test_with_json_each_problem_is_a_record(path, start, capsys):
    """A file that is not served: its problems with place and hint, and that it was not."""
    path.write_text(ROUTES.replace("endpoints:", "endpoint:").replace("shutdown_grace: 100ms", "shutdown_grace: 1y"))
    assert start("routes.yaml", None, None, log_format="json") == 1
    *problems, end = records(capsys)
    assert {one["message"] for one in problems} == {"The configuration has an error."}
    assert [one["at"] for one in problems] == ["routes.yaml:3:35", "routes.yaml:5:1"]
    assert problems[1]["hint"] == "did you mean `endpoints`?"
    assert end["message"] == "The server could not start."


def test_with_json_what_is_missing_is_a_record(path, start, capsys):
    """A port that is taken: one record, and 3."""
    with bind("127.0.0.1", 0) as taken:
        assert start("routes.yaml", "127.0.0.1", taken.getsockname()[1], log_format="json") == 3
    assert "the port is taken" in records(capsys)[-1]["reason"]


@pytest.mark.parametrize(("error", "said"), [
    (StartupError, "The server could not start."), (ServingError, "The server could not go on."),
])  # fmt: skip
def test_with_json_an_end_is_told_apart_from_a_start(path, caplog, error, said):
    """A server that has served is not said to have failed to start."""
    announcer("json", "routes.yaml", PlanFiles(path), io.StringIO()).fail(error("why"))
    assert [(one.message, one.fields) for one in caplog.records] == [(said, {"reason": "why"})]


def test_with_json_the_problems_of_a_refused_file_are_records(path, caplog):
    """As `check` shows them; the report for a terminal is not printed."""
    stream, files = io.StringIO(), PlanFiles(path)
    path.write_text("version: 1\nendpoints: 1")
    with pytest.raises(ConfigError) as error:
        files.load()
    outcome = ReloadOutcome(Verdict.REFUSED, 2, report="text", diagnostics=error.value.diagnostics)
    announcer("json", "routes.yaml", files, stream).tell(outcome)
    assert stream.getvalue() == ""
    assert [(one.levelname, one.message, one.fields["code"]) for one in caplog.records] == [
        ("ERROR", "The configuration has an error.", "wrong-type")
    ]


def test_with_json_a_flood_of_problems_says_how_many_are_left(path, caplog):
    """A hundred are told one by one; that there are more is told, too."""
    problem = Diagnostic("code", "error", "wrong", Position("routes.yaml", 1, 1, 2))
    told = announcer("json", "routes.yaml", PlanFiles(path), io.StringIO())
    told.refuse(ConfigError([problem] * 150))
    assert len(caplog.records) == 102
    assert caplog.records[0].fields == {"at": "routes.yaml:1:1", "code": "code", "problem": "wrong"}
    assert caplog.records[100].fields == {"more": 50}
    assert caplog.records[101].message == "The server could not start."
    caplog.clear()
    told.refuse(ConfigError([problem] * 100))
    assert (len(caplog.records), caplog.records[99].fields["code"]) == (101, "code")


@pytest.mark.long
def test_the_option_wins_over_the_file(path, start, capsys):
    """`--log-format text` is for people, whatever the file says."""
    path.write_text(f"{ROUTES}telemetry: {{log: {{format: json}}}}\n")
    assert start("routes.yaml", None, None, log_format="text") == 0
    assert "routes.yaml  1 endpoint" in capsys.readouterr().err


@pytest.mark.parametrize(("count", "more"), [(12, ""), (13, "  … and 1 more; `aggregator routes` lists them\n")])
def test_many_endpoints_are_not_all_listed(path, count, more):
    """A dozen is enough for a greeting."""
    extra = "".join(f"  GET /e{number:02}: {{respond: {{body: 1}}}}\n" for number in range(1, count))
    path.write_text(ROUTES + extra)
    listed = "".join(f"  GET /e{number:02}         = 200\n" for number in range(1, 12))
    assert welcome("routes.yaml", PlanFiles(path).load(), {"http://[::1]:8000": "public", "unix:/s": "admin"}) == (
        f"routes.yaml  {count} endpoints · 2 upstreams · 1 background call\n"
        "  GET /users/{id}  → up + POST up:/events\n"
        f"{listed}{more}"
        "  http://[::1]:8000   docs /docs\n"
        "  unix:/s   administration"
    )


def test_the_others_are_listed_of_the_file_that_is_served(path):
    """The command in the greeting can be typed as it stands, also for a file with another name."""
    path.write_text(ROUTES + "".join(f"  GET /e{number:02}: {{respond: {{body: 1}}}}\n" for number in range(1, 13)))
    text = welcome("my shop.yaml", PlanFiles(path).load(), {"http://[::1]:8000": "public"})
    assert "\n  … and 1 more; `aggregator routes 'my shop.yaml'` lists them\n" in text


def test_a_greeting_counts_in_words(path):
    """One is one; without documentation nothing is said of it."""
    path.write_text("version: 1\nserver: {docs: false}\nendpoints: {GET /n: {respond: {body: 1}}}\n")
    text = welcome("routes.yaml", PlanFiles(path).load(), {"http://[::1]:8000": "public"})
    assert text == "routes.yaml  1 endpoint · 0 upstreams\n  GET /n  = 200\n  http://[::1]:8000"


def test_a_configuration_that_was_loaded_before_stays(path):
    """It can be served as often as one likes, and never changes."""
    from aggregator.config.loading import load_config

    source = FixedSource(load_config(path))
    assert source.load() is source.load()
    assert source.folder == path.parent
    assert source.describe(ConfigError([])) == "no problem in the configuration"
