"""Workers, stores, telemetry, the client and defaults: what has no effect, and what names nothing that there is."""

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
            "server: {workers: {start: fork, blocked: 10s, memory: 1GiB}}",
            [
                "workers ‹start› `start` has no effect on one process → give a `count` of 2 or more, or `auto`, or leave it out",
                "workers ‹blocked› `blocked` has no effect on one process → give a `count` of 2 or more, or `auto`, or leave it out",
                "workers ‹memory› `memory` has no effect on one process → give a `count` of 2 or more, or `auto`, or leave it out",
            ],
        ),
        ("server: {workers: {count: 2, start: fork, blocked: 10s, memory: 1GiB}}", []),
        (
            "server: {workers: 2}\ntelemetry: {metrics: {}}",
            [
                "workers ‹metrics› nobody can scrape several workers at once here → declare `server.admin`, where all workers are in one scrape",
                "~public-metrics ‹metrics› every client can read `/metrics`, which names endpoints and upstreams → declare `server: {admin: 127.0.0.1:9000}`: they are served there, then, and nowhere else",
            ],
        ),
        ("server: {workers: 2, admin: 127.0.0.1:9000}\ntelemetry: {metrics: {}}", []),
        (
            "telemetry: {metrics: {}}",
            [
                "~public-metrics ‹metrics› every client can read `/metrics`, which names endpoints and upstreams → declare `server: {admin: 127.0.0.1:9000}`: they are served there, then, and nowhere else"
            ],
        ),
        (
            "store: {url: memory, timeout: 1s, prefix: a}",
            [
                "no-effect ‹timeout› `timeout` has no effect on memory → remove it, or name a server in `url`",
                "no-effect ‹prefix› `prefix` has no effect on memory → remove it, or name a server in `url`",
            ],
        ),
        (
            "store: {url: memory, timeout: 1s, prefix: a}\nserver: {workers: 2}",
            ["no-effect ‹prefix› `prefix` has no effect on memory → remove it, or name a server in `url`"],
        ),
        (
            "store: redis://u:pw@h:6379/0",
            [
                "~literal-secret ‹redis://u:pw@h:6379/0› this looks like a secret, and everybody who reads the file can see it → write `${STORE_URL}` or `${file:/run/secrets/store-url}`"
            ],
        ),
        ("store: redis://u@h:6379/0", []),
        (
            "store: {url: 'redis://h:6379/0', tls: {key: k}}",
            [
                "no-effect ‹tls› `tls` has no effect on a store in the clear → write `rediss` in place of `redis` in `url`, or remove it",
                "tls ‹key› a key needs its certificate → add `cert`",
            ],
        ),
        (
            "store: {url: 'rediss://h:6379/0', tls: {key: k, cert: c}}",
            [
                "tls-file ‹c› the file `c` cannot be read: no such file or directory → create it, or correct its path, which begins in the folder of this file"
            ],
        ),
        (
            "store: {url: 'unix:///run/r.sock', tls: {ca: c}}",
            [
                "no-effect ‹tls› `tls` has no effect on a store in the clear → remove it",
                "tls-file ‹c› the file `c` cannot be read: no such file or directory → create it, or correct its path, which begins in the folder of this file",
            ],
        ),
        (
            "background: {durable: {store: shared, sync: full}}",
            [
                "bad-durable ‹shared› `shared` is the server that `store` names, and none is named → name it at the top level: `store: redis://127.0.0.1:6379/0`",
                "no-effect ‹sync› `sync` has no effect on a shared store, which syncs as its server is told to (`appendfsync`) → remove it",
            ],
        ),
        ("background: {durable: {store: shared}}\nstore: redis://h:6379/0", []),
        ("background: {durable: {sync: full}}", []),
        (
            "server: {idempotency: {store: shared, count: 5}}",
            [
                "bad-idempotency ‹shared› `shared` is the server that `store` names, and none is named → name it at the top level: `store: redis://127.0.0.1:6379/0`",
                "no-effect ‹count› `count` has no effect on a shared store, where each answer ends with its `ttl` → remove it",
            ],
        ),
        ("server: {idempotency: {store: shared}}\nstore: redis://h:6379/0", []),
        ("server: {idempotency: {count: 5}}", []),
    ],
)
def test_what_one_process_has_no_use_for(explain: Explain, sections: str, said: list[str]) -> None:
    """Settings of several workers, of a store, of metrics that nobody can scrape."""
    assert told(explain, sections) == said


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            "telemetry: {log: {fields: {status: a, 'a b': c, ok: '{{ headers.x }}', b: '{{ body.x }}'}}}",
            [
                "bad-field ‹status› every line has a `status` → call it `own_status`",
                "bad-field ‹a b› `a b` is no name of a field → write letters, digits and _, such as `tenant`",
                "unknown-name ‹body› there is no `body` here → known here: query, headers, cookies, request, params, now, auth",
            ],
        ),
        (
            "telemetry: {log: {access: all, sample: {5xx: 1%, 2xx: 1%, 404: 1%, 600: 1%, 4x: 1%}}}",
            [
                "bad-sample ‹5xx› lines of `5xx` cannot be sampled → leave it out: failures are always logged",
                "bad-sample ‹600› lines of `600` cannot be sampled → write it like 2xx or 404",
                "bad-sample ‹4x› lines of `4x` cannot be sampled → write it like 2xx or 404",
            ],
        ),
        (
            "plugins: [a.py, ./b/c.py, a-b]",
            [
                "bad-plugin ‹a.py› a plug-in is the name of a Python module → write `a`",
                "bad-plugin ‹./b/c.py› a plug-in is the name of a Python module → write `b.c`",
                "bad-plugin ‹a-b› a plug-in is the name of a Python module → write it like `my_plugin`",
            ],
        ),
        (
            "maintenance: [{endpoints: ['GET /*', 'GET /b', 'get /*'], every: 'Sun 02:00-04:00'}]",
            [
                "unknown-endpoint ‹GET /b› there is no endpoint `GET /b` → did you mean `GET /a`?",
                "unknown-endpoint ‹get /*› there is no endpoint `get /*` → did you mean `GET /a`?",
            ],
        ),
        (
            "server: {errors: {404: {}, 413: {status: 400}, 422: {body: '{{ query.x }}'}, 429: {body: '{{ problem.foo }}'}}}",
            [
                "no-effect ‹404› nothing is said of 404 → write a `status`, a `body` or `html`",
                "unknown-field ‹problem.foo› `problem` has no field `foo` → it has `type`, `title`, `status`, `detail`, `request_id`, `cause`, `part`, `upstream`, `upstream_status`, `parts` and `errors`",
            ],
        ),
        (
            "server: {errors: [{on: 404, status: 400}, {on: 404, status: 401}, {on: 404}]}",
            [
                "no-effect ‹{on: 404, status: 401}› 404 has a row already → keep one of the two ‹{on: 404, status: 400}› first here",
                "no-effect ‹{on: 404}› 404 has a row already → keep one of the two ‹{on: 404, status: 400}› first here",
            ],
        ),
        (
            "server: {errors: {404: {html: '<b>{{ problem.title }}</b>'}}}",
            [
                "~unescaped ‹{{ problem.title }}› this is written into markup as it is, and can add to it → end it with `| xml_escape`"
            ],
        ),
    ],
)
def test_what_is_told_to_operators(explain: Explain, sections: str, said: list[str]) -> None:
    """Fields of lines, shares of statuses, error bodies, plug-ins and times of maintenance name what there is."""
    assert told(explain, sections) == said


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            "client: {http2: true, proxy: 'http://p:1'}",
            [
                "needs-httpx ‹http2› the built-in engine has no `http2` → add `transport: httpx`",
                "needs-httpx ‹proxy› the built-in engine has no `proxy` → add `transport: httpx`",
            ],
        ),
        (
            "client: {transport: httpx, proxy: 'http://p:0'}",
            ["bad-proxy ‹http://p:0› this is not the URL of a proxy → write it like `http://proxy:3128`"],
        ),
        ("client: {transport: httpx, proxy: 'http://p:1'}", []),
        (
            "client: {transport: httpx, proxy: 'ftp://p:1'}",
            ["bad-proxy ‹ftp://p:1› this is not the URL of a proxy → write it like `http://proxy:3128`"],
        ),
        (
            "client: {transport: httpx, proxy: 'http://:1'}",
            ["bad-proxy ‹http://:1› this is not the URL of a proxy → write it like `http://proxy:3128`"],
        ),
        (
            "client: {transport: httpx, proxy: 'http://{x}:1'}",
            ["bad-proxy ‹http://{x}:1› this is not the URL of a proxy → write it like `http://proxy:3128`"],
        ),
        (
            "client: {transport: httpx, proxy: 'http://[x:1'}",
            ["bad-proxy ‹http://[x:1› this is not the URL of a proxy → write it like `http://proxy:3128`"],
        ),
        (
            "client: {limits: {max_connections: 5, max_keepalive: 5}, timeout: {total: 1s, connect: 1s, read: 2s}}",
            [
                "~timeout-too-long ‹2s› `read` may take 2s, but the whole call only has 1s → shorten `read` ‹1s› the whole call"
            ],
        ),
        (
            "client: {limits: {max_connections: 5, max_keepalive: 6, max_age: 1s}}",
            ["~limits ‹6› more connections are kept than may be open → write 5 or less"],
        ),
        (
            "client: {transport: httpx, limits: {max_age: 1s}}",
            ["no-effect ‹max_age› with `transport: httpx`, connections have no `max_age` → remove it, or `transport`"],
        ),
        (
            "defaults: {forward: {headers: [te, '*', all, 'a b'], query: ['*', a], deadline: te}, timeout: {total: 1s, pool: 2s}}",
            [
                "header-name ‹te› `te` belongs to the connection with the client and never goes further → remove it",
                "header-name ‹*› `*` is no header → write `all`, or name each one",
                "header-name ‹a b› `a b` cannot be the name of a header → use letters, digits and `-`",
                "bad-name ‹*› `*` is no query parameter → write `query: all`, or name each one",
                "header-name ‹te› `te` says something else → write a header of your own, such as `x-request-deadline`",
                "~timeout-too-long ‹2s› `pool` may take 2s, but the whole call only has 1s → shorten `pool` ‹1s› the whole call",
            ],
        ),
        (
            "defaults: {status_map: [{on: any, status: 500}, {on: 404, part: x, status: 400}]}",
            [
                "unreachable-row ‹404› no failure reaches this row: `any` above matches everything that `404` does → move it further up ‹any› this row comes first",
                "no-effect ‹part› `part` has no effect here: which parts there are differs from endpoint to endpoint → write the row on the endpoint",
            ],
        ),
        (
            "defaults: {status_map: {degraded: 500, unknown_key: 400, 404: {headers: {te: a}}}}",
            [
                "~unreachable-row ‹degraded› no failure reaches this row: only optional parts are skipped under pressure → remove it",
                "~unreachable-row ‹unknown_key› no failure reaches this row: no upstream has a `route` → remove it",
                "header-name ‹te› `te` cannot be set: the connection takes care of it → remove it",
            ],
        ),
    ],
)
def test_the_client_and_what_it_needs(explain: Explain, sections: str, said: list[str]) -> None:
    """A proxy is one that is known; of httpx there is no age; the whole is longer than its phases."""
    assert told(explain, sections) == said
