"""A running server whose file changes: whole generations, swapped at once, and nothing of the old one left over."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest
from tiers import other_cell

from aggregator.errors import ConfigError
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import Verdict

ONE = "endpoints: {GET /n: {respond: {body: 1}}}"
TWO = "endpoints: {GET /n: {respond: {body: 2}}, GET /new: {respond: {body: 3}}}"
HOLDING = """
endpoints:
  GET /held: {{timeout: 5s, fan_out: {{a: up:/held, b: "up:/after/{{a.id}}"}}, response: {{body: {{generation: {n}, b: "{{{{ b }}}}"}}}}}}
  GET /n: {{respond: {{body: {n}}}}}
"""


@pytest.fixture
def upstream(stage):
    """An upstream."""
    return stage.upstream()


def test_saving_the_file_changes_the_api(stage):
    """With a watcher, the new endpoints answer soon after the file was written; the reload is told."""
    gateway = stage.gateway(ONE, watch=True)
    assert (gateway.get("/n").json, gateway.get("/new").status) == (1, 404)
    gateway.replace(TWO)
    stage.until(lambda: gateway.get("/new").status == 200)
    assert gateway.get("/n").json == 2
    assert [outcome.verdict for outcome in gateway.reloads] == [Verdict.SWAPPED]
    assert {route.path for route in gateway.app.routes} >= {"/n", "/new"}


def test_the_open_connection_sees_the_new_api(stage):
    """The next request on a connection that was open before is answered by the new generation, by both doors."""
    for door in ("direct", "asgi"):
        gateway = stage.gateway(ONE, door=door)
        wire = gateway.wire()
        assert wire.ask("GET", "/n").json == 1
        gateway.reload(TWO)
        assert (wire.ask("GET", "/n").json, wire.ask("GET", "/new").json) == (2, 3)


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_a_request_ends_as_it_began(stage, upstream, door):
    """One that was started before the swap ends with its own configuration, its later calls included."""
    gate = threading.Event()
    upstream.answers = {"/held": [gate, stage.reply({"id": 7})], "/after/7": stage.reply({"x": 1})}
    gateway = stage.gateway(HOLDING.format(n=1), upstream, door=door)
    wire = gateway.wire().write("GET", "/held")
    stage.until(lambda: upstream.requests)
    old = gateway.app.running.generation
    other = stage.upstream()
    moved = 'upstreams: {up: {url: "' + other.url + '"}}\n' + HOLDING.format(n=2)
    gateway.reload(moved)
    assert gateway.get("/n").json == 2
    assert (old.retired, old.in_flight, len(gateway.app.running.pools)) == (True, 1, 2)
    assert gateway.get("/-/config").json["in_flight"] == gateway.app.running.in_flight == 1
    gate.set()
    assert wire.reply().json == {"generation": 1, "b": {"x": 1}}
    stage.until(lambda: upstream.open == 0)
    assert len(gateway.app.running.pools) == 1
    assert other.requests == []


def test_what_did_not_change_is_kept(stage, upstream):
    """Endpoints that did not change keep their handlers, upstreams that did not change their connections."""
    upstream["/a"] = stage.reply({})
    text = "endpoints:\n  GET /a: {call: up:/a}\n  GET /b: {call: up:/b}\n"
    gateway = stage.gateway(text, upstream)
    gateway.get("/a")
    before = {route.path: route.handler for route in gateway.app.running.generation.routes}
    pool = gateway.app.running.pools[0]
    gateway.reload(text.replace("up:/b", "up:/c"))
    after = {route.path: route.handler for route in gateway.app.running.generation.routes}
    assert after["/a"] is before["/a"]
    assert after["/b"] is not before["/b"]
    assert gateway.app.running.pools == (pool,)
    gateway.get("/a")
    assert upstream.accepted == 1


def test_the_same_text_is_no_change(stage):
    """Saving a file as it was changes nothing and says nothing; who asks by a signal is told so."""
    gateway = stage.gateway(ONE)
    generation = gateway.app.running.generation
    for asked in (False, True):
        assert gateway.reload(ONE, asked=asked).verdict is Verdict.UNCHANGED
        assert gateway.app.running.generation is generation
        assert len(gateway.said("The configuration is the one that is served.")) == asked


def _remove(path):
    path.unlink()


BAD = {
    "wrong": lambda path: path.write_text("version: 1\nendpoints: {GET /n: {respnd: 1}}"),
    "half-written": lambda path: path.write_text(path.read_text()[:-3]),
    "empty": lambda path: path.write_text(""),
    "removed": _remove,
    "a folder": lambda path: (_remove(path), path.mkdir()),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00version: 1"),
    "no YAML": lambda path: path.write_text("version: [1"),
    "a list": lambda path: path.write_text("- 1"),
    "a dangling link": lambda path: (_remove(path), path.symlink_to("/nowhere")),
    "an unset variable": lambda path: path.write_text(
        "version: 1\nendpoints: {GET /n: {respond: {body: '${UNSET_X}'}}}"
    ),
}


@pytest.fixture(scope="module")
def survivor(shared_stage):
    """A server that sees many bad files."""
    return shared_stage.gateway(ONE)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_changes_nothing(survivor, name):
    """The old configuration goes on; the outcome has the diagnostics that `check` prints; a good file helps."""
    gateway = survivor
    generation = gateway.app.running.generation.number
    BAD[name](gateway.path)
    outcome = gateway.reload()
    assert outcome.verdict is Verdict.REFUSED
    assert (gateway.get("/n").json, gateway.get("/readyz").status) == (1, 200)
    assert outcome.diagnostics
    assert outcome.diagnostics[0].code in outcome.report
    state = gateway.get("/readyz?verbose").json
    assert (state["ready"], state["generation"]) == (True, generation)
    assert state["last_refusal"]["problems"][0]["message"] == outcome.diagnostics[0].message
    if gateway.path.is_dir():
        gateway.path.rmdir()
    elif gateway.path.is_symlink():
        gateway.path.unlink()
    assert gateway.reload(TWO).verdict is Verdict.SWAPPED
    assert gateway.get("/-/config").json["last_refusal"] is None
    gateway.reload(ONE)


def test_a_refusal_is_told_once(stage):
    """One save may be noticed twice; the same texts are refused, and told, again only when somebody asks."""
    gateway = stage.gateway(ONE)
    gateway.write("endpoints: {GET /n: {respnd: 1}}")
    verdicts = [gateway.reload(asked=asked).verdict for asked in (False, False, True, False)]
    assert verdicts == [Verdict.REFUSED, Verdict.UNCHANGED, Verdict.REFUSED, Verdict.UNCHANGED]
    assert gateway.get("/-/config").json["last_refusal"]["problems"][0]["message"] == "unknown key `respnd`"
    assert gateway.reload("endpoints: {GET /other: {respnd: 1}}", asked=False).verdict == Verdict.REFUSED
    told = gateway.said("A new configuration was refused; the running one stays.")
    assert len(told) == 3
    assert "unknown key `respnd`" in told[0]["reason"]


def test_a_file_without_endpoints_is_taken_for_half_a_file(stage):
    """A file that is still being written may be right so far; an API is never replaced by nothing."""
    gateway = stage.gateway(ONE)
    outcome = gateway.reload("endpoints: {}")
    assert (outcome.verdict, "no endpoint" in outcome.report) == (Verdict.REFUSED, True)
    assert gateway.get("/n").json == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_changes_nothing(stage):
    """Permissions are a reason like any other."""
    gateway = stage.gateway(ONE)
    gateway.path.chmod(0)
    assert gateway.reload().verdict is Verdict.REFUSED
    gateway.path.chmod(0o600)
    assert gateway.get("/n").json == 1


def test_going_back_to_what_is_served_clears_the_refusal(stage):
    """A bad edit that is undone leaves no complaint, and the log says that it is over, once."""
    gateway = stage.gateway(ONE)
    gateway.reload("endpoints: 1")
    assert gateway.get("/-/config").json["last_refusal"] is not None
    assert gateway.reload(ONE, asked=False).verdict is Verdict.UNCHANGED
    assert gateway.get("/-/config").json["last_refusal"] is None
    gateway.reload(asked=False)
    assert len(gateway.said("The configuration is the one that is served.")) == 1


def test_the_state_can_be_asked(stage):
    """/-/config tells generation, hash and time of the configuration, and what is going on."""
    gateway = stage.gateway(ONE)
    first = gateway.get("/-/config").json
    gateway.reload(TWO)
    second = gateway.get("/-/config").json
    assert (first["generation"], second["generation"], second["endpoints"]) == (1, 2, 2)
    assert first["config"] != second["config"] == gateway.app.running.plan.digest
    assert second["loaded_at"] >= first["loaded_at"]
    assert second["in_flight"] == 0
    gateway.reload(ONE)
    assert gateway.get("/-/config").json["config"] == first["config"]


def test_a_fault_of_the_program_does_not_end_reloading(stage, monkeypatch):
    """Whatever goes wrong is a refusal; the next reload works."""
    gateway = stage.gateway(ONE)
    source = gateway.app.running._source
    with monkeypatch.context() as patch:
        patch.setattr(source, "load", lambda: int("hunter2secret"))
        outcome = gateway.reload()
    assert (outcome.verdict, "ValueError in " in outcome.summary) == (Verdict.REFUSED, True)
    assert (
        "hunter2secret"
        not in f"{outcome} {gateway.get('/-/config').body!r} {gateway.said('A new configuration was refused')}"
    )
    assert gateway.reload(TWO).verdict is Verdict.SWAPPED


def test_a_reload_that_outlives_the_application_leaves_nothing(tmp_path, monkeypatch):
    """Stopped while a reload was under way, the application stays stopped, and what was built is given up."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\n" + ONE)
    app = application(PlanFiles(path))
    running, loaded = app.running, threading.Event()

    async def main():
        await running.open()
        path.write_text('version: 1\nupstreams: {up: {url: "http://127.0.0.1:1"}}\nendpoints: {GET /a: {call: up:/a}}')
        load = running._source.load
        monkeypatch.setattr(running._source, "load", lambda: (load(), loaded.wait(30))[0])
        reload = asyncio.ensure_future(running.reload())
        await asyncio.sleep(0.01)
        await running.close()
        loaded.set()
        outcome = await reload
        await asyncio.sleep(0.01)
        assert (outcome.verdict, running.generation, running.pools) == (Verdict.UNCHANGED, None, ())
        assert (await running.reload()).verdict is Verdict.UNCHANGED

    asyncio.run(main())


