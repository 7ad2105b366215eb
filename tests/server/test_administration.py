"""The address of administration: what is there and nowhere else, who may read it, and who may act."""

from __future__ import annotations

import json
import socket

import pytest

from aggregator.edge.addresses import TcpAddress, UnixAddress
from aggregator.errors import StartupError
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.plan.serving import ServerPlan
from aggregator.server.admin.actions import Action, Actions
from aggregator.server.admin.door import AdminDoor, Denied
from aggregator.server.listeners.inherited import Inherited
from aggregator.server.listeners.opening import open_listeners

SECRET = "a-secret-of-some-length"
ADMIN = f'server: {{admin: {{address: "127.0.0.1:0", secret: {SECRET}, hosts: [admin.example.com]}}}}\n'
ENDPOINT = "endpoints: {GET /n: {respond: {body: 1}}}"
SHOWN = f"authorization: Bearer {SECRET}"


@pytest.fixture
def admin(stage):
    """A server with an address of administration, and a function that asks there."""
    gateway = stage.gateway(ADMIN + ENDPOINT)

    def ask(method: str, target: str, *lines: str, host: str = "127.0.0.1", body: bytes = b""):
        with stage.wire(gateway.admin) as wire:
            length = [f"content-length: {len(body)}"] if body else []
            head = "".join(f"{line}\r\n" for line in [f"{method} {target} HTTP/1.1", f"host: {host}", *length, *lines])
            return wire.send(head.encode() + b"\r\n" + body).reply()

    return gateway, ask


def test_what_is_told_is_told_there_and_nowhere_else(admin):
    """Public addresses say whether the process is alive and ready, and no more; endpoints are not at this one."""
    gateway, ask = admin
    assert ask("GET", "/-/config").json["generation"] == 1
    assert gateway.get("/-/config").status == 404
    for path in ("/livez", "/readyz", "/readyz?verbose"):
        assert gateway.get(path).body == b"ok\n"
    assert ask("GET", "/livez").body == ask("GET", "/readyz").body == b"ok\n"
    assert ask("GET", "/readyz?verbose").json["ready"] is True
    assert ask("GET", "/n").status == 404
    assert gateway.get("/n").json == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz?verbose"])
def test_a_probe_is_read_and_nothing_else(admin, path):
    """At both addresses alike: another method gets 405, with the methods that there are."""
    gateway, ask = admin
    for asked in (lambda method: ask(method, path), lambda method: gateway.ask(method, path)):
        refused = asked("POST")
        assert (refused.status, refused["allow"]) == (405, "GET, HEAD")


def test_a_refusal_is_logged_with_its_reason(stage):
    """What the caller is told, beside the path."""
    gateway = stage.gateway(ADMIN + "telemetry: {log: {access: all}}\n" + ENDPOINT)
    with stage.wire(gateway.admin) as wire:
        head = f"GET /-/reload HTTP/1.1\r\nhost: 127.0.0.1\r\n{SHOWN}\r\n\r\n"
        assert wire.send(head.encode()).reply().status == 405
    stage.until(lambda: gateway.said("Refused."))
    told = gateway.said("Refused.")[-1]
    assert (told["path"], told["reason"]) == ("/-/reload", "An action is asked for by POST.")


