"""Endpoints as other tools write them, method and path in two places: one finding, and its hint is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]

_NEITHER = "endpoint-key ‹users› `users` names no method and no path"
_BOTH = "in its place: method and path are the key"
_PATH = (
    "unknown-key ‹path› unknown key `path` → the path is the key, as in `GET /a/{id}:`; that of a call is in its URL"
)
CALL = "call: 'http://h/a'"


def _file(endpoints: str) -> str:
    return "endpoints:\n" + "".join(f"  {line}\n" for line in endpoints.splitlines())


@pytest.mark.parametrize(
    ("wrong", "said", "mended"),
    [
        (
            f"/a/{{id}}: {{get: {{{CALL}}}}}",
            "endpoint-key ‹/a/{id}› `/a/{id}` names no method → write `GET /a/{id}: {call: …}`",
            f"GET /a/{{id}}: {{{CALL}}}",
        ),
        (
            "/a: {GET: 'http://h/a', post: {fan_out: {b: 'http://h/b'}}, summary: Hello}",
            "endpoint-key ‹/a› `/a` names no method → write `GET /a: {call: …}`, `POST /a: {fan_out: …}`",
            f"GET /a: {{{CALL}, summary: Hello}}\nPOST /a: {{fan_out: {{b: 'http://h/b'}}, summary: Hello}}",
        ),
        (
            f"GET: {{/a: {{{CALL}}}, /b: {{{CALL}}}}}",
            "endpoint-key ‹GET› `GET` names no path → write `GET /a: {call: …}`, `GET /b: {call: …}`",
            f"GET /a: {{{CALL}}}\nGET /b: {{{CALL}}}",
        ),
        (
            f"GET /a: {{get: {{{CALL}}}}}",
            "unknown-key ‹get› unknown key `get` → leave `get:` out: what is below it stands right below `GET /a`",
            f"GET /a: {{{CALL}}}",
        ),
        (
            f"GET /a: {{{CALL}, post: {{{CALL}}}}}",
            "unknown-key ‹post› unknown key `post` → write `POST /a: {call: …}`, as an endpoint of its own",
            f"GET /a: {{{CALL}}}\nPOST /a: {{{CALL}}}",
        ),
        (
            f"GET /a: {{path: '/a/{{id}}', {CALL}}}",
            _PATH,
            f"GET /a/{{id}}: {{{CALL}}}",
        ),
        (
            f"users: {{path: '/a/{{id}}', method: post, {CALL}}}",
            f"{_NEITHER} → write `POST /a/{{id}}:` {_BOTH}",
            f"POST /a/{{id}}: {{{CALL}}}",
        ),
        (
            f"users: {{paths: [/a], methods: [GET, head], {CALL}}}",
            f"{_NEITHER} → write `GET|HEAD /a:` {_BOTH}",
            f"GET|HEAD /a: {{{CALL}}}",
        ),
        (
            f"users: {{path: 5, {CALL}}}",
            f"{_NEITHER} → write `GET /users/{{user_id}}:` {_BOTH}",
            f"GET /users/{{user_id}}: {{{CALL}}}",
        ),
    ],
)  # fmt: skip
def test_a_split_key_is_one_mistake(wrong: str, said: str, mended: str, explain: Say) -> None:
    """Whatever stands in which place, the hint writes the key as a whole."""
    assert explain(_file(wrong)) == [said]
    assert explain(_file(mended)) == []


def test_a_split_key_of_a_host_is_one_mistake(explain: Say) -> None:
    """Endpoints of a virtual host have the same keys."""
    file = f"virtual_hosts: {{a.example: {{endpoints: {{/a: {{get: {{{CALL}}}}}}}}}}}\n"
    assert [line.partition(" → ")[2] for line in explain(file)] == ["write `GET /a: {call: …}`"]


def test_many_methods_are_not_all_written_out(explain: Say) -> None:
    """Three show how it goes."""
    methods = ", ".join(f"{name}: {{{CALL}}}" for name in ("get", "put", "post", "delete"))
    (line,) = explain(_file(f"/a: {{{methods}}}"))
    assert line.endswith("`POST /a: {call: …}`, …")


def test_other_unknown_keys_beside_methods_are_told(explain: Say) -> None:
    """They are mistakes of their own."""
    codes = [line.partition(" ")[0] for line in explain(_file(f"/a: {{get: {{{CALL}}}, wat: 1}}"))]
    assert codes == ["endpoint-key", "unknown-key"]


def test_a_method_of_a_call_stays_a_mistake_of_its_own(explain: Say) -> None:
    """Without a path beside it, the method of what is called is meant."""
    (line,) = explain(_file(f"GET /a: {{method: POST, {CALL}}}"))
    assert line.endswith("write it under `call`")
