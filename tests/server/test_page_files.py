"""The page of administration: who gets its files, what browsers hold them to, and what it asks for."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest

from aggregator.edge.addresses import TcpAddress
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.server.admin.door import AdminDoor, Denied
from aggregator.server.page.files import PAGE, page_answer

SECRET = "a-secret-of-some-length"
ROUTES = f"""
server: {{admin: {{address: "127.0.0.1:0", secret: {SECRET}}}}}
upstreams: {{users: {{url: "demo://users", headers: {{x-key: "${{KEY}}"}}}}}}
endpoints:
  GET /users/{{id}}: {{summary: One user, call: "users:/users/{{id}}"}}
"""


@pytest.fixture
def get(stage):
    """Return a function that asks the address of administration."""
    gateway = stage.gateway(ROUTES, env={"KEY": "canary-key"})

    def ask(target: str, host: str = "127.0.0.1", method: str = "GET"):
        with stage.wire(gateway.admin) as wire:
            return wire.send(f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()).reply()

    return ask


@pytest.mark.parametrize("path", PAGE)
def test_files_are_served_under_a_strict_policy(get, path):
    """Nothing from elsewhere, nothing inline; and nobody keeps them."""
    reply = get(path)
    assert (reply.status, reply["content-type"].partition("/")[0]) == (200, "text")
    rules = dict(rule.split(" ", 1) for rule in reply["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert (reply["x-content-type-options"], reply["cache-control"]) == ("nosniff", "no-store")
    text = reply.body.decode()
    assert set(re.findall(r"https?://[^\s\"')]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|<style|<script>| on\w+=\"", text
    )


def test_its_files_need_no_secret_and_no_other_site_gets_them():
    """On an address that others reach, too; the names under which they are asked for count."""
    door = AdminDoor(TcpAddress("10.0.0.1", 9000), "http")
    plan = AdminPlan(door.address, secret=SECRET)
    door.let_near(plan, {"host": "10.0.0.1:9000"})
    with pytest.raises(Denied) as denied:
        door.let_near(plan, {"host": "evil.example.com"})
    assert denied.value.status == 421
    with pytest.raises(Denied) as denied:
        door.let_near(plan, {"host": "10.0.0.1:9000", "origin": "http://evil.example.com"})
    assert denied.value.status == 403
    with pytest.raises(Denied) as denied:
        door.let_in(plan, {"host": "10.0.0.1:9000"}, writes=False)
    assert denied.value.status == 401


def test_it_is_not_where_there_is_no_such_address(stage):
    """Nor on the public one."""
    assert stage.gateway(ROUTES, env={"KEY": "x-key-1"}).get("/-/").status == 404


def test_files_are_only_read(get):
    """As everything else at that address."""
    assert get("/-/", method="DELETE").status == 405
    assert get("/-/", host="evil.example.com").status == 421
    assert get("/-/page.py").status == 404


def test_endpoints_are_listed_and_explained(get):
    """With a picture, and without secrets."""
    assert [one["endpoint"] for one in get("/-/endpoints").json] == ["GET /users/{id}"]
    one = get("/-/endpoints?endpoint=GET%20/users/%7Bid%7D")
    assert (one.json["summary"], one.json["picture"][:4]) == ("One user", "<svg")
    assert "users:/users/{id}" in one.json["text"]
    graph = one.json["graph"]
    assert [(box["key"], box["kind"]) for box in graph["boxes"]] == [
        ("request", "end"), ("part0", "box"), ("answer", "end"),
    ]  # fmt: skip
    arrow = graph["arrows"][0]
    assert (arrow["from"], arrow["to"], arrow["dotted"], arrow["path"][0]) == ("request", "part0", False, "M")
    assert all(0 < box["x"] + box["width"] < graph["width"] for box in graph["boxes"])
    assert b"canary-key" not in one.body
    assert get("/-/endpoints?endpoint=nothing").status == 404


def test_the_page_has_all_that_it_names():
    """Each file that one of them names is there."""
    named = {
        urljoin(given, name.decode())
        for given in PAGE
        for name in re.findall(rb'["\']((?:/-|\.\.?)/[\w./]+\.(?:js|css))["\']', page_answer(given).body)
    }
    assert named == set(PAGE) - {"/-/"}