def test_what_needs_a_restart_is_said(stage):
    """Settings of the process and of the client that it opened are named in a warning."""
    gateway = stage.gateway("server: {port: 8000}\nclient: {transport: httpx}\n" + ONE)
    gateway.reload("server: {port: 9000, host: 0.0.0.0}\nclient: {limits: {max_connections: 3}}\n" + ONE)
    said = gateway.said("Some settings take effect when the server is restarted.")
    assert [fields["settings"] for fields in said] == [
        ("server.host", "server.port", "client.transport", "client.limits")
    ]


def test_what_needs_a_restart_is_what_the_process_does_not_do(stage):
    """It is said once, again when it is something else, and not when the setting is what the process began with."""
    gateway = stage.gateway("server: {port: 8000}\n" + ONE)
    for port, body in ((9000, 2), (9000, 3), (9001, 3), (8000, 3), (9001, 3)):
        gateway.reload(f"server: {{port: {port}}}\n" + ONE.replace("body: 1", f"body: {body}"))
    said = gateway.said("Some settings take effect when the server is restarted.")
    assert [fields["settings"] for fields in said] == [("server.port",), ("server.port",)]


def test_limits_and_timeouts_change_at_once(stage, upstream):
    """Timeouts of the client and limits of upstreams need no restart."""
    upstream["/a"] = stage.reply({})
    text = "client: {{timeout: {{total: {total}, connect: 1s}}, limits: {{max_connections: {most}}}}}\nendpoints: {{GET /a: {{call: up:/a}}}}"
    gateway = stage.gateway(text.format(total="3s", most=5), upstream)
    gateway.reload(text.format(total="4s", most=6))
    assert gateway.app.state.http_client.timeout.read == 4.0
    stage.until(lambda: [pool.settings.limits.max_connections for pool in gateway.app.running.pools] == [6])
    assert gateway.said("Some settings take effect") == []


