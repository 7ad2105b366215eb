"""Functions of users in the way of an answer: awaited or in threads, limited in time, never in the way of others."""

from __future__ import annotations

import sys

import pytest

from aggregator.telemetry.watchdog import Watchdog

PLUGIN = """
import asyncio, threading, time
from contextvars import ContextVar

def upper(user):
    return {**user, "name": user["name"].upper(), "thread": threading.current_thread().name}

async def later(user):
    await asyncio.sleep(0)
    return {**user, "later": True, "thread": threading.current_thread().name}

class Adder:
    def __init__(self, key): self.key = key
    async def __call__(self, value): return {**value, self.key: 1}

add = Adder("added")

def page(body):
    return {"page": body}

def fails(value):
    return value["no such key"]

def leaves(value):
    raise SystemExit(3)

async def leaves_async(value):
    raise SystemExit(3)

def stops(value):
    raise StopIteration

def interrupts(value):
    raise KeyboardInterrupt

def cancels(value):
    raise asyncio.CancelledError

async def cancels_async(value):
    raise asyncio.CancelledError

def odd(value):
    raise BaseException("odd")

def hangs(value):
    time.sleep(1.5)

async def waits(value):
    await asyncio.sleep(60)

begun, release = threading.Event(), threading.Event()

def blocks_thread(value):
    begun.set()
    release.wait(60)
    return value

async def blocks_loop(value):
    time.sleep(0.45)  # the mistake that the watchdog is for
    return value

def refuses(value):
    from aggregator import CallError, Cause
    raise CallError(Cause.UNSUCCESSFUL, "Not today.")

def cannot(value):
    from aggregator import ExpressionError
    raise ExpressionError("It has no price.")

def not_json(value):
    return object()

def coroutine(value):
    return later(value)

number = 7
"""
ROUTES = """
plugins: [served_plugin]
server: {watchdog: 50ms}
endpoints:
  GET /sync: {call: {url: up:/user, transform: served_plugin:upper}}
  GET /async: {call: {url: up:/user, transform: served_plugin:later}}
  GET /object: {call: {url: up:/user, transform: served_plugin:add}}
  GET /wrapped: {call: {url: up:/user, transform: served_plugin:coroutine}}
  GET /page: {fan_out: {user: up:/user}, response: {transform: served_plugin:page}}
  GET /both: {fan_out: {user: {url: up:/user, transform: served_plugin:upper}}, response: {transform: served_plugin:page}}
  GET /fails: {call: {url: up:/user, transform: served_plugin:fails}}
  GET /page-fails: {fan_out: {user: up:/user}, response: {transform: served_plugin:fails}}
  GET /optional: {fan_out: {user: {url: up:/user, transform: served_plugin:fails, optional: true, default: none}}}
  GET /mapped: {call: {url: up:/user, transform: served_plugin:fails}, status_map: {fault: {status: 418, detail: ours}}}
  GET /leaves: {call: {url: up:/user, transform: served_plugin:leaves}}
  GET /leaves-async: {call: {url: up:/user, transform: served_plugin:leaves_async}}
  GET /stops: {call: {url: up:/user, transform: served_plugin:stops}}
  GET /interrupts: {call: {url: up:/user, transform: served_plugin:interrupts}}
  GET /cancels: {call: {url: up:/user, transform: served_plugin:cancels}}
  GET /cancels-async: {call: {url: up:/user, transform: served_plugin:cancels_async}}
  GET /odd: {call: {url: up:/user, transform: served_plugin:odd}}
  GET /hangs: {timeout: 200ms, call: {url: up:/user, transform: served_plugin:hangs}}
  GET /waits: {timeout: 200ms, call: {url: up:/user, transform: served_plugin:waits}}
  GET /page-waits: {timeout: 200ms, fan_out: {user: up:/user}, response: {transform: served_plugin:waits}}
  GET /blocks-thread: {call: {url: up:/user, transform: served_plugin:blocks_thread}}
  GET /blocks-loop: {call: {url: up:/user, transform: served_plugin:blocks_loop}}
  GET /refuses: {call: {url: up:/user, transform: served_plugin:refuses}}
  GET /cannot: {call: {url: up:/user, transform: served_plugin:cannot}}
  GET /again: {call: {url: up:/user, transform: served_plugin:upper}}
  GET /held: {timeout: 120s, call: {url: up:/held, transform: served_plugin:upper}}
  GET /slowly: {timeout: 120s, call: {url: up:/user, transform: served_plugin:waits}}
  GET /not-json: {call: {url: up:/user, transform: served_plugin:not_json}}
  GET /unfound: {call: {url: up:/nope, transform: served_plugin:upper}}
  GET /hello: {respond: {body: 1}}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream with one user."""
    (shared_stage.folder / "served_plugin.py").write_text(PLUGIN)
    upstream = shared_stage.upstream()
    upstream["/user"] = shared_stage.reply({"name": "ada"})
    upstream["/held"] = [shared_stage.HANG]
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    """The server; the plug-in lies beside its file."""
    return shared_stage.gateway(ROUTES, upstream, door=door)