def test_effects_are_told_there(stage):
    """Those that are kept, with their state; a process that keeps none says so."""
    kept = """
state: ./kept
upstreams: {mail: {url: "http://127.0.0.1:9", idempotent: true}}
endpoints:
  POST /n: {respond: {body: 1}, background: {name: told, durable: true, delay: 1h, url: POST mail:/x, json: {}}}
"""
    gateway = stage.gateway(ADMIN + kept)
    assert gateway.ask("POST", "/n").status == 200

    def ask(target: str):
        with stage.wire(gateway.admin) as wire:
            return wire.send(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()

    (found,) = ask("/-/effects?name=told").json
    assert (found["name"], found["state"], found["endpoint"]) == ("told", "waiting", "POST /n")
    assert ask("/-/effects?colour=red").status == 400


def test_without_it_nothing_changes_anything(stage):
    """`/-/config` is public then, and there is no action."""
    gateway = stage.gateway(ENDPOINT)
    assert gateway.get("/-/config").json["generation"] == 1
    assert gateway.ask("POST", "/-/reload", SHOWN).status in (404, 405)


def test_an_action_needs_the_secret(admin):
    """Shown as a bearer token and in no other way, whoever asks; reading over loopback needs none."""
    _, ask = admin
    denied = ask("POST", "/-/reload")
    assert (denied.status, denied["www-authenticate"], denied.all("cache-control")) == (401, "Bearer", ["no-store"])
    for line in (
        "authorization: Bearer wrong",
        f"authorization: Basic {SECRET}",
        f"cookie: secret={SECRET}",
        "authorization: Bearer é",
    ):
        assert ask("POST", "/-/reload", line).status == 401
    assert ask("POST", "/-/reload", SHOWN).json == {"verdict": "unchanged", "generation": 1}


def test_an_action_is_one_line_of_the_log(admin):
    """Who, what, why, and what came of it; the secret is not in it."""
    gateway, ask = admin
    gateway.write(ENDPOINT)
    ask("POST", "/-/reload", SHOWN, body=json.dumps({"reason": "new prices\n"}).encode())
    (line,) = gateway.said("An action was asked for.")
    assert line == {"action": "reload", "by": "127.0.0.1", "reason": "new prices\n", "outcome": "swapped"}


@pytest.mark.parametrize("why", ["reason", "why"])
def test_the_log_says_who_asked_for_an_action(admin, why):
    """By the name that was given, beside the address that is known; and why, whichever word carries that."""
    gateway, ask = admin
    ask("POST", "/-/breaker", SHOWN, body=json.dumps({"by": "ann", why: "a canary"}).encode())
    (line,) = gateway.said("An action was asked for.")
    assert (line["by"], line["who"], line["reason"]) == ("127.0.0.1", "ann", "a canary")


def test_a_refused_reload_says_its_problems(admin):
    """422 with what `check` finds; the running configuration stays, and the terminal is told, too."""
    gateway, ask = admin
    gateway.write(ADMIN + "endpoints: {GET /n: {respnd: 1}}")
    refused = ask("POST", "/-/reload", SHOWN)
    assert refused.status == 422
    assert refused.json["refusal"]["problems"][0]["code"] == "unknown-key"
    assert gateway.reloads[-1].verdict == "refused"
    assert gateway.get("/n").json == 1


def test_a_refused_reload_tells_no_secret(stage):
    """Neither one of the file that is served nor one of what was refused: problems may name values of variables."""
    text = ADMIN + 'upstreams: {up: {url: "http://127.0.0.1:9", headers: {x-key: "${KEY}"}}}\n' + ENDPOINT
    gateway = stage.gateway(text, env={"KEY": "canary-of-a-key", "OTHER": "canary-of-another"})
    gateway.write(text.replace("${KEY}", "${OTHER}") + "\ncanary-of-a-key: 1\ncanary-of-another: 2\n")
    with stage.wire(gateway.admin) as wire:
        refused = wire.send(f"POST /-/reload HTTP/1.1\r\nhost: 127.0.0.1\r\n{SHOWN}\r\n\r\n".encode()).reply()
    assert refused.status == 422
    assert [one["code"] for one in refused.json["refusal"]["problems"]].count("unknown-key") == 2
    assert "canary" not in refused.body.decode()
    assert "canary" not in str(gateway.said("refused"))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("127.0.0.1:9000", 200), ("[::1]:9000", 200), ("localhost:9000", 200), ("LOCALHOST", 200),
        ("admin.example.com", 200), ("Admin.Example.com.:80", 200), ("evil.example", 421), ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421), ("example.com", 421),
    ],
)  # fmt: skip
def test_a_name_that_leads_here_by_somebody_elses_dns_gets_nothing(admin, host, status):
    """The Host is an address, localhost, or one of `hosts`."""
    assert admin[1]("GET", "/-/config", host=host).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1", 200), ("https://127.0.0.1", 403), ("http://evil.example", 403), ("null", 403)],
)
def test_pages_of_other_sites_get_nothing(admin, origin, status):
    """The Origin, if there is one, is our own; knowing the secret does not help."""
    assert admin[1]("POST", "/-/reload", SHOWN, f"origin: {origin}").status == status


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[1]", 400), (b'{"x": 1}', 400), (b'"' + b"x" * 70_000 + b'"', 413)]
)
def test_what_an_action_carries_is_an_object(admin, body, status):
    """Anything else is refused, with a reason."""
    assert admin[1]("POST", "/-/reload", SHOWN, body=body).status == status


