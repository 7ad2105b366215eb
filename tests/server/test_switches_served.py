"""What is switched off is not served, by an order or by the calendar, until it is on again."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.administration import SECRET, AdminTarget
from aggregator.cli.group import cli
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from tests.server.conftest import reply_of, until

ROUTES = """
server: {admin: {address: "127.0.0.1:0", secret: the-secret-of-this-file}}
upstreams:
  up: {url: "${UP}"}
  other: {url: "${UP}"}
endpoints:
  GET /x: {call: up:/x}
  GET /stream: {stream: true, call: up:/x}
  GET /home: {fan_out: {must: up:/x, ads: {url: other:/x, optional: true, default: []}}}
  GET /either: {call: {url: up:/x, fallback: [other:/x]}}
  POST /done: {respond: {body: 1}, background: {name: sink, method: POST, url: up:/sink}}
"""


@pytest.fixture
def upstream(stage):
    """Return the upstream."""
    found = stage.upstream()
    found["/x"] = reply_of(1)
    found["/sink"] = reply_of(1)
    return found


@pytest.fixture
def gateway(stage, upstream):
    """Return the gateway."""
    return stage.gateway(ROUTES, env={"UP": upstream.url})


def target(gateway) -> AdminTarget:
    """Return its administration."""
    return AdminTarget(f"http://127.0.0.1:{gateway.admin}", "the-secret-of-this-file")


def turn(gateway, way: str, kind: str, name: str, **given):
    """Return the answer to an order."""
    return target(gateway).ask("POST", "/-/switch", {"turn": way, "kind": kind, "name": name, **given})


def test_an_endpoint(gateway, upstream):
    """503 with Retry-After and the cause; nothing is called; others are as they were."""
    assert turn(gateway, "off", "endpoint", "GET /x", **{"for": "10m"}, by="me", why="wrong").status_code == 200
    answer = gateway.get("/x")
    assert (answer.status, answer.json["cause"]) == (503, "switched_off")
    assert 590 <= int(answer["retry-after"]) <= 600
    assert upstream.requests == []
    assert gateway.get("/either").json == 1
    turn(gateway, "on", "endpoint", "GET /x")
    assert gateway.get("/x").json == 1


def test_a_switch_loads_no_file(stage, upstream):
    """The time of the last load is that of the file, however many generations switches have made since."""
    gateway = stage.gateway("telemetry: {metrics: {}}\n" + ROUTES, env={"UP": upstream.url})

    def loaded() -> str:
        told = target(gateway).ask("GET", "/metrics").text
        return next(
            line for line in told.splitlines() if line.startswith("aggregator_config_loaded_timestamp_seconds ")
        )

    before = loaded()
    turn(gateway, "off", "upstream", "other")
    assert loaded() == before
    gateway.reload("telemetry: {metrics: {}}\n" + ROUTES + "  GET /more: {respond: {body: 1}}\n")
    assert loaded() != before


def test_a_part(gateway, upstream):
    """An optional one has its default, with the cause in the header; a required one fails the answer."""
    turn(gateway, "off", "part", "GET /home", part="ads")
    answer = gateway.get("/home")
    assert answer.json == {"must": 1, "ads": []}
    assert "ads;state=default;cause=switched_off;ms=0;attempts=0" in answer["aggregator-parts"]
    assert len(upstream.requests) == 1
    turn(gateway, "off", "part", "GET /home", part="must")
    answer = gateway.get("/home")
    assert (answer.status, answer.json["cause"], answer["retry-after"]) == (503, "switched_off", "60")


def test_an_upstream(gateway, upstream):
    """All that calls it: calls, streams, parts; an alternative elsewhere takes over."""
    turn(gateway, "off", "upstream", "up")
    assert [gateway.get(path).status for path in ("/x", "/stream", "/home")] == [503] * 3
    assert gateway.get("/either").json == 1
    gateway.ask("POST", "/done", "content-length: 0")
    assert [request.target for request in upstream.requests] == ["/x"]


def test_an_effect(gateway, upstream):
    """It is not made, and the answer is what it was."""
    turn(gateway, "off", "effect", "POST /done", part="sink")
    assert gateway.ask("POST", "/done", "content-length: 0").json == 1
    turn(gateway, "on", "effect", "POST /done", part="sink")
    assert gateway.ask("POST", "/done", "content-length: 0").json == 1
    until(lambda: upstream.requests)
    assert len(upstream.requests) == 1


def test_an_effect_by_its_name_alone(gateway, upstream, monkeypatch):
    """It is made in no endpoint, those of a reload included, until its name is switched on."""
    monkeypatch.setenv(SECRET, "the-secret-of-this-file")

    def said(line: str) -> str:
        return CliRunner().invoke(cli, ["switch", *line.split(), "--url", f"http://127.0.0.1:{gateway.admin}"]).output

    assert said("off effect sink") == "effect sink is out of service until it is switched on.\n"
    gateway.reload(ROUTES + "  POST /too: {respond: {body: 2}, background: {name: sink, method: POST, url: up:/too}}\n")
    assert gateway.ask("POST", "/done", "content-length: 0").json == 1
    assert gateway.ask("POST", "/too", "content-length: 0").json == 2
    assert "What is off: effect sink." in turn(gateway, "on", "effect", "POST /done", part="sink").json()["detail"]
    assert said("on effect sink") == "effect sink is in service.\n"
    upstream["/too"] = reply_of(1)
    assert gateway.ask("POST", "/too", "content-length: 0").json == 2
    until(lambda: upstream.requests)
    assert [request.target for request in upstream.requests] == ["/too"]


def test_it_goes_on_over_a_reload(gateway):
    """Also for endpoints that the reload has changed; a file that has not changed changes nothing."""
    turn(gateway, "off", "endpoint", "GET /x")
    turn(gateway, "off", "upstream", "other")
    gateway.reload(ROUTES.replace("GET /x: {call: up:/x}", "GET /x: {call: up:/x, timeout: 3s}"))
    assert gateway.get("/x").status == 503
    assert gateway.reload().verdict == "unchanged"
    assert gateway.get("/x").status == 503
    assert gateway.get("/home").json == {"must": 1, "ads": []}


def test_a_request_under_way_ends(gateway, upstream):
    """What was let in before is answered."""
    upstream["/x"] = [0.2, reply_of(7)]
    with gateway.wire() as wire:
        wire.write("GET", "/x")
        until(lambda: upstream.requests)
        turn(gateway, "off", "endpoint", "GET /x")
        assert wire.reply().json == 7


@pytest.mark.long
def test_it_ends_by_itself(gateway):
    """When its time is over, without anybody's doing."""
    turn(gateway, "off", "endpoint", "GET /x", **{"for": "300ms"})
    assert gateway.get("/x").status == 503
    until(lambda: gateway.get("/x").status == 200)
    assert target(gateway).ask("GET", "/-/switches").json() == []