def test_a_plain_function_runs_in_a_thread(gateway):
    """`def` gets the result as data and gives a new one, outside the loop's thread."""
    answer = gateway.get("/sync").json
    assert answer["name"] == "ADA"
    assert answer["thread"].startswith("plugin-")


def test_an_async_function_is_awaited(gateway):
    """`async def` runs on the loop; so does an object that is called so, and what a function gives to be awaited."""
    answer = gateway.get("/async").json
    assert answer["later"]
    assert not answer["thread"].startswith("plugin-")
    assert gateway.get("/object").json["added"] == 1
    assert gateway.get("/wrapped").json["later"]


def test_a_response_can_be_transformed(gateway):
    """The function of a response gets its body; both kinds work together."""
    assert gateway.get("/page").json == {"page": {"user": {"name": "ada"}}}
    assert gateway.get("/both").json["page"]["user"]["name"] == "ADA"


@pytest.mark.parametrize(
    "target",
    [
        "/fails",
        "/page-fails",
        "/leaves",
        "/leaves-async",
        "/stops",
        "/interrupts",
        "/cancels",
        "/cancels-async",
        "/odd",
    ],
)
def test_a_function_that_raises_is_our_fault(gateway, target):
    """Whatever it raises, ends of tasks and processes included: the answer is 500, the server stays, the log says where."""
    gateway.records.clear()
    answer = gateway.get(target)
    assert (answer.status, answer.json["cause"]) == (500, "fault")
    assert answer.detail.startswith("The function 'served_plugin:")
    said = gateway.said("A function of a plug-in failed.")[0]
    assert said["function"].startswith("served_plugin:")
    assert gateway.get("/hello").status == 200
    if target == "/fails":
        assert "KeyError" in said["error"]
        assert 'return value["no such key"]' in said["error"]


def test_a_failed_function_is_a_failed_part(gateway):
    """It counts like any failure: an optional part gets its default, a status map may speak of it."""
    assert gateway.get("/optional").json == {"user": "none"}
    mapped = gateway.get("/mapped")
    assert (mapped.status, mapped.detail) == (418, "ours")


def test_a_function_may_fail_on_purpose(gateway):
    """The errors of the package are taken as they are meant: their words reach the client, nothing is logged as a fault."""
    gateway.records.clear()
    refused, unable = gateway.get("/refuses"), gateway.get("/cannot")
    assert (refused.status, refused.detail, refused.json["cause"]) == (502, "Not today.", "unsuccessful")
    assert (unable.status, unable.detail, unable.json["cause"]) == (502, "It has no price.", "expression")
    assert gateway.said("A function of a plug-in failed.") == []


@pytest.mark.parametrize("target", ["/held", "/slowly"])
def test_a_hang_up_ends_the_call_or_the_function(gateway, upstream, stage, target):
    """Whichever is under way."""
    requests = len(upstream.requests)
    wire = gateway.wire().write("GET", target)
    stage.until(lambda: len(upstream.requests) > requests)
    wire.close()
    stage.until(lambda: gateway.in_flight == 0)


def test_a_failed_call_reaches_no_function(gateway):
    """Only results are transformed."""
    assert gateway.get("/unfound").status == 404


@pytest.mark.parametrize("target", ["/hangs", "/waits", "/page-waits"])
def test_a_function_has_until_the_deadline(gateway, target):
    """One that does not come to an end is given up: 504."""
    answer = gateway.get(target)
    assert (answer.status, answer.json["cause"]) == (504, "deadline")


def test_a_result_that_is_no_json_is_our_fault(gateway):
    """What cannot be written is a failure with a sentence, not a broken connection."""
    answer = gateway.get("/not-json")
    assert answer.status in (500, 502)
    assert answer["content-type"] == "application/problem+json"


def test_a_blocking_function_blocks_nobody(gateway):
    """While a plain function waits in its thread, others are served."""
    wire = gateway.wire().write("GET", "/blocks-thread")
    plugin = sys.modules["served_plugin"]
    assert plugin.begun.wait(30)
    assert gateway.get("/hello").status == 200
    plugin.release.set()
    assert wire.reply().status == 200


@pytest.mark.long
def test_a_blocked_loop_is_noticed(gateway, stage):
    """A function that blocks the loop is logged with how long it took and the line where the loop stood."""
    gateway.records.clear()

    def told():
        """Return what was told of it; a busy machine stands still in other places, too."""
        return [said for said in gateway.said("The event loop was blocked.") if "served_plugin.py" in said["where"]]

    stage.until(lambda: gateway.get("/blocks-loop").status == 200 and told())
    assert told()[0]["seconds"] >= 0.05
    assert "time.sleep(0.45)" in told()[0]["where"]


