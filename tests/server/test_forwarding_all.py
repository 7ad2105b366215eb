"""All of a request goes upstream but what must not, and the upstream is told who asked; through the whole server."""

from __future__ import annotations

import pytest

from aggregator import load_config
from aggregator.errors import ConfigError

FILE = """
server: {trusted_proxies: [127.0.0.1, 10.0.0.0/8], debug: {secret: "${DEBUG:-a secret of ours}"}}
auth: {partners: {api_key: {header: x-key, keys: {file: keys.yaml}}}}
upstreams: {up: {url: "${UP}", headers: {x-set: ours}}}
endpoints:
  GET /all: {forward: {headers: all, query: all, except: [x-internal, internal]}, call: up:/a?fixed=1}
  GET /cookie: {forward: {headers: [all, cookie]}, call: up:/a}
  GET /x: {forward: {client: true}, call: up:/a}
  GET /f: {forward: {client: forwarded}, call: up:/a}
  GET /own: {forward: {client: true}, call: {url: up:/a, headers: {x-forwarded-for: mine}}}
  GET /stream: {stream: true, forward: {headers: all, query: all, client: true}, call: up:/a}
  POST /body: {forward: {headers: all, body: true}, call: up:/a}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream that answers anything."""
    up = shared_stage.upstream()
    up["/a"] = shared_stage.reply({"ok": True})
    return up


@pytest.fixture(scope="module")
def served(shared_stage, upstream):
    """A server behind trusted proxies, before *upstream*."""
    (shared_stage.folder / "keys.yaml").write_text("[]\n")
    return shared_stage.gateway(FILE, upstream)


@pytest.mark.parametrize("path", ["/all", "/stream"])
def test_all_headers_go_but_those_of_the_connection(served, upstream, path):
    """Whatever may go further does; credentials, framing, what the connection names, and what clients make up do not."""
    lines = [
        "x-mine: 1", "accept: text/csv", "user-agent: curl", "x-twice: a", "x-twice: b", "authorization: Bearer x",
        "cookie: a=b", "x-key: secret", "x-debug: a secret of ours", "te: trailers", "connection: keep-alive, x-hop",
        "x-hop: 1", "forwarded: for=6.6.6.6", "x-forwarded-for: 192.0.2.1", "x-forwarded-prefix: /evil",
        "x-real-ip: 6.6.6.6", "accept-encoding: gzip", "x-set: theirs", "content-type: text/plain",
    ]  # fmt: skip
    if path == "/all":
        lines.append("x-internal: 1")
    assert served.get(path, *lines).status == 200
    got = [(name, value) for name, value in upstream.last.headers if name not in ("host", "accept-encoding")]
    told = [(name, value) for name, value in got if name.startswith("x-forwarded")]
    plain = sorted(field for field in got if field not in told)
    assert plain == [
        ("accept", "text/csv"), ("user-agent", "curl"), ("x-mine", "1"), ("x-set", "ours"), ("x-twice", "a"),
        ("x-twice", "b"),
    ]  # fmt: skip
    assert [name for name, _ in told] == (
        [] if path == "/all" else ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]
    )


def test_a_cookie_goes_when_it_is_named(served, upstream):
    """What is named beside `all` goes with it."""
    served.get("/cookie", "cookie: a=b", "x-mine: 1", "authorization: Basic x")
    assert (upstream.last["cookie"], upstream.last["x-mine"], upstream.last["authorization"]) == ("a=b", "1", None)


def test_without_a_header_of_the_client_ours_stands(served, upstream):
    """Who sends no accept and no user-agent leaves those of the server."""
    served.get("/all")
    assert (upstream.last["accept"], upstream.last["user-agent"]) == ("*/*", "aggregator")


def test_the_whole_query_goes(served, upstream):
    """All parameters in their order, but those left out, and those that the call sets itself."""
    served.get("/all?b=2&a=%20x&internal=1&fixed=9&b=3&flag")
    assert upstream.last.target == "/a?fixed=1&b=2&a=%20x&b=3&flag"


def test_a_body_goes_with_its_own_description(served, upstream):
    """Type and coding come once, with the body that they describe."""
    served.ask("POST", "/body", "content-type: text/csv", "x-mine: 1", body=b"a,b")
    assert [value for name, value in upstream.last.headers if name == "content-type"] == ["text/csv"]
    assert (upstream.last.body, upstream.last["x-mine"]) == (b"a,b", "1")


@pytest.mark.parametrize(
    ("lines", "told", "forwarded"),
    [
        ((), ("127.0.0.1", "http", "gateway"), "for=127.0.0.1;proto=http;host=gateway"),
        (
            ("x-forwarded-for: 6.6.6.6, 192.0.2.7, 10.1.1.1", "x-forwarded-proto: https", "x-forwarded-host: shop.example"),
            ("192.0.2.7, 10.1.1.1, 127.0.0.1", "https", "shop.example"),
            "for=192.0.2.7;proto=https;host=shop.example, for=10.1.1.1, for=127.0.0.1",
        ),
        (
            ('forwarded: for="[2001:db8::1]:99";proto=https;host="a.example:8443"',),
            ("2001:db8::1, 127.0.0.1", "https", "a.example:8443"),
            'for="[2001:db8::1]";proto=https;host="a.example:8443", for=127.0.0.1',
        ),
    ],
)  # fmt: skip
def test_a_trusted_chain_is_gone_on_with(served, upstream, lines, told, forwarded):
    """The client and the proxies that are trusted, then the peer; what stood left of the client is gone."""
    served.get("/x", *lines)
    assert tuple(upstream.last[f"x-forwarded-{name}"] for name in ("for", "proto", "host")) == told
    assert upstream.last["forwarded"] is None
    served.get("/f", *lines)
    assert (upstream.last["forwarded"], upstream.last["x-forwarded-for"]) == (forwarded, None)


def test_an_untrusted_chain_is_replaced(stage):
    """Who is not trusted is the client, whatever it says of others."""
    upstream = stage.upstream()
    upstream["/a"] = stage.reply({})
    gateway = stage.gateway(
        "endpoints: {GET /x: {forward: {headers: [x-forwarded-for], client: true}, call: up:/a}}", upstream
    )
    gateway.get("/x", "x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https")
    assert [value for name, value in upstream.last.headers if name.startswith("x-forwarded")] == [
        "127.0.0.1",
        "http",
        "gateway",
    ]


def test_what_the_call_says_itself_stands(served, upstream):
    """A call that sets such a header has said what is to be said."""
    served.get("/own")
    assert [value for name, value in upstream.last.headers if name == "x-forwarded-for"] == ["mine"]


def test_except_needs_all(tmp_path):
    """Leaving something out of nothing is a problem of the file."""
    path = tmp_path / "routes.yaml"
    path.write_text(
        "version: 1\nupstreams: {u: {url: 'http://127.0.0.1:9'}}\n"
        "endpoints: {GET /a: {forward: {headers: [accept], except: [x-a]}, call: u:/}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (found,) = caught.value.diagnostics
    assert (found.code, bool(found.hint)) == ("no-effect", True)