def test_who_what_and_why_is_logged_and_listed(gateway):
    """In one line, and in the list."""
    turn(gateway, "off", "upstream", "up", by="me", why="deploy")
    (line,) = gateway.said("A switch has changed.")
    assert (line["turn"], line["target"], line["by"], line["reason"]) == ("off", "upstream up", "me", "deploy")
    (one,) = target(gateway).ask("GET", "/-/switches").json()
    assert (one["kind"], one["name"], one["until"], one["by"], one["why"]) == ("upstream", "up", None, "me", "deploy")


@pytest.mark.parametrize(("given", "status", "sentence"), [
    ({"turn": "off", "kind": "endpoint", "name": "GET /y"}, 404, "There is no endpoint 'GET /y'; "),
    ({"turn": "off", "kind": "upstream", "name": "nobody"}, 404, "there are up, other"),
    ({"turn": "off", "kind": "part", "name": "GET /home", "part": "news"}, 404, "it has must, ads"),
    ({"turn": "off", "kind": "part", "name": "GET /home"}, 400, "`part` names a part"),
    ({"turn": "of", "kind": "part"}, 400, "`turn` is `off` or `on`."),
    ({"turn": "off", "kind": "server"}, 400, "`kind` is one of endpoint, part, effect, upstream."),
    ({"turn": "off", "kind": "upstream", "name": "up", "for": "long"}, 400, "`for` is a duration"),
    ({"turn": "off", "kind": "upstream", "name": "up", "for": "999999999999999d"}, 400, "at most 366d"),
    ({"turn": "on", "kind": "upstream", "name": "up"}, 404, "No operator has switched off: upstream up."),
    ({"turn": "on", "kind": "upstream", "name": "up", "when": 1}, 400, "and no `when`"),
])  # fmt: skip
def test_a_wrong_order_changes_nothing(gateway, given, status, sentence):
    """And says what would be right."""
    answer = target(gateway).ask("POST", "/-/switch", given)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert gateway.get("/x").status == 200


@pytest.mark.long
def test_the_command_asks_the_process(gateway, monkeypatch):
    """`aggregator switch off endpoint 'GET /x'`, `list` and `on`."""
    monkeypatch.setenv(SECRET, "the-secret-of-this-file")
    url = f"http://127.0.0.1:{gateway.admin}"
    run = CliRunner().invoke
    assert run(cli, ["switch", "off", "endpoint", "GET /x", "--why", "test", "--url", url]).exit_code == 0
    assert gateway.get("/x").status == 503
    assert "endpoint  GET /x  switched on" in run(cli, ["switch", "list", "--url", url]).output
    assert run(cli, ["switch", "off", "part", "GET /home", "ads", "--url", url]).exit_code == 0
    assert run(cli, ["switch", "on", "endpoint", "GET /x", "--url", url]).exit_code == 0
    assert gateway.get("/x").status == 200
    assert run(cli, ["switch", "off", "part", "GET /home", "--url", url]).exit_code == 2