@pytest.mark.long
def test_reloads_under_load_lose_no_request(stage, upstream):
    """Clients in a loop, generations in a loop: every answer is 200, and never older than one seen before."""
    upstream["/a"] = stage.reply({"a": 1})
    text = "endpoints: {{GET /n: {{fan_out: {{a: up:/a}}, response: {{body: {{n: {n}, a: '{{{{ a }}}}'}}}}}}}}"
    gateway = stage.gateway(text.format(n=0), upstream)
    done, problems, answered = threading.Event(), [], []

    def client():
        wire, newest = gateway.wire(), 0
        while not done.is_set():
            answer = wire.ask("GET", "/n")
            number = answer.json["n"] if answer.status == 200 else -1
            if number < newest:
                problems.append((answer.status, number, newest))
            newest = number
            answered.append(number)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 101):
        gateway.reload("version: 1\nendpoints: 1" if number % 10 == 0 else text.format(n=number))
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(set(answered)) > 20


@pytest.mark.long
def test_many_reloads_leave_no_connections(stage, upstream):
    """Valid, invalid and moved configurations: sockets and files are as many as before.

    What is left in memory, `test_memory_over_reloads.py` and `benchmarks/soak/reloads.py` look at.
    """
    upstream["/a"] = stage.reply({"a": 1})
    other = stage.upstream()
    other["/a"] = stage.reply({"a": 2})

    def text(number):
        if number % 5 == 0:
            return "endpoints: {GET /n: {respnd: 1}}"
        url = (upstream, other)[number % 2].url
        more = f"  GET /e{number}: {{fan_out: {{x: up:/a, y: {{url: up:/b, optional: true}}}}}}\n"
        return (
            f'upstreams: {{up: {{url: "{url}"}}}}\nendpoints:\n  GET /n: {{call: up:/a, background: "up:/a"}}\n{more}'
        )

    gateway = stage.gateway(text(1))

    def settle():
        gateway.get("/n")
        stage.until(lambda: len(gateway.app.running.pools) == 1 and gateway.in_flight == 0)
        stage.until(lambda: gateway.get("/-/config").json["background"]["waiting"] == 0)

    for number in range(1, 11):
        gateway.reload(text(number))
    settle()
    before = _descriptors()
    for number in range(11, 111):
        gateway.reload(text(number))
        if number % 5 == 1:
            gateway.get("/n")
    settle()
    assert gateway.app.running.generation.number > 80
    stage.until(lambda: _descriptors() - before <= 2)  # what was closed goes when the other side has noticed


