"""What only a start looks at: settings that ask for a restart, sockets that are opened, and refusals that are told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from aggregator.config.loading import load_config
from aggregator.diagnostics import Diagnostic, Position
from aggregator.edge.addresses import TcpAddress, UnixAddress
from aggregator.errors import StartupError
from aggregator.plan.compiler import compile_plan
from aggregator.plan.serving import ServerPlan
from aggregator.plan.types import Plan
from aggregator.server.generations.reload import ReloadOutcome, Verdict, needs_restart
from aggregator.server.listeners.inherited import Inherited
from aggregator.server.listeners.opening import Listener, open_listeners

PlanOf = Callable[[str], Plan]
ADMIN = 'server: {admin: {address: "127.0.0.1:0", secret: the-secret-of-this-file}}'


@pytest.fixture
def plan_of(tmp_path: Path) -> PlanOf:
    """Return the function from the sections of a file to its plan."""

    def compiled(text: str) -> Plan:
        (tmp_path / "routes.yaml").write_text(f"version: 1\n{text}\nendpoints: {{GET /n: {{respond: {{body: 1}}}}}}\n")
        return compile_plan(load_config(tmp_path / "routes.yaml"))

    return compiled


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("", "", ()),
        ("server: {title: a}", "server: {title: b}", ()),
        ("", "state: kept", ("state",)),
        ("", "server: {host: 0.0.0.0}", ("server.host",)),
        ("server: {port: 1}", "server: {port: 2, host: 0.0.0.0}", ("server.host", "server.port")),
        ("", 'server: {listen: ["127.0.0.1:0"]}', ("server.listen",)),
        ("", "server: {workers: 2}", ("server.workers",)),
        ("", "server: {header_timeout: 3s}", ("server.header_timeout",)),
        ("", "server: {watchdog: 3s}", ("server.watchdog",)),
        ("", "server: {trusted_proxies: [192.0.2.1], proxy_protocol: true}", ("server.proxy_protocol",)),
        ("", 'server: {admin: "127.0.0.1:0"}', ("server.admin.address",)),
        ('server: {admin: "127.0.0.1:0"}', 'server: {admin: "127.0.0.1:1"}', ("server.admin.address",)),
        ('server: {admin: "127.0.0.1:0"}', ADMIN, ()),
        ("", "client: {transport: httpx}", ("client.transport",)),
        ("", "client: {limits: {max_connections: 3}}", ()),
        ("client: {transport: httpx}", "client: {transport: httpx, limits: {max_connections: 3}}", ("client.limits",)),
        ("client: {transport: httpx}", "client: {transport: httpx, limits: {max_keepalive: 3}}", ("client.limits",)),
    ],
)
def test_settings_that_a_running_process_takes_no_notice_of(
    plan_of: PlanOf, before: str, after: str, named: tuple[str, ...]
) -> None:
    """They are named as they stand in the file; all others are followed."""
    assert needs_restart(plan_of(before), plan_of(after)) == named


@pytest.fixture
def opened() -> Iterator[Callable[[list[Listener]], list[Listener]]]:
    """Closes listeners at the end."""
    with ExitStack() as stack:

        def closing(found: list[Listener]) -> list[Listener]:
            for one in found:
                stack.callback(one.close)
            return found

        yield closing


def told(found: list[Listener]) -> list[tuple[str, str, bool, bool]]:
    """Return role, address, TLS and PROXY protocol of each; a port that the system chose is 0."""
    return [
        (one.role, one.url if isinstance(one.address, UnixAddress) else one.url.rpartition(":")[0] + ":0", one.is_tls,
         one.is_proxied)
        for one in found
    ]  # fmt: skip


def inherited(name: str, host: str = "127.0.0.1") -> Inherited:
    """Return a listening socket that somebody else has opened."""
    return Inherited(name, socket.create_server((host, 0)))


def test_all_that_a_file_declares_is_opened(
    opened: Callable[[list[Listener]], list[Listener]], plan_of: PlanOf, tmp_path: Path
) -> None:
    """The public ones first; administration takes no part in the PROXY protocol, nor does a Unix socket."""
    plan = plan_of(
        f'server: {{listen: ["127.0.0.1:0", "unix:{tmp_path}/s"], admin: "127.0.0.1:0", '
        "trusted_proxies: [127.0.0.1], proxy_protocol: true}"
    ).server
    assert told(opened(open_listeners(plan, None, None))) == [
        ("public", "http://127.0.0.1:0", False, True),
        ("public", f"unix:{tmp_path}/s", False, False),
        ("admin", "http://127.0.0.1:0", False, False),
    ]


def test_what_is_inherited_is_in_the_place_of_what_is_declared(
    opened: Callable[[list[Listener]], list[Listener]], plan_of: PlanOf
) -> None:
    """By its name: administration is that of a socket named so, and what has another name is public."""
    plan = plan_of('server: {port: 0, admin: "127.0.0.1:0"}').server
    both = [inherited("web"), inherited("admin"), inherited("")]
    assert told(opened(open_listeners(plan, None, None, both))) == [
        ("admin", "http://127.0.0.1:0", False, False),
        ("public", "http://127.0.0.1:0", False, False),
        ("public", "http://127.0.0.1:0", False, False),
    ]
    with pytest.raises(StartupError, match=r"^--port changes nothing: the process has inherited its sockets"):
        open_listeners(plan, None, 0, both)
    web = opened(open_listeners(plan, None, None, [inherited("web")]))
    assert [one.role for one in web] == ["public", "admin"]
    admin = opened(open_listeners(plan, None, None, [inherited("admin")]))
    assert [one.role for one in admin] == ["admin", "public"]


@pytest.mark.parametrize(
    ("server", "host", "name", "sentence"),
    [
        ("{}", "127.0.0.1", "admin",
         "A socket named `admin` was inherited, and the file declares no `server.admin`."),
        ('{admin: "127.0.0.1:0"}', "0.0.0.0", "admin",
         "Administration at 0.0.0.0:{port} needs `server.admin.secret`: others can reach it."),
    ],
)  # fmt: skip
def test_an_inherited_socket_of_administration_is_one_that_the_file_knows(
    plan_of: PlanOf, server: str, host: str, name: str, sentence: str
) -> None:
    """And whoever can reach it has to show a secret."""
    one = inherited(name, host)
    port = one.socket.getsockname()[1]
    with one.socket, pytest.raises(StartupError) as raised:
        open_listeners(plan_of(f"server: {server}").server, None, None, [one])
    assert str(raised.value) == sentence.format(port=port)


def test_administration_that_others_can_reach_is_adopted_with_a_secret(
    opened: Callable[[list[Listener]], list[Listener]], plan_of: PlanOf
) -> None:
    """It is no fault of a socket to be open to all."""
    plan = plan_of(ADMIN).server
    assert [one.role for one in opened(open_listeners(plan, None, None, [inherited("admin", "0.0.0.0"), inherited("")]))] == [
        "admin", "public",
    ]  # fmt: skip


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize(
    ("others", "is_alone"),
    [((), False), ((TcpAddress("127.0.0.1", 0),), False), ((UnixAddress("s"),), False)],
)
def test_an_address_of_ipv6_takes_ipv4_too_unless_another_one_does(
    opened: Callable[[list[Listener]], list[Listener]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    others: tuple[TcpAddress | UnixAddress, ...], is_alone: bool,
) -> None:  # fmt: skip
    """Only on the same port, and a port that the system chooses is that of nobody else."""
    monkeypatch.chdir(tmp_path)
    first, *_ = opened(open_listeners(ServerPlan(listen=(TcpAddress("::", 0), *others)), None, None))
    assert first.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == is_alone


def test_a_refusal_as_administration_tells_it() -> None:
    """Its moment, its line, and the first hundred of its problems with their places; nothing secret in the words."""
    problem = Diagnostic("code", "error", "wrong word", Position("routes.yaml", 3, 4, 5))
    outcome = ReloadOutcome(Verdict.REFUSED, 2, 0.5, "a word", "report", (problem,) * 101, at=1_764_000_000.9)
    shown = outcome.as_dict(lambda text: text.replace("word", "****"))
    problems = shown.pop("problems")
    assert shown == {"at": "2025-11-24T16:00:00Z", "summary": "a ****"}
    assert problems == [
        {"code": "code", "message": "wrong ****", "file": "routes.yaml", "line": 3, "column": 4}
    ] * 100  # fmt: skip
    assert replace(outcome, diagnostics=()).as_dict()["problems"] == []
