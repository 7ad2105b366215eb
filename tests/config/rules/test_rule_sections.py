"""Everything but the endpoints: upstreams, client, server, defaults; and secrets anywhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.config.rules import client

Say = Callable[..., list[str]]


def upstream(settings: str, name: str = "shop") -> str:
    """Return a file with one upstream."""
    return f"version: 1\nupstreams:\n  {name}: {settings}\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://shop.example.com", None),
        ("http://127.0.0.1:9000/v1/", None),
        ("http://[::1]:9000", None),
        ("demo://shop", None),
        ("shop.example.com", "the URL has no scheme"),
        ("//shop.example.com/x", "the URL has no scheme"),
        ("''", "the URL has no scheme"),
        ("ws://shop.example.com", "`ws` URLs cannot be called"),
        ("https://shop.example.com?x=1", "the URL of an upstream has no query"),
        ("'https://shop.example.com/#x'", "a fragment is never sent to a server"),
        ("'https://shop.example.com/{id}'", "the URL of an upstream is the same for every request"),
        ("https://me:secret@shop.example.com", "credentials do not belong in a URL"),
        ("https://", "this is not a host"),
        ("https://sh op", "this is not a host"),
        ("https://shop:99999", "a port is between 1 and 65535"),
        ("demo://nowhere", "the demo has no service `nowhere`"),
        ("demo://", "the demo has no service ``"),
    ],
)
def test_upstream_urls(say: Say, url: str, said: str | None) -> None:
    """The URL of an upstream leads to a server."""
    found = say("GET /x: {call: shop:/x}", upstream(f"{{url: {url}}}" if "'" in url else f"{{url: '{url}'}}"))
    assert [line.partition("› ")[2] for line in found] == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("unix_socket: /run/shop.sock", None),
        (
            "unix_socket: 'unix:run/shop.sock'",
            "unix-socket ‹unix:run/shop.sock› the path of a Unix socket begins with `/`",
        ),
        ("tls: {verify: true, server_name: shop}", None),
        ("tls: {ciphers: ECDHE+AESGCM}", None),
        ("tls: {key: b.pem}", "tls ‹key› a key needs its certificate"),
        ("tls: {verify: false}", "~tls ‹false› anybody on the way can read and change what this upstream sends"),
        ("limits: {max_connections: 5, max_keepalive: 9}", "~limits ‹9› more connections are kept than may be open"),
        ("limits: {max_connections: 5}", None),
        (
            "timeout: {total: 1s, connect: 2s}",
            "~timeout-too-long ‹2s› `connect` may take 2s, but the whole call only has 1s",
        ),
        (
            "forward: {headers: [te]}",
            "header-name ‹te› `te` belongs to the connection with the client and never goes further",
        ),
        ("headers: {upgrade: x}", "header-name ‹upgrade› `upgrade` cannot be set: the connection takes care of it"),
        ("batch: {'/a/{x}': '/a?x={keys}'}", None),
        (
            "batch: {'/a/{x}': 'a?x={keys}'}",
            "bad-batch ‹a?x={keys}› the batch form is a path that says where the keys go",
        ),
    ],
)
def test_upstream_settings(say: Say, settings: str, said: str | None) -> None:
    """How an upstream is connected to fits together."""
    found = say("GET /x: {call: shop:/x}", upstream(f"{{url: 'https://shop.example.com', {settings}}}"))
    assert found == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("url", "settings", "said"),
    [
        ("demo://shop", "unix_socket: /x", "no-effect ‹unix_socket› `unix_socket` has no effect on the demo"),
        ("demo://shop", "tls: {}", "no-effect ‹tls› `tls` has no effect on `demo://`"),
        ("http://shop", "tls: {verify: false}", "no-effect ‹tls› `tls` has no effect on `http://`"),
    ],
)
def test_settings_of_other_upstreams(say: Say, url: str, settings: str, said: str) -> None:
    """What an upstream of this kind does not have is an error."""
    assert say("GET /x: {call: shop:/x}", upstream(f"{{url: '{url}', {settings}}}")) == [said]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-shop", None),
        ("https", "reserved-name ‹https› `https:` begins a full URL, so no upstream can have this name"),
        ("my shop", "bad-name ‹my shop› `my shop` cannot be the name of an upstream"),
    ],
)
def test_upstream_names(say: Say, name: str, said: str | None) -> None:
    """The name of an upstream can stand before a colon."""
    found = say("GET /x: {call: 'https://x.example.com/'}", upstream("{url: https://shop.example.com}", name))
    assert found == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("client: {transport: httpx, proxy: 'http://proxy:3128'}", []),
        ("client: {http2: true}", ["needs-httpx ‹http2› the built-in engine has no `http2`"]),
        ("client: {transport: httpx, proxy: 'http://me:secret@[::1]'}", []),
        *(
            (f"client: {{transport: httpx, proxy: '{url}'}}", [f"bad-proxy ‹{url}› this is not the URL of a proxy"])
            for url in ("proxy:3128", "http://", "http://:3128", "http://proxy:port", "http://[::1", "ftp://proxy")
        ),
        (
            "client: {limits: {max_connections: 1, max_keepalive: 2}}",
            ["~limits ‹2› more connections are kept than may be open"],
        ),
        (
            "client: {timeout: {total: 1s, read: 2s}}",
            ["~timeout-too-long ‹2s› `read` may take 2s, but the whole call only has 1s"],
        ),
        (
            'client: {user_agent: "a\\nb"}',
            ["header-value ‹a\\nb› a header value cannot hold a line break or another control character"],
        ),
        (
            "server: {debug: {header: 'x debug', secret: '${S:-long enough}'}}",
            ["header-name ‹x debug› `x debug` cannot be the name of a header"],
        ),
        (
            "server: {debug: {secret: in plain sight}}",
            ["~literal-secret ‹in plain sight› this looks like a secret, and everybody who reads the file can see it"],
        ),
        (
            "defaults: {timeout: {total: 1s, write: 2s}, forward: {headers: ['*']}, status_map: {any: 500, 404: 404}}",
            [
                "~timeout-too-long ‹2s› `write` may take 2s, but the whole call only has 1s",
                "header-name ‹*› `*` is no header",
                "unreachable-row ‹404› no failure reaches this row: `any` above matches everything that `404` does",
            ],
        ),
    ],
)
def test_other_sections(say: Say, section: str, said: list[str]) -> None:
    """Client, server and defaults fit together."""
    assert say("GET /x: {call: shop:/x}", upstream("{url: https://shop.example.com}") + section + "\n") == said


@pytest.mark.parametrize(
    ("package", "setting", "said"),
    [
        ("h2", "http2: true", "missing-package ‹true› HTTP/2 needs the package h2"),
        ("socksio", "proxy: 'socks5://p:1'", "missing-package ‹socks5://p:1› a SOCKS proxy needs the package socksio"),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_settings_that_need_a_package(
    say: Say, monkeypatch: pytest.MonkeyPatch, package: str, setting: str, said: str, is_there: bool
) -> None:
    """HTTP/2 and SOCKS need a package each; without it they are errors, and the hint is how to install it."""
    find: Any = importlib.util.find_spec
    spec = find("json") if is_there else None
    monkeypatch.setattr(client, "find_spec", lambda name: spec if name == package else find(name))
    around = upstream("{url: https://shop.example.com}") + f"client: {{transport: httpx, {setting}}}\n"
    assert say("GET /x: {call: shop:/x}", around) == ([] if is_there else [said])
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("headers: {authorization: 'Bearer 0123456789'}", True),
        ("headers: {x-api-key: 0123456789ab}", True),
        ("headers: {x-note: 'eyJhbGciOiJI.eyJzdWIiOiIx.abc'}", True),
        ("query: {token: 0123456789ab}", True),
        ("headers: {authorization: '${TOKEN:-Bearer 0123456789}'}", False),
        ("headers: {authorization: '{{ headers.authorization }}'}", False),
        ("headers: {x-api-key: short}", False),
        ("headers: {x-api-key: 5}", False),
        ("headers: {accept: application/json}", False),
        ("query: {page: 0123456789ab}", False),
    ],
)
def test_literal_secrets(say: Say, call: str, is_told: bool) -> None:
    """A secret in the file is worth a warning; one in a variable is where it belongs."""
    found = say(f"GET /x:\n  call:\n    url: shop:/x\n    {call}", upstream("{url: https://shop.example.com}"))
    assert [line.partition(" ")[0] for line in found] == ["~literal-secret"] * is_told


def test_an_empty_host_is_said(say: Say) -> None:
    """Nothing would listen on every address; who wants that says so."""
    message = "an empty host means every address"
    assert say("GET /a: {call: users:/a}", more='server: {host: ""}\n') == [f"bad-host ‹› {message}"]


def test_headers_are_no_default_of_calls(say: Say) -> None:
    """`forward` takes names, so it is no place for headers with values; a list of names is sent there."""
    said = say("GET /a: {call: users:/a}", more="defaults: {headers: {a: b}}\n")
    assert said == ["unknown-key ‹headers› unknown key `headers`"]


@pytest.mark.parametrize(
    ("server", "is_refused"),
    [
        ('{port: 9000, admin: "127.0.0.1:9000"}', True),
        ('{admin: "127.0.0.1:8000"}', True),
        ('{listen: ["127.0.0.1:9000"], admin: "127.0.0.1:9000"}', True),
        ('{listen: ["127.0.0.1:9000"], admin: "127.0.0.1:8000"}', False),
        ('{listen: ["127.0.0.1:0"], admin: "127.0.0.1:0"}', False),
    ],
)
def test_administration_has_an_address_of_its_own(say: Say, server: str, is_refused: bool) -> None:
    """That of `host` and `port` is free where `listen` takes their place; port 0 is another one each time."""
    said = say("GET /a: {call: users:/a}", more=f"server: {server}\n")
    assert [line.partition(" ")[0] for line in said] == ["listen"] * is_refused


@pytest.mark.parametrize(
    ("network", "is_told"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("128.0.0.0/1", True),
        ("10.0.0.0/8", False),
        ("unix:", False),
        ("::1", False),
    ],
)
def test_a_proxy_that_is_everybody_is_told(say: Say, network: str, is_told: bool) -> None:
    """Whom all believe can say that it is anybody."""
    said = say("GET /x: {respond: {body: 1}}", f"version: 1\nserver: {{trusted_proxies: ['{network}']}}\n")
    told = f"~trusts-everybody ‹{network}› everybody is trusted: any client can say that it has another address"
    assert said == ([told] if is_told else [])