def test_an_action_is_asked_for_by_post(admin):
    """And listed."""
    _, ask = admin
    for method, path, allowed in (("GET", "/-/reload", "POST"), ("POST", "/-/config", "GET, HEAD")):
        refused = ask(method, path, SHOWN)
        assert (refused.status, refused["allow"]) == (405, allowed)
    assert [one["action"] for one in ask("GET", "/-/actions").json] == [
        "reload",
        "revoke",
        "breaker",
        "switch",
        "cache_purge",
        "quota_reset",
        "try",
        "replay",
        "effect",
    ]


def test_the_secret_can_be_changed_without_a_restart(admin):
    """The address cannot, and says so."""
    gateway, ask = admin
    gateway.reload(ADMIN.replace(SECRET, "another-secret-of-length") + ENDPOINT)
    assert ask("POST", "/-/reload", SHOWN).status == 401
    gateway.reload(ADMIN.replace("127.0.0.1:0", "127.0.0.1:9") + ENDPOINT)
    said = gateway.said("Some settings take effect when the server is restarted.")
    assert said[-1]["settings"] == ("server.admin.address",)
    assert ask("GET", "/-/config").status == 200


def test_the_short_form_only_reads(stage):
    """An address without a secret does nothing."""
    gateway = stage.gateway(f'server: {{admin: "127.0.0.1:0"}}\n{ENDPOINT}')
    with stage.wire(gateway.admin) as wire:
        denied = wire.send(b"POST /-/reload HTTP/1.1\r\nhost: localhost\r\n\r\n").reply()
        assert (denied.status, denied.detail) == (
            403,
            "Nothing can be done here until `server.admin` declares a `secret`.",
        )
        assert wire.send(b"GET /-/config HTTP/1.1\r\nhost: localhost\r\n\r\n").reply().status == 200


