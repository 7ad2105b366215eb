"""Behind a real nginx, or two: who the client is and what the upstream hears of it; and the recipe of the cookbook."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_ports

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")

CLIENT, OUTER, INNER = "127.0.0.9", "127.0.0.2", "127.0.0.3"
"""Addresses that requests come from: the client, the nginx that it reaches, and the one before us."""
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {servers}
}}
"""
PROXY = """
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{target}; proxy_bind {address}; proxy_http_version 1.1;
            proxy_set_header Host $host; proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto {scheme}; proxy_set_header X-Forwarded-Host $http_host;
        }}
    }}
"""
ROUTES = """
version: 1
server: {{host: 127.0.0.1, port: {port}, trusted_proxies: {trusted}}}
upstreams: {{lab: {{url: "demo://lab"}}}}
endpoints:
  GET /who: {{respond: {{body: {{client: "{{{{ request.client }}}}", scheme: "{{{{ request.scheme }}}}", host: "{{{{ request.host }}}}"}}}}}}
  GET /up: {{forward: {{client: true}}, call: lab:/echo}}
"""


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run *command* until it listens on *port*, and end it afterwards."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                assert process.poll() is None, f"{command[0]} ended"
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()


@contextmanager
def chains(folder: Path, trusted: str) -> Iterator[list[int]]:
    """Run the server that trusts *trusted*, and an nginx; the ports by which a client asks over no, one and two hops."""
    port, near, far, outer = free_ports(4)
    file = folder / "routes.yaml"
    file.write_text(ROUTES.format(port=port, trusted=trusted))
    hops = [(near, port, INNER, "https"), (far, port, INNER, "$http_x_forwarded_proto"), (outer, far, OUTER, "https")]
    names = ("port", "target", "address", "scheme")
    servers = "".join(PROXY.format(**dict(zip(names, hop, strict=True))) for hop in hops)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, servers=servers))
    with (
        running([sys.executable, "-m", "aggregator", "run", str(file)], port),
        running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], outer),
    ):
        yield [port, near, outer]


def ask(port: int, path: str, headers: dict[str, str]) -> dict[str, str]:
    """Return the answer to a client at its own address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(CLIENT, 0))
    try:
        connection.request("GET", path, headers={"host": "shop.example", **headers})
        answer: dict[str, str] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


FORGED = {"x-forwarded-for": "6.6.6.6", "x-forwarded-proto": "gopher", "x-forwarded-host": "evil.example"}
Row = tuple[str, int, str, str, str, str]
TABLE: list[Row] = [
    # trusted, hops, who the client is, its scheme, its host, what the upstream hears
    ("[]", 0, CLIENT, "http", "shop.example", CLIENT),
    ("[]", 1, INNER, "http", "shop.example", INNER),
    ("[]", 2, INNER, "http", "shop.example", INNER),
    (f"[{INNER}]", 0, CLIENT, "http", "shop.example", CLIENT),
    (f"[{INNER}]", 1, CLIENT, "https", "shop.example", f"{CLIENT}, {INNER}"),
    (f"[{INNER}]", 2, OUTER, "https", "shop.example", f"{OUTER}, {INNER}"),
    (f"[{INNER}, {OUTER}]", 0, CLIENT, "http", "shop.example", CLIENT),
    (f"[{INNER}, {OUTER}]", 1, CLIENT, "https", "shop.example", f"{CLIENT}, {INNER}"),
    (f"[{INNER}, {OUTER}]", 2, CLIENT, "https", "shop.example", f"{CLIENT}, {OUTER}, {INNER}"),
]


@pytest.fixture(scope="module", params=sorted({row[0] for row in TABLE}))
def chained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[int], list[Row]]]:
    """The ports of `chains` for a server that trusts somebody, and what the table says of it."""
    with chains(tmp_path_factory.mktemp("chains"), request.param) as ports:
        yield ports, [row for row in TABLE if row[0] == request.param]


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_who_the_client_is(chained: tuple[list[int], list[Row]], hops: int) -> None:
    """The right-most address that is not trusted, whatever the client made up; the upstream hears the same."""
    ports, rows = chained
    ((*_, client, scheme, host, told),) = (row for row in rows if row[1] == hops)
    for headers in ({}, FORGED):
        assert ask(ports[hops], "/who", headers) == {"client": client, "scheme": scheme, "host": host}
        heard = ask(ports[hops], "/up", headers)["headers"]
        assert isinstance(heard, dict)
        assert (heard["x-forwarded-for"], heard["x-forwarded-proto"]) == (told, scheme)


def test_the_page_shows_this_table() -> None:
    """What is asked here is what the recipe tells."""
    names = {
        CLIENT: "the client",
        INNER: "B",
        OUTER: "A",
        "[]": "none",
        f"[{INNER}]": "B",
        f"[{INNER}, {OUTER}]": "A and B",
    }
    shown = [f"| {names[row[0][0]]} | {' | '.join(names[one[2]] for one in row)} |" for row in batched(TABLE)]
    assert "\n".join(shown) in RECIPE.read_text()


def batched(table: list[Row]) -> list[list[Row]]:
    """Return the rows of *table* for no, one and two hops together."""
    return [table[start : start + 3] for start in range(0, len(table), 3)]


RECIPE = Path(__file__).parents[2] / "docs/cookbook/running.md"
AROUND = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {recipe}
}}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The recipe as the page says it, but for its two ports; the port of nginx."""
    folder = tmp_path_factory.mktemp("recipe")
    (section,) = re.findall(r"^## Nginx in front\n(.*?)^## ", RECIPE.read_text(), re.MULTILINE | re.DOTALL)
    blocks = dict(re.findall(r"^```(yaml|nginx)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    behind, front = free_ports(2)
    (folder / "routes.yaml").write_text(blocks["yaml"].replace("8000", str(behind)))
    text = blocks["nginx"].replace("8000", str(behind)).replace("listen 8080", f"listen 127.0.0.1:{front}")
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, recipe=text))
    with (
        running([sys.executable, "-m", "aggregator", "run", str(folder / "routes.yaml")], behind),
        running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], front),
    ):
        yield front


def test_the_recipe_tells_who_the_client_is(recipe: int) -> None:
    """Address, scheme and host are those that nginx met; what the client makes up counts for nothing."""
    for headers in ({}, FORGED):
        assert ask(recipe, "/whoami", headers) == {"client": CLIENT, "scheme": "http", "host": "shop.example"}


def test_the_recipe_lets_streams_go_on(recipe: int) -> None:
    """The first event is there long before the last."""
    connection = http.client.HTTPConnection("127.0.0.1", recipe, timeout=20)
    connection.request("GET", "/ticker")
    answer = connection.getresponse()
    answer.read1(20)
    first = time.monotonic()
    assert b"data:" in answer.read()
    assert time.monotonic() - first > 0.3  # held back to the end, all of it would be there at once
    connection.close()


def test_the_recipe_leaves_failures_as_they_are(recipe: int) -> None:
    """The 504 is that of the file, with its words, and a 404 says what is served."""
    assert ask(recipe, "/slow", {})["detail"] == "This takes longer than anybody waits."
    assert "Nothing is served at this path" in ask(recipe, "/", {})["detail"]