def _descriptors():
    """Return how many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.long
def test_a_large_reload_lets_requests_through(stage):
    """While a thousand endpoints are built, requests are answered."""

    def text(word):
        return (
            "endpoints:\n"
            + "".join(f"  GET /e{n}: {{fan_out: {{a: up:/{word}/{n}}}}}\n" for n in range(1000))
            + ONE[11:-1].replace("{GET", "  GET")
        )

    gateway = stage.gateway(text("x"))
    slowest, done = [0.0], threading.Event()

    def client():
        wire = gateway.wire()
        while not done.is_set():
            started = time.monotonic()
            assert wire.ask("GET", "/n").status == 200
            slowest[0] = max(slowest[0], time.monotonic() - started)

    thread = threading.Thread(target=client)
    thread.start()
    assert gateway.reload(text("y")).verdict is Verdict.SWAPPED
    done.set()
    thread.join()
    assert slowest[0] < 5


def test_a_look_that_finds_nothing_new_makes_nothing(tmp_path):
    """The plan is the same object while the files say the same; a load that failed leaves nothing to go by."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nendpoints: {GET /n: {respond: {body: 1}}}\n")
    files = PlanFiles(path, {})
    plan = files.load()
    assert files.load() is plan
    good = path.read_text()
    path.write_text("version: 2\n")
    with pytest.raises(ConfigError):
        files.load()
    path.write_text(good)
    again = files.load()
    assert again is not plan
    assert again.digest == plan.digest


def test_a_plan_that_cannot_be_made_does_not_leave_the_one_before(tmp_path, monkeypatch):
    """When a good file comes to no plan, looking again says so again, and does not give the plan of another text."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nendpoints: {GET /n: {respond: {body: 1}}}\n")
    files = PlanFiles(path, {})
    files.load()
    path.write_text("version: 1\nendpoints: {GET /n: {respond: {body: 2}}}\n")

    def refuse(config):
        raise ConfigError([], {})

    monkeypatch.setattr(files._compiler, "compile", refuse)
    for _ in range(2):
        with pytest.raises(ConfigError):
            files.load()