def test_a_private_unix_socket_needs_no_secret(stage, tmp_path):
    """Of mode 600 only the user of the process can reach it; the log says `unix`."""
    gateway = stage.gateway(f"server: {{admin: {{unix: {tmp_path}/a, mode: 600}}}}\n{ENDPOINT}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/a")
        client.sendall(b"POST /-/reload HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert gateway.said("An action was asked for.")[0]["by"] == "unix"


OPEN, CLOSED = TcpAddress("10.1.2.3", 9000), TcpAddress("127.0.0.1", 9000)


@pytest.mark.parametrize(
    ("address", "secret", "shown", "reads", "writes"),
    [
        (CLOSED, None, False, 200, 403),
        (CLOSED, SECRET, False, 200, 401),
        (CLOSED, SECRET, True, 200, 200),
        (OPEN, SECRET, False, 401, 401),
        (OPEN, SECRET, True, 200, 200),
        (OPEN, None, False, 401, 403),
        (UnixAddress("/a", 0o600), None, False, 200, 200),
        (UnixAddress("/a", 0o600), SECRET, False, 200, 200),
        (UnixAddress("/a", 0o660), None, False, 200, 403),
        (UnixAddress("/a", 0o660), SECRET, False, 200, 401),
    ],
)
def test_who_may_read_and_who_may_act(address, secret, shown, reads, writes):
    """Loopback reads, others need the secret; acting needs it everywhere but on a private Unix socket."""
    door, plan = AdminDoor(address, "http"), AdminPlan(address, secret)
    headers = {"host": "localhost"} | ({"authorization": f"Bearer {SECRET}"} if shown else {})

    def status(*, acts: bool) -> int:
        try:
            door.let_in(plan, headers, writes=acts)
        except Denied as denied:
            return denied.status
        return 200

    assert (status(acts=False), status(acts=True)) == (reads, writes)


def test_two_actions_of_a_name_are_a_fault():
    """Policies cannot take each other's names."""
    actions, action = Actions(), Action("drain", "", lambda _: None)
    actions.add(action)
    with pytest.raises(ValueError, match="already"):
        actions.add(action)


def test_a_socket_named_admin_is_the_address_of_administration():
    """It needs the setting, and a secret when others can reach it."""
    for place, plan, said in (
        ("127.0.0.1", ServerPlan(), "the file declares no `server.admin`"),
        ("0.0.0.0", ServerPlan(admin=AdminPlan(CLOSED)), "needs `server.admin.secret`: others can reach it"),
    ):
        with socket.create_server((place, 0)) as inherited, pytest.raises(StartupError, match=said):
            open_listeners(plan, None, None, [Inherited("admin", inherited)])
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        plan = ServerPlan(port=0, admin=AdminPlan(CLOSED))
        opened = open_listeners(plan, None, None, [Inherited("admin", inherited)])
        assert [one.role for one in opened] == ["admin", "public"]
        for one in opened:
            one.close()


def test_plain_requests_are_sent_on_to_tls(stage):
    """By 308 to the same host, path and query at the port that speaks TLS, or the one that is named; probes answer."""
    for setting, port in (
        ('"127.0.0.1:0"', None),
        ('{address: "127.0.0.1:0", port: 443}', 443),
        ('{address: "127.0.0.1:0", port: 8443}', 8443),
    ):
        gateway = stage.gateway(f"server: {{redirect_http: {setting}}}\n{ENDPOINT}", door="tls")
        port = port or gateway.port
        redirect = next(one.socket.getsockname()[1] for one in gateway.listeners if one.role == "redirect")
        with stage.wire(redirect) as wire:
            sent = wire.send(
                b"POST /a%2Fb?x=1 HTTP/1.1\r\nhost: api.example.com:8080\r\ncontent-length: 0\r\n\r\n"
            ).reply()
            at = "" if port == 443 else f":{port}"
            assert (sent.status, sent["location"]) == (308, f"https://api.example.com{at}/a%2Fb?x=1")
            assert wire.ask("GET", "/livez").body == b"ok\n"
        with stage.wire(redirect) as wire:
            refused = wire.ask("POST", "/readyz")
            assert (refused.status, refused["allow"]) == (405, "GET, HEAD")
        assert gateway.get("/n").json == 1


@pytest.mark.parametrize(("trusted", "host"), [("127.0.0.1", "shop.example.com"), ("10.0.0.1", "gateway")])
def test_plain_requests_behind_a_proxy_are_sent_to_the_host_that_it_names(stage, trusted, host):
    """As `request.host` is, if the proxy is trusted."""
    settings = f'trusted_proxies: [{trusted}], redirect_http: {{address: "127.0.0.1:0", port: 443}}'
    gateway = stage.gateway(f"server: {{{settings}}}\n{ENDPOINT}", door="tls")
    redirect = next(one.socket.getsockname()[1] for one in gateway.listeners if one.role == "redirect")
    told = ("x-forwarded-for: 192.0.2.1", "x-forwarded-host: shop.example.com")
    with stage.wire(redirect) as wire:
        sent = wire.ask("GET", "/a", *told, "x-forwarded-proto: http")
        assert (sent.status, sent["location"]) == (308, f"https://{host}/a")
        round_and_round = wire.ask("GET", "/a", *told, "x-forwarded-proto: https")
        assert round_and_round.status == (400 if trusted == "127.0.0.1" else 308)


def test_what_is_kept_is_purged(stage):
    """`cache_purge` forgets by tag, upstream, endpoint or all, says how much that was, and refuses what names nothing."""
    up = stage.upstream()
    up["/a"] = stage.reply({"ok": True})
    text = (
        "upstreams: {up: {url: '${UP}', cache: {ttl: 60s, tags: [all]}}}\n"
        "endpoints: {GET /a: {call: up:/a}, GET /b: {cache: 60s, call: up:/a}, GET /c: {call: up:/a}}\n"
    )
    gateway = stage.gateway(ADMIN + text, up)

    def purge(**given):
        body = json.dumps(given).encode()
        lines = f"host: admin.example.com\r\ncontent-length: {len(body)}\r\ncontent-type: application/json\r\n{SHOWN}"
        with stage.wire(gateway.admin) as wire:
            reply = wire.send(f"POST /-/cache_purge HTTP/1.1\r\n{lines}\r\n\r\n".encode() + body).reply()
        return reply.status, reply.json.get("purged")

    for given in ({"tag": "all"}, {"upstream": "up"}, {"all": True}):
        assert gateway.get("/a").status == 200
        assert purge(**given) == (200, 1)
    assert [purge()[0], purge(tag="a", all=True)[0], purge(upstream="other")[0]] == [400, 400, 404]
    assert len(up.requests) == 3
    assert "hit" not in gateway.get("/b")["cache-status"]
    assert [purge(endpoint=key)[0] for key in ("GET /none", "GET /c")] == [404, 200]
    assert "hit" in gateway.get("/b")["cache-status"]
    assert [purge(endpoint="GET /b") for _ in range(2)] == [(200, 1), (200, 0)]
    assert "hit" not in gateway.get("/b")["cache-status"]
    assert len(up.requests) == 4, "the reply is still there"


def test_quotas_are_shown_and_reset(stage):
    """`GET /-/quotas` tells what is used, of one key when it is named; `quota_reset` lets that key begin anew."""
    text = (
        'endpoints: {GET /a: {rate_limit: {quota: 1/month, by: "{{ headers.tenant }}"}, respond: {body: 1}},'
        " GET /b: {respond: {body: 1}},"
        " GET /all: {rate_limit: {quota: 1/month}, respond: {body: 1}}}\n"
    )
    gateway = stage.gateway(ADMIN + text)

    def told(method, path, **given):
        body = json.dumps(given).encode()
        lines = f"host: admin.example.com\r\ncontent-length: {len(body)}\r\ncontent-type: application/json\r\n{SHOWN}"
        with stage.wire(gateway.admin) as wire:
            reply = wire.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n\r\n".encode() + body).reply()
        return reply.status, reply.json

    def asked(tenant):
        return gateway.get("/a", f"tenant: {tenant}").status

    assert [asked("acme"), asked("acme"), asked("7")] == [200, 429, 200]
    status, (shown, _) = told("GET", "/-/quotas?key=acme")
    assert (status, shown["quota"], shown["zone"], shown["by"]) == (200, "1/month", "UTC", "headers.tenant")
    assert (shown["endpoints"], shown["callers"], shown["used_up"]) == (["GET /a"], 2, 2)
    assert shown["uses"] == [{"used": 1, "left": 0}]
    assert "uses" not in told("GET", "/-/quotas")[1][0]
    assert told("GET", "/-/quotas?endpoint=GET+/b") == (200, [])
    assert told("GET", "/-/quotas?endpoint=GET+/c")[0] == 404
    assert told("POST", "/-/quota_reset", key="acme", endpoint="GET /b")[0] == 404
    assert told("POST", "/-/quota_reset", key="acme") == (200, {"reset": 1})
    assert [asked("acme"), asked("7")] == [200, 429]
    assert [gateway.get("/all").status for _ in range(2)] == [200, 429]
    assert told("POST", "/-/quota_reset", key="acme")[1] == {"reset": 1}
    assert told("POST", "/-/quota_reset", key="nobody")[0] == 404
    assert gateway.get("/all").status == 429, "what all use together is not a caller's to begin anew"
    assert told("POST", "/-/quota_reset", key="all", endpoint="GET /all") == (200, {"reset": 1})
    assert gateway.get("/all").status == 200
    assert told("POST", "/-/quota_reset")[0] == 400
    assert told("POST", "/-/quota_reset", key="acme", tenant="x")[0] == 400


def test_it_is_never_limited(stage):
    """A limit and a number at once of the server are for endpoints: who looks after it is let in when they are not."""
    limits = "server: {rate_limit: 1/h, concurrency: {limit: 1}, admin: "
    gateway = stage.gateway(ADMIN.replace("server: {admin: ", limits) + ENDPOINT)
    assert [gateway.get("/n").status for _ in range(2)] == [200, 429]
    with stage.wire(gateway.admin) as wire:
        request = f"GET /-/quotas HTTP/1.1\r\nhost: admin.example.com\r\n{SHOWN}\r\n\r\n".encode()
        assert [wire.send(request).reply().status for _ in range(3)] == [200] * 3
    assert [gateway.get(path).status for path in ("/livez", "/readyz", "/livez")] == [200] * 3
