"""The way out of a name that is not there: the one that is spelled nearly like it; where none is, what there is instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

UPSTREAMS = "version: 1\nupstreams: {users: {url: 'http://users.test'}}\n"


def ways_out(tmp_path: Path, text: str, code: str) -> list[str | None]:
    """Return the hints of the problems with this *code* in the file *text*."""
    file = tmp_path / "routes.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        found = load_config(file, {"TOKEN": "t"}).warnings
    except ConfigError as error:
        found = error.diagnostics
    return [one.hint for one in found if one.code == code]


def endpoint(settings: str, key: str = "GET /a", more: str = "") -> str:
    """Return a file with one endpoint."""
    return f"{UPSTREAMS}{more}endpoints:\n  {key}: {settings}\n"


FAN = "{{fan_out: {{user: 'users:/u', orders: {{url: 'users:/o'{0}}}}}{1}}}"


@pytest.mark.parametrize(
    ("near", "far", "code", "instead"),
    [
        (
            endpoint("{call: {<<: *shard, url: 'users:/a'}}", more="x-a: &shared {timeout: 1s}\n"),
            endpoint("{call: {<<: *other, url: 'users:/a'}}", more="x-a: &shared {timeout: 1s}\n"),
            "unknown-alias",
            ("did you mean `shared`?", "set it further up: `&other`"),
        ),
        (
            endpoint("{respond: {body: 1}}", more="maintenance: [{endpoints: ['GET /b'], every: 'Sun 02:00-04:00', zone: UTC, status: 503}]\n"),
            endpoint("{respond: {body: 1}}", more="maintenance: [{endpoints: [nothing], every: 'Sun 02:00-04:00', zone: UTC, status: 503}]\n"),
            "unknown-endpoint",
            ("did you mean `GET /a`?", "write the key of an endpoint; `*` in it stands for anything"),
        ),
        (
            endpoint("{call: 'd:/x'}").replace("users: {url: 'http://users.test'}", "d: {url: 'demo://uses'}"),
            endpoint("{call: 'd:/x'}").replace("users: {url: 'http://users.test'}", "d: {url: 'demo://zzzzzz'}"),
            "upstream-url",
            ("did you mean `users`?", "it has "),
        ),
        (
            endpoint("{fan_out: {use: accnt}}"),
            endpoint("{fan_out: {use: zzzzzz}}"),
            "unknown-group",
            ("declare it under `groups`", "declare it under `groups`"),
        ),
        (
            endpoint("{fan_out: {use: accnt}}", more="groups: {account: {a: 'users:/a'}, shop: {b: 'users:/b'}}\n"),
            endpoint("{fan_out: {use: zzzzzz}}", more="groups: {account: {a: 'users:/a'}, shop: {b: 'users:/b'}}\n"),
            "unknown-group",
            ("did you mean `account`?", "the groups are account, shop"),
        ),
        (
            endpoint("{params: {usr_id: integer}, call: 'users:/{user_id}'}", "GET /a/{user_id}"),
            endpoint("{params: {other: integer}, call: 'users:/{user_id}'}", "GET /a/{user_id}"),
            "unknown-parameter",
            ("did you mean `user_id`?", "the path has user_id; write `{other}` into the path, or declare it under `query`"),
        ),
        (
            endpoint(FAN.format(", needs: [usr]", "")),
            endpoint(FAN.format(", needs: [zzzzzz]", "")),
            "unknown-part",
            ("did you mean `user`?", "the other parts are user"),
        ),
        (
            endpoint("{fan_out: {orders: {url: 'users:/o', needs: [usr]}}}"),
            endpoint("{fan_out: {orders: {url: 'users:/o', needs: [zzzzzz]}}}"),
            "unknown-part",
            ("remove it", "remove it"),
        ),
        (
            endpoint("{auth: partnes, respond: {body: 1}}", more="auth: {partners: {jwt: {issuer: https://id.test, audience: shop}}}\n"),
            endpoint("{auth: zzzzzz, respond: {body: 1}}", more="auth: {partners: {jwt: {issuer: https://id.test, audience: shop}}}\n"),
            "unknown-scheme",
            ("did you mean `partners`?", "the schemes are partners"),
        ),
        (
            endpoint("{auth: basic, respond: {body: 1}}"),
            endpoint("{auth: zzzzzz, respond: {body: 1}}"),
            "unknown-scheme",
            ("declare it: `auth: {basic: {basic: …}}` at the top", "declare it: `auth: {zzzzzz: {api_key: …}}` at the top"),
        ),
        (
            endpoint(FAN.format("", ", response: {join: [{left: 'ordrs[].u', right: 'user.items[].id', into: x}]}")),
            endpoint(FAN.format("", ", response: {join: [{left: 'zzzzzz[].u', right: 'user.items[].id', into: x}]}")),
            "unknown-list",
            ("did you mean `orders`?", "known here: user, orders"),
        ),
        (
            endpoint(FAN.format("", ", status_map: [{on: 404, part: usr, status: 404}]")),
            endpoint(FAN.format("", ", status_map: [{on: 404, part: zzzzzz, status: 404}]")),
            "unknown-part",
            ("did you mean `user`?", "the parts are user, orders"),
        ),
        (
            endpoint("{call: {url: 'users:/a', headers: {x-a: '${TOKN}'}}}"),
            endpoint("{call: {url: 'users:/a', headers: {x-a: '${OTHER_THING}'}}}"),
            "unset-variable",
            ("did you mean `TOKEN`?", "set it, or give a default: `${OTHER_THING:-…}`"),
        ),
        (
            endpoint("{respond: {body: 1}}", "GTE /a"),
            endpoint("{respond: {body: 1}}", "BREW /a"),
            "endpoint-key",
            ("did you mean `GET`?", "the methods are GET, "),
        ),
        (
            endpoint("{call: {url: 'users:/a', transform: 'my_plugn:clean'}}", more="plugins: [my_plugin]\n"),
            endpoint("{call: {url: 'users:/a', transform: 'zzzzzz:clean'}}", more="plugins: [my_plugin]\n"),
            "unknown-plugin",
            ("did you mean `my_plugin`?", "declare it: `plugins: [zzzzzz]`"),
        ),
        (
            endpoint("{respond: {body: '{{ request.metod }}'}}"),
            endpoint("{respond: {body: '{{ request.zzzzzz }}'}}"),
            "unknown-field",
            ("did you mean `method`?", "it has "),
        ),
        (
            endpoint("{query: {page: integer}, respond: {body: '{{ qury.page }}'}}"),
            endpoint("{query: {page: integer}, respond: {body: '{{ zzzzzz.page }}'}}"),
            "unknown-name",
            ("did you mean `query`?", "known here: "),
        ),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there(tmp_path: Path, near: str, far: str, code: str, instead: tuple[str, str]) -> None:
    """Each has exactly one way out."""
    for text, hint in zip((near, far), instead, strict=True):
        [found] = ways_out(tmp_path, text, code)
        assert (found or "").startswith(hint), (found, hint)
