"""Words for an address where the key that says one has another name: the hint, and the file of one who followed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

ADMIN = "server: {admin: {secret: a-secret-of-sixteen, %s}}"
SERVER = "server: {%s}"
LISTEN = "server: {listen: [{%s}]}"
STORE = "store: {%s}"
HOSTS = "upstreams: {a: {hosts: [{%s}, http://b:2]}}"
UPSTREAM = "upstreams: {a: {%s}}"
RESOLVE = "upstreams: {a: {url: 'http://a:1', resolve: {by: dns, %s}}}"
HEALTH = "upstreams: {a: {url: 'http://a:1', health: {%s}}}"
OAUTH = "upstreams: {a: {url: 'http://a:1', auth: {oauth2: {client_id: a, client_secret: b, %s}}}}"
TRACES = "telemetry: {traces: {%s}}"
JWT = "auth: {a: {jwt: {issuer: 'https://a', audience: b, %s}}}"


def hints(text: str, word: str, folder: Path) -> list[str]:
    """Return the hints for the unknown key *word* of a file that begins with *text*."""
    file = folder / "routes.yaml"
    file.write_text(f"version: 1\n{text}\nendpoints: {{GET /n: {{respond: {{body: 1}}}}}}\n")
    try:
        load_config(file)
    except ConfigError as error:
        return [str(one.hint) for one in error.diagnostics if one.message == f"unknown key `{word}`"]
    return []


@pytest.mark.parametrize(
    ("section", "wrong", "hint"),
    [
        (ADMIN, 'listen: "127.0.0.1:9961"', 'write `address: "127.0.0.1:9961"`'),
        (ADMIN, "port: 9961", 'write `address: "127.0.0.1:9961"`'),
        (ADMIN, "host: 10.0.0.1, port: 9961", 'write `address: "10.0.0.1:9961"`'),
        (ADMIN, 'port: 9961, host: "::1"', 'write `address: "[::1]:9961"`'),
        (ADMIN, 'bind: ":9961"', 'write `address: "127.0.0.1:9961"`'),
        (ADMIN, 'bind: "*:9961"', 'write `address: "*:9961"`'),
        (ADMIN, "url: http://127.0.0.1:9961/", 'write `address: "127.0.0.1:9961"`'),
        (ADMIN, "socket: /run/a.sock", "write `address: unix:/run/a.sock`"),
        (ADMIN, "addr: http://me:secret@a:1", "did you mean `address`?"),
        (ADMIN, 'address: "127.0.0.1:1", host: a.example.com', "did you mean `hosts`?"),
        (SERVER, 'bind: "127.0.0.1:9961"', 'write `listen: "127.0.0.1:9961"`'),
        (SERVER, 'address: "127.0.0.1:9961"', 'write `listen: "127.0.0.1:9961"`'),
        (SERVER, "hostname: 127.0.0.1", "did you mean `host`?"),
        (LISTEN, 'address: "127.0.0.1:9961"', 'write `tcp: "127.0.0.1:9961"`'),
        (LISTEN, "socket: /run/a.sock", "did you mean `unix`?"),
        (STORE, "port: 6379", "write it into `url`, behind the host"),
        (STORE, "url: 'redis://a', port: 6379", "write it into `url`, behind the host"),
        (STORE, "address: 'redis://a'", "did you mean `url`?"),
        (HOSTS, "server: http://a:1", "did you mean `url`?"),
        (HOSTS, "port: 1", "write it into `url`, behind the host"),
        (UPSTREAM, "host: a.example.com", "write `url: https://a.example.com`"),
        (UPSTREAM, 'host: "a.example.com:8443"', "write `url: https://a.example.com:8443`"),
        (UPSTREAM, "host: http://a", "did you mean `url`?"),
        (UPSTREAM, "url: http://a, host: b", "did you mean `hosts`?"),
        (RESOLVE, 'address: "127.0.0.1:53"', "did you mean `server`?"),
        (HEALTH, "url: /health", "did you mean `path`?"),
        (OAUTH, "url: https://a/token", "did you mean `token_url`?"),
        (TRACES, "host: collector", "did you mean `otlp`?"),
        (JWT, "url: https://a/jwks", "did you mean `jwks`?"),
    ],
)
def test_words_for_an_address_lead_to_the_key_that_says_one(
    section: str, wrong: str, hint: str, tmp_path: Path
) -> None:
    """By its own name, with the address where it can be read off; no more of a value is repeated than that."""
    word = wrong.rpartition(", ")[2].partition(":")[0]
    assert hints(section % wrong, word, tmp_path) == [hint]


@pytest.mark.parametrize("wrong", ["listen: '127.0.0.1:9961'", "port: 9961", "bind: '*:9961'", "socket: /run/a.sock"])
@pytest.mark.parametrize("section", [ADMIN, SERVER])
def test_who_follows_the_hint_has_a_file_that_loads(section: str, wrong: str, tmp_path: Path) -> None:
    """The address in the hint is one."""
    word = wrong.partition(":")[0]
    if not (found := hints(section % wrong, word, tmp_path)):
        assert section is SERVER  # which has the key
        return
    right = found[0].removeprefix("write `").removesuffix("`")
    assert hints(section % right, word, tmp_path) == []
    assert load_config(tmp_path / "routes.yaml")