def test_an_endpoint_that_is_off_asks_nobody(stage, upstream):
    """Who would be refused gets 503, and not 403: the switch stands before identity and guards."""
    gateway = stage.gateway(
        ROUTES + '  GET /mine: {deny_from: [10.0.0.0/8], require: "{{ query.me }}", call: up:/x}\n',
        env={"UP": upstream.url},
    )
    assert gateway.get("/mine").status == 403
    turn(gateway, "off", "endpoint", "GET /mine")
    assert gateway.get("/mine").status == 503


MAINTAINED = """
version: 1
maintenance:
  - {endpoints: ["GET /quote/*"], every: "Sun 02:00-04:00", zone: Europe/Berlin, status: 503, detail: We are back at four}
endpoints:
  GET /quote/{id}: {respond: {body: 1}}
  GET /other: {respond: {body: 2}}
"""


def test_maintenance_by_the_calendar(tmp_path):
    """At its hours the endpoints are off, with what is left of them in Retry-After; then they are on again."""
    now = [1795917600.0]  # Sunday, 29 November 2026, 03:00 in Berlin
    file = tmp_path / "routes.yaml"
    file.write_text(MAINTAINED)
    app = application(PlanFiles(file), clock=lambda: now[0])

    async def main() -> None:
        await app.running.open()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            answer = await client.get("/quote/7")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "3600")
            assert answer.json()["detail"] == "We are back at four"
            assert (await client.get("/other")).status_code == 200
            now[0] += 3600.0
            await app.running.switch()
            assert (await client.get("/quote/7")).status_code == 200
            now[0] -= 60.0
            await app.running.switch()
            assert (await client.get("/quote/7")).status_code == 503
        await app.running.close()

    asyncio.run(main())


KEPT = "state: ./state\n" + ROUTES


@pytest.mark.long
def test_a_switch_outlives_the_process(stage, upstream):
    """With `state`, what was off is off after a restart, for the rest of its time; what was on again is on."""
    first = stage.gateway(KEPT, env={"UP": upstream.url})
    turn(first, "off", "endpoint", "GET /x", by="me", why="wrong", **{"for": "10m"})
    turn(first, "off", "upstream", "other")
    turn(first, "on", "upstream", "other")
    first.stop()
    second = stage.gateway(KEPT, env={"UP": upstream.url})
    answer = second.get("/x")
    assert (answer.status, answer.json["cause"]) == (503, "switched_off")
    assert 500 <= int(answer["retry-after"]) <= 600
    (shown,) = target(second).ask("GET", "/-/switches").json()
    assert (shown["name"], shown["by"], shown["why"]) == ("GET /x", "me", "wrong")
    assert second.said("switched off since before the start") == [{"targets": ["endpoint GET /x"]}]
    turn(second, "on", "endpoint", "GET /x")
    assert second.get("/x").json == 1


def test_without_state_a_switch_ends_with_the_process(stage, gateway, upstream):
    """Nothing is written anywhere."""
    turn(gateway, "off", "endpoint", "GET /x")
    gateway.stop()
    assert stage.gateway(ROUTES, env={"UP": upstream.url}).get("/x").json == 1
    assert not (stage.folder / "state").exists()


def test_a_switch_that_cannot_be_written_down_is_turned_and_told(stage, upstream, monkeypatch):
    """A full disk does not keep anybody from taking something out of service."""
    gateway = stage.gateway(KEPT, env={"UP": upstream.url})
    with monkeypatch.context() as patched:
        full = OSError(28, "No space left on device")
        patched.setattr("aggregator.stores.folder._write", lambda *_: (_ for _ in ()).throw(full))
        answer = turn(gateway, "off", "endpoint", "GET /x")
        assert answer.status_code == 507
        assert answer.json()["detail"].startswith("It is done, but a restart will not know: ")
        assert gateway.get("/x").status == 503
    assert turn(gateway, "off", "upstream", "other").status_code == 200
    assert (stage.folder / "state" / "switches.json").read_text().count('"endpoint"') == 1


def test_another_folder_takes_a_restart(stage, upstream):
    """A reload says so, and goes on with the folder that is in use."""
    gateway = stage.gateway(KEPT, env={"UP": upstream.url})
    gateway.reload(KEPT.replace("./state", "./other"))
    assert {"settings": ("state",)} in gateway.said("take effect when the server is restarted")
    turn(gateway, "off", "endpoint", "GET /x")
    assert (stage.folder / "state" / "switches.json").exists()


def test_one_request_from_the_command_line_leaves_the_folder_alone(stage, upstream):
    """`aggregator get` works beside the process that has it."""
    gateway = stage.gateway(KEPT, env={"UP": upstream.url})
    turn(gateway, "off", "endpoint", "GET /x")
    done = CliRunner().invoke(cli, ["get", "/either", "-c", str(gateway.path)], env={"UP": upstream.url})
    assert (done.exit_code, done.stdout.strip()) == (0, "1")
