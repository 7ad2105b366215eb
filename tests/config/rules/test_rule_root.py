"""The sections around endpoints: what has no effect, contradicts itself, or is one step beyond its bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]


def told(explain: Explain, sections: str) -> list[str]:
    """Return what is said of a file with these *sections* and one static endpoint."""
    return explain(f"{sections}\nendpoints: {{GET /a: {{respond: {{body: 1}}}}}}\n")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            "server: {degrade: {queue: 5}}",
            [
                "~no-effect ‹queue› no request waits: there are no `server.limits` → add `limits` with `in_flight` and `queue`"
            ],
        ),
        ("server: {degrade: {in_flight: 5}}", []),
        (
            "server: {degrade: {queue: 5, in_flight: 5}, limits: {in_flight: 5}}",
            ["no-effect ‹5› no more than 0 requests wait (`server.limits`) → add `queue` to `server.limits`"],
        ),
        ("server: {degrade: {queue: 5, in_flight: 5}, limits: {in_flight: 5, queue: 5}}", []),
        (
            "server: {degrade: {queue: 6, in_flight: 6}, limits: {in_flight: 5, queue: 5}}",
            [
                "no-effect ‹6› no more than 5 requests wait (`server.limits`) → write 5 or less",
                "no-effect ‹6› no more than 5 requests are let in (`server.limits`) → write 5 or less",
            ],
        ),
    ],
)
def test_pressures_that_cannot_come(explain: Explain, sections: str, said: list[str]) -> None:
    """No more wait, and no more are let in, than the limits say."""
    assert told(explain, sections) == said


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            "server: {deadline_header: x-left}",
            [
                "no-effect ‹deadline_header› nobody is believed: there are no `trusted_proxies` → name the addresses of your own callers"
            ],
        ),
        ("server: {deadline_header: x-left, trusted_proxies: [10.0.0.0/8]}", []),
        (
            "server: {deadline_header: accept, trusted_proxies: [10.0.0.0/8]}",
            [
                "header-name ‹accept› `accept` says something else → write a header of your own, such as `x-request-deadline`"
            ],
        ),
        (
            "server: {deadline_header: host, trusted_proxies: [10.0.0.0/8]}",
            [
                "header-name ‹host› `host` says something else → write a header of your own, such as `x-request-deadline`"
            ],
        ),
        (
            "server: {deadline_header: 'x y', trusted_proxies: [10.0.0.0/8]}",
            ["header-name ‹x y› `x y` cannot be the name of a header → use letters, digits and `-`"],
        ),
        (
            "server: {debug: {header: 'x y', secret: '0123456789'}}",
            [
                "header-name ‹x y› `x y` cannot be the name of a header → write it like `x-debug`",
                "~literal-secret ‹0123456789› this looks like a secret, and everybody who reads the file can see it → write `${DEBUG}` or `${file:/run/secrets/debug}`",
            ],
        ),
        (
            "server: {headers: {te: x, X: a, x: b, '*': c, 'y z': d}}",
            [
                "header-name ‹te› `te` cannot be set: the connection takes care of it → remove it",
                "header-name ‹x› `x` and `X` are the same header → keep one of the two ‹X› first here",
                "header-name ‹*› headers are named here, not all of them → name each one",
                "header-name ‹y z› `y z` cannot be the name of a header → use letters, digits and `-`",
            ],
        ),
        (
            "prefixes: {/v1/: {}, v2: {}, /: {}, /a/b: {response: {headers: {te: x}}}}",
            [
                "bad-prefix ‹/v1/› `/v1/` is not a prefix of paths → write a path such as /v1, without parameters and without a slash at its end",
                "bad-prefix ‹v2› `v2` is not a prefix of paths → write a path such as /v1, without parameters and without a slash at its end",
                "header-name ‹te› `te` cannot be set: the connection takes care of it → remove it",
            ],
        ),
    ],
)
def test_headers_of_the_server(explain: Explain, sections: str, said: list[str]) -> None:
    """A deadline is believed of somebody, and has a header of its own; every answer can carry what is named."""
    assert told(explain, sections) == said


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            "server: {tls: {cert: c, key: k}, redirect_http: '127.0.0.1:8080', listen: ['unix:/run/a.sock']}",
            [
                "listen ‹tls› Unix sockets do not speak TLS, and nothing else is listened on → remove it, or listen on a port, too",
                "tls-file ‹c› the file `c` cannot be read: no such file or directory → create it, or correct its path, which begins in the folder of this file",
            ],
        ),
        (
            "server: {redirect_http: 127.0.0.1:8080}",
            ["listen ‹redirect_http› nothing speaks TLS that it could send to → add `tls`, or remove `redirect_http`"],
        ),
        (
            "server: {listen: [127.0.0.1:8080, 127.0.0.1:8080, 127.0.0.1:0, 127.0.0.1:0]}",
            ["listen ‹127.0.0.1:8080› `127.0.0.1:8080` is listened on already → remove it"],
        ),
        (
            "server: {listen: [127.0.0.1:8080], host: 0.0.0.0, port: 80}",
            [
                "listen ‹host› `host` changes nothing beside `listen` → keep one of the two ‹listen› this says where to listen",
                "listen ‹port› `port` changes nothing beside `listen` → keep one of the two ‹listen› this says where to listen",
            ],
        ),
        ("server: {host: 0.0.0.0, port: 80}", []),
        (
            "server: {trusted_proxies: [0.0.0.0/1, 0.0.0.0/2, '::/0', 'unix:']}",
            [
                "~trusts-everybody ‹0.0.0.0/1› everybody is trusted: any client can say that it has another address → name the addresses of your own proxies, such as 10.0.0.0/8",
                "~trusts-everybody ‹::/0› everybody is trusted: any client can say that it has another address → name the addresses of your own proxies, such as 10.0.0.0/8",
            ],
        ),
        (
            "server: {proxy_protocol: true}",
            [
                "proxy-protocol ‹proxy_protocol› every connection would be closed: `trusted_proxies` names no network that may send PROXY headers → add `trusted_proxies` with the addresses of the load balancer, like `[10.0.0.0/8]`"
            ],
        ),
        (
            "server: {proxy_protocol: true, trusted_proxies: ['unix:']}",
            [
                "proxy-protocol ‹proxy_protocol› every connection would be closed: `trusted_proxies` names no network that may send PROXY headers → add `trusted_proxies` with the addresses of the load balancer, like `[10.0.0.0/8]`"
            ],
        ),
        ("server: {proxy_protocol: true, trusted_proxies: ['unix:', 10.0.0.0/8]}", []),
        (
            "server: {proxy_protocol: true, trusted_proxies: [10.0.0.0/8], listen: ['unix:/run/a.sock']}",
            [
                "proxy-protocol ‹proxy_protocol› Unix sockets do not speak the PROXY protocol, and nothing else is listened on → remove it, or listen on a port, too"
            ],
        ),
        (
            "server: {proxy_protocol: true, trusted_proxies: [10.0.0.0/8], listen: ['unix:/run/a.sock', 127.0.0.1:80]}",
            [],
        ),
        (
            "server: {admin: 0.0.0.0:9000}",
            [
                "admin-secret ‹0.0.0.0:9000› others can reach `0.0.0.0:9000`, and there is no secret → add `secret`, or listen on `127.0.0.1`"
            ],
        ),
        (
            "server: {admin: {address: 0.0.0.0:9000, secret: '0123456789'}}",
            [
                "too-short ‹0123456789› `secret` needs at least 16 characters → choose a longer one, and keep it in a variable"
            ],
        ),
        ("server: {admin: 127.0.0.1:9000}", []),
        (
            "server: {admin: 127.0.0.1:8080, host: 127.0.0.1, port: 8080}",
            ["listen ‹127.0.0.1:8080› `127.0.0.1:8080` serves everybody already → choose another port"],
        ),
        ("server: {admin: 127.0.0.1:8080, host: 127.0.0.1, port: 8081}", []),
        (
            "server: {admin: 127.0.0.1:8080, listen: ['127.0.0.1:8080']}",
            ["listen ‹127.0.0.1:8080› `127.0.0.1:8080` serves everybody already → choose another port"],
        ),
        ("server: {admin: 127.0.0.1:0, listen: ['127.0.0.1:0']}", []),
        (
            "server: {admin: {address: 127.0.0.1:9000, hosts: ['*.x.com', a.x.com, 'http://a']}}",
            [
                "bad-host ‹*.x.com› `*.x.com` is not the name of a host → write it like `admin.example.com`, without scheme and port",
                "bad-host ‹http://a› `http://a` is not the name of a host → write it like `admin.example.com`, without scheme and port",
            ],
        ),
    ],
)
def test_addresses_that_are_listened_on(explain: Explain, sections: str, said: list[str]) -> None:
    """Each once, with what it can speak, and for the operators alone where it is theirs."""
    assert told(explain, sections) == said