def test_what_comes_before_the_first_request_is_not_watched(stage, monkeypatch):
    """While everything is being built nobody waits, so the watch begins afterwards."""
    order = []

    class Told(Watchdog):
        def start(self):
            order.append("watched")
            super().start()

    monkeypatch.setattr("aggregator.server.process.serving.Watchdog", Told)
    monkeypatch.setattr("aggregator.server.process.serving.collect_seldom", lambda: order.append("built"))
    gateway = stage.gateway("server: {watchdog: 300ms}\nendpoints: {GET /n: {respond: {body: 1}}}")
    assert gateway.get("/n").status == 200
    assert order.index("watched") == len(order) - 1 > 0


BROKEN = {
    "absent": ("absent_plugin:f", None, "The plug-in 'absent_plugin' cannot be imported; put it beside"),
    "needs": ("needs_plugin:f", "import no_such_module", "('no_such_module' is missing); put it beside"),
    "syntax": ("syntax_plugin:f", "def f(:", "The plug-in 'syntax_plugin' failed while it was imported: SyntaxError"),
    "raises": ("raises_plugin:f", "1 / 0", "failed while it was imported: ZeroDivisionError: division by zero, at "),
    "exits": (
        "exits_plugin:f",
        "raise SystemExit(1)",
        "The plug-in 'exits_plugin' failed while it was imported: SystemExit",
    ),
    "without": ("without_plugin:f", "g = 1", "The plug-in 'without_plugin' has no function 'f'; define it, or correct"),
    "value": ("value_plugin:f", "f = 7", "'value_plugin:f' is not a function."),
}


@pytest.fixture(scope="module")
def survivor(shared_stage, upstream):
    """A server that sees many bad plug-ins."""
    return shared_stage.gateway("endpoints: {GET /hello: {respond: {body: 1}}}", upstream)


@pytest.mark.parametrize("name", BROKEN)
def test_a_reload_with_a_bad_plug_in_changes_nothing(survivor, name):
    """What cannot be imported, or is no function, is refused with a fix; the old configuration goes on."""
    reference, text, sentence = BROKEN[name]
    if text is not None:
        (survivor.path.parent / f"{name}_plugin.py").write_text(text)
    outcome = survivor.reload(f"""
        plugins: [{name}_plugin]
        endpoints: {{GET /hello: {{call: {{url: up:/user, transform: "{reference}"}}}}}}
    """)
    assert (str(outcome.verdict), survivor.get("/hello").json) == ("refused", 1)
    assert sentence in outcome.summary


def test_what_a_refused_reload_had_begun_is_given_up(survivor, stage):
    """Pools and endpoints that were built before the refusal are gone; nothing of them serves or stays open."""
    before = survivor.app.running.pools, [route.path for route in survivor.app.routes]
    (survivor.path.parent / "unfit_plugin.py").write_text("g = 1")
    outcome = survivor.reload("""
        plugins: [unfit_plugin]
        upstreams: {other: {url: "http://127.0.0.1:1"}}
        endpoints:
          GET /first: {call: other:/}
          GET /second: {call: {url: other:/, transform: "unfit_plugin:f"}}
    """)
    assert "has no function 'f'" in outcome.summary
    assert (survivor.app.running.pools, [route.path for route in survivor.app.routes]) == before
    assert survivor.get("/first").status == 404
    stage.until(lambda: not survivor.app.running._client._closing)


def test_a_reload_may_bring_a_plug_in(stage, upstream):
    """A module that did not exist at the start can be named later."""
    gateway = stage.gateway("endpoints: {GET /hello: {respond: {body: 1}}}", upstream)
    (stage.folder / "late_plugin.py").write_text("def f(value):\n    return 'new'\n")
    gateway.reload(
        "plugins: [late_plugin]\nendpoints: {GET /hello: {call: {url: up:/user, transform: 'late_plugin:f'}}}"
    )
    assert gateway.get("/hello").json == "new"


def test_a_changed_plug_in_needs_a_restart_and_says_so(stage, upstream):
    """A module is imported once: after an edit the old code runs on, and the log tells what to do."""
    plugin = stage.folder / "edited_plugin.py"
    plugin.write_text("def f(value):\n    return 'old'\n")
    routes = "plugins: [edited_plugin]\nendpoints: {GET /hello: {call: {url: up:/user, transform: 'edited_plugin:f'}}}"
    gateway = stage.gateway(routes, upstream, watch=True)
    plugin.write_text("def f(value):\n    return 'newer'\n")
    stage.until(lambda: gateway.said("Plug-ins have changed; restart the server to run the new code."))
    assert gateway.get("/hello").json == "old"


def test_modules_come_from_beside_the_file(gateway, shared_stage):
    """The folder of the configuration is where plug-ins are looked for first."""
    assert sys.path[0] != ""
    assert sys.modules["served_plugin"].__file__ == str(shared_stage.folder / "served_plugin.py")
