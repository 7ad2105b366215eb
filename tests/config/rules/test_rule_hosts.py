"""How an upstream is reached: its hosts, its connections, and the addresses that it is called by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]


def told(explain: Explain, upstream: str) -> list[str]:
    """Return what is said of an *upstream* with these settings, which a call after an answer names."""
    endpoint = "POST /a: {respond: {status: 202}, background: ['PUT s:/a']}"
    return explain(f"upstreams: {{s: {{{upstream}}}}}\nendpoints: {{{endpoint}}}\n")


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (
            "hosts: ['https://a.x.com', 'http://b.x.com']",
            [
                "bad-hosts ‹http://b.x.com› all hosts of an upstream have one scheme → write `https://`, or make it an upstream of its own ‹https://a.x.com› the first one"
            ],
        ),
        (
            "hosts: ['https://a.x.com/v1', 'https://b.x.com/v2', 'https://c.x.com/v1/']",
            [
                "bad-hosts ‹https://b.x.com/v2› all hosts of an upstream have one path → write the same path, or put it into the URLs of calls ‹https://a.x.com/v1› the first one"
            ],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com', 'https://B.x.com:443']",
            [
                "bad-hosts ‹https://B.x.com:443› this host is named twice → name it once, with a `weight` ‹https://b.x.com› here already"
            ],
        ),
        (
            "hosts: [{url: 'https://a.x.com', priority: 0}, {url: 'https://b.x.com', priority: 1}]",
            [
                "~no-effect ‹priority› no call comes here: nothing says when hosts of a lower number are not usable → add `eject: {failures: 5}`, `health` or `retry`"
            ],
        ),
        ("hosts: [{url: 'https://a.x.com', priority: 1}, {url: 'https://b.x.com', priority: 1}]", []),
        (
            "hosts: [{url: 'https://a.x.com', priority: 0}, {url: 'https://b.x.com', priority: 1}], retry: {attempts: 2}",
            [],
        ),
        (
            "hosts: [{url: 'https://a.x.com', priority: 0}, {url: 'https://b.x.com', priority: 1}], eject: {failures: 5}",
            [],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com'], balance: {hash: '{{ headers.x }}'}, slow_start: 10s",
            ["no-effect ‹slow_start› `slow_start` has no effect where hosts are chosen by a key → remove it"],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com'], slow_start: 10s, unix_socket: /run/s",
            ["no-effect ‹unix_socket› `unix_socket` has no effect on `hosts` → remove it, or write a `url`"],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com'], health: {path: here}",
            [
                "bad-path ‹here› this is not the path of a request → write it like `/health`, with what is no ASCII percent-encoded"
            ],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com'], health: {path: '/a b'}",
            [
                "bad-path ‹/a b› this is not the path of a request → write it like `/health`, with what is no ASCII percent-encoded"
            ],
        ),
        ("hosts: ['https://a.x.com', 'https://b.x.com'], health: {path: '/a%20b?x=1'}", []),
        (
            "url: 'https://a.x.com', balance: least, eject: {failures: 5}, health: {path: /h}, slow_start: 1s",
            [
                "no-effect ‹balance› `balance` has no effect on one host → write `hosts` in the place of `url`, or `resolve`, or remove it",
                "no-effect ‹eject› `eject` has no effect on one host → write `hosts` in the place of `url`, or `resolve`, or remove it",
                "no-effect ‹health› `health` has no effect on one host → write `hosts` in the place of `url`, or `resolve`, or remove it",
                "no-effect ‹slow_start› `slow_start` has no effect on one host → write `hosts` in the place of `url`, or `resolve`, or remove it",
            ],
        ),
        (
            "url: 'https://a.x.com', breaker: {failures: 5, per: host}",
            ["no-effect ‹host› `per: host` has no effect on one host → remove it, or write `hosts` or `resolve`"],
        ),
        ("hosts: ['https://a.x.com', 'https://b.x.com'], breaker: {failures: 5, per: host}", []),
        (
            "hosts: ['https://a.x.com'], url: 'https://b.x.com'",
            ["no-effect ‹url› `url` has no effect beside `hosts` → write it as one of `hosts`, or remove it"],
        ),
        (
            "hosts: ['demo://shop', 'https://a.x.com']",
            ["bad-hosts ‹demo://shop› the demo is one host → write it as the `url` of an upstream of its own"],
        ),
    ],
)
def test_hosts_that_go_together(explain: Explain, upstream: str, said: list[str]) -> None:
    """One scheme, one path, each once, and none that is never called."""
    assert told(explain, upstream) == said


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (
            "url: 'https://a.x.com', resolve: {by: system}, health: {path: here}",
            [
                "bad-path ‹here› this is not the path of a request → write it like `/health`, with what is no ASCII percent-encoded"
            ],
        ),
        (
            "url: 'https://10.0.0.1', resolve: {by: system}",
            ["no-effect ‹resolve› `resolve` has no effect on an address → write a `url` with a name, or remove it"],
        ),
        (
            "url: 'https://[::1]', resolve: {by: system}",
            ["no-effect ‹resolve› `resolve` has no effect on an address → write a `url` with a name, or remove it"],
        ),
        (
            "url: 'demo://shop', resolve: {by: system}",
            ["no-effect ‹resolve› `resolve` has no effect on the demo → remove it"],
        ),
        (
            "url: 'https://a.x.com', unix_socket: /run/s, resolve: {by: system}",
            ["no-effect ‹resolve› `resolve` has no effect on a Unix socket → remove it"],
        ),
        (
            "hosts: ['https://a.x.com', 'https://b.x.com'], resolve: {by: system}",
            ["no-effect ‹resolve› `resolve` has no effect beside `hosts` → write a `url` in their place, or remove it"],
        ),
        (
            "url: 'https://a.x.com:443', resolve: {by: system, server: 'x:y'}",
            [
                "no-effect ‹{by: system, server: 'x:y'}› the key `server` has no effect here: which server is asked is the system's affair → remove it"
            ],
        ),
    ],
)
def test_names_that_are_looked_up(explain: Explain, upstream: str, said: list[str]) -> None:
    """There is a name, and nobody else who looks it up."""
    assert told(explain, upstream) == said


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (
            "url: 'https://a.x.com', host_header: 'a b'",
            ["bad-host ‹a b› this is neither a host nor a host and a port → write it like `users.internal:8080`"],
        ),
        (
            "url: 'https://a.x.com', host_header: 'a:65536'",
            ["bad-host ‹a:65536› this is neither a host nor a host and a port → write it like `users.internal:8080`"],
        ),
        ("url: 'https://a.x.com', host_header: 'a.x.com:65535'", []),
        (
            "url: 'demo://shop', host_header: a.x.com",
            ["no-effect ‹host_header› `host_header` has no effect on the demo → remove it"],
        ),
        (
            "url: 'demo://shop', unix_socket: /run/s, tls: {verify: true}",
            [
                "no-effect ‹unix_socket› `unix_socket` has no effect on the demo → remove it",
                "no-effect ‹tls› `tls` has no effect on `demo://` → write `https://`, or remove `tls`",
            ],
        ),
        (
            "url: 'https://a.x.com', unix_socket: 'unix:run/s'",
            ["unix-socket ‹unix:run/s› the path of a Unix socket begins with `/` → write `/run/s`"],
        ),
        (
            "url: 'http://a.x.com', tls: {verify: false, key: k, security: legacy}",
            [
                "no-effect ‹tls› `tls` has no effect on `http://` → write `https://`, or remove `tls`",
                "tls ‹key› a key needs its certificate → add `cert`",
            ],
        ),
        (
            "url: 'https://a.x.com', tls: {security: compatible}",
            [
                "~tls ‹compatible› without forward secrecy, who gets the key of this upstream one day can read all that was recorded → leave it out once the upstream speaks TLS 1.3, or TLS 1.2 with ECDHE"
            ],
        ),
        (
            "url: 'https://a.x.com', tls: {verify: false, security: legacy}",
            [
                "~tls ‹false› anybody on the way can read and change what this upstream sends → name its authority with `ca`",
                "~tls ‹legacy› who is on the way may be able to break these old versions of TLS → leave it out once the upstream speaks TLS 1.3, or TLS 1.2 with ECDHE",
            ],
        ),
        ("url: 'https://a.x.com', tls: {security: modern}", []),
        ("url: 'https://a.x.com', limits: {max_connections: 4, max_keepalive: 4}, concurrency: 4", []),
        (
            "url: 'https://a.x.com', limits: {max_connections: 4, max_keepalive: 5}, concurrency: 5",
            [
                "~limits ‹5› more connections are kept than may be open → write 4 or less",
                "~limits ‹5› so many calls cannot be made at once: there are 4 connections → write 4 or less, or leave `max_connections` out ‹4› the connections",
            ],
        ),
        ("url: 'https://a.x.com', limits: {max_connections: 4}, concurrency: {limit: adaptive, at_most: 4}", []),
        (
            "url: 'https://a.x.com', limits: {max_connections: 4}, concurrency: {limit: adaptive, at_most: 5}",
            [
                "~limits ‹5› so many calls cannot be made at once: there are 4 connections → write 4 or less, or leave `max_connections` out ‹4› the connections"
            ],
        ),
        ("url: 'https://a.x.com', limits: {max_connections: 4}, concurrency: {limit: adaptive}", []),
    ],
)
def test_connections_of_an_upstream(explain: Explain, upstream: str, said: list[str]) -> None:
    """What is said of its host, its socket, its TLS and its number has an effect."""
    assert told(explain, upstream) == said


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ("url: $SHOP_URL", ["upstream-url ‹$SHOP_URL› `$SHOP_URL` is not filled in → write `${SHOP_URL}`"]),
        (
            "url: '${S:-ws://u:p@a.x.com/b}'",
            [
                "upstream-url ‹${S:-ws://u:p@a.x.com/b}› what `${S:-ws://u:p@a.x.com/b}` stands for cannot be used here → write it like `https://api.example.com:8443`"
            ],
        ),
        (
            "url: 'ws://u:p@a.x.com/b'",
            [
                "upstream-url ‹ws://u:p@a.x.com/b› `ws` URLs cannot be called → write `https://a.x.com/b` or `http://a.x.com/b`"
            ],
        ),
        ("url: a.x.com", ["upstream-url ‹a.x.com› the URL has no scheme → write `https://a.x.com`"]),
        ("url: //a.x.com/b", ["upstream-url ‹//a.x.com/b› the URL has no scheme → write `https://a.x.com/b`"]),
        ("url: '//'", ["upstream-url ‹//› the URL has no scheme → write it like `https://api.example.com`"]),
        (
            "url: 'https://a.x.com?x=1'",
            [
                "upstream-url ‹https://a.x.com?x=1› the URL of an upstream has no query → write its parameters under `query`"
            ],
        ),
        (
            "url: 'https://a.x.com/#x'",
            ["upstream-url ‹https://a.x.com/#x› a fragment is never sent to a server → remove what begins with `#`"],
        ),
        (
            "url: 'https://a.x.com/{x}'",
            [
                "upstream-url ‹https://a.x.com/{x}› the URL of an upstream is the same for every request → write placeholders into the URL of a call"
            ],
        ),
        (
            "url: 'https://u:p@a.x.com'",
            [
                "upstream-url ‹https://u:p@a.x.com› credentials do not belong in a URL → send them in `headers`, from a variable"
            ],
        ),
        ("url: 'https://a.x.com/u@v'", []),
        ("url: 'demo://shpo'", ["upstream-url ‹demo://shpo› the demo has no service `shpo` → did you mean `shop`?"]),
        (
            "url: 'https://a.x.com:0'",
            [
                "upstream-url ‹https://a.x.com:0› a port is between 1 and 65535 → write it like `https://api.example.com:8443`"
            ],
        ),
        (
            "url: 'https://a.x.com', broker: {max_length: 5}",
            [
                "no-effect ‹broker› `broker` has no effect on what is no broker → remove it, or write the address of a broker into `url`"
            ],
        ),
        (
            "url: 'https://a.x.com', batch: {'/a/{x': '/a?x={keys}', '/b/{x}': '/b', '/c/{x}': 'c?x={keys}', '/d/{x}': '/d?x={keys}'}",
            [
                "bad-batch ‹/a/{x› a parameter is a whole segment → write `/{name}/`, no text beside it",
                "bad-batch ‹/b› the batch form is a path that says where the keys go → write it like `/products?ids={keys}`",
                "bad-batch ‹c?x={keys}› the batch form is a path that says where the keys go → write it like `/products?ids={keys}`",
            ],
        ),
    ],
)
def test_the_url_of_an_upstream(explain: Explain, upstream: str, said: list[str]) -> None:
    """What can be called is one address, without a query, a credential or a placeholder."""
    assert told(explain, upstream) == said
