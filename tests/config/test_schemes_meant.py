"""`auth` that names schemes in another form, and schemes without what they need: hints that are right when followed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

KEYS = f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}, scopes: [read]}}\n"
SCHEMES = """\
auth:
  k: {api_key: {header: x-k, keys: {file: keys.yaml}}}
  l: {api_key: {header: x-l, keys: {file: keys.yaml}}}
"""
_MANY = "write `auth: {any: [k, l]}` for one of them, `{all: …}` for every one"
_API_KEY = "api_key: {header: x-api-key, keys: {file: secrets/partners.yaml}}"


def hints(folder: Path, text: str) -> list[str | None]:
    """Return the hints of `check` about a file with *text*, what nobody uses left out."""
    (folder / "routes.yaml").write_text(f"version: 1\n{text}")
    (folder / "secrets").mkdir(exist_ok=True)
    for name in ("keys.yaml", "secrets/partners.yaml"):
        (folder / name).write_text(KEYS)
        (folder / name).chmod(0o600)
    try:
        found = load_config(folder / "routes.yaml", {}).warnings
    except ConfigError as error:
        found = tuple(error.diagnostics)
    return [problem.hint for problem in found if problem.code != "unused"]


@pytest.mark.parametrize(
    ("wrong", "hint", "mended"),
    [
        ("{k: true}", "write `auth: k`", "k"),
        ("{k: null}", "write `auth: k`", "k"),
        ("{k: []}", "write `auth: k`", "k"),
        ("{k: {}}", "write `auth: k`", "k"),
        ("[k]", "write `auth: k`", "k"),
        ("[k: true]", "write `auth: k`", "k"),
        ("{scheme: k}", "write `auth: k`", "k"),
        ("{schemes: [k, l]}", _MANY, "{any: [k, l]}"),
        ("{k: true, l: true}", _MANY, "{any: [k, l]}"),
        ("[k: [], l: []]", _MANY, "{all: [k, l]}"),
        ("{any: [k], l: true}", "write `any: [k, l]`", "{any: [k, l]}"),
        ("{any: {k: true}}", "write `[k]`", "{any: [k]}"),
        ("{any: true}", "name each scheme, as in `any: [customers, partners]`", "{any: [k]}"),
        ("false", "write `auth: none` to ask nobody", "none"),
        ("{k: [read]}", "write `auth: k`, and `require: \"{{ 'read' in auth.scopes }}\"` for its scope", "k"),
    ],
)
def test_schemes_in_another_form_are_one_mistake(tmp_path: Path, wrong: str, hint: str, mended: str) -> None:
    """As OpenAPI has them, as switches, or in a list: the one hint names them as `auth` takes them."""
    file = SCHEMES + "endpoints:\n  GET /a:\n    respond: {body: ok}\n    auth: %s\n"
    assert hints(tmp_path, file % wrong) == [hint]
    assert hints(tmp_path, file % mended) == []


def test_the_scopes_of_a_scheme_are_asked_for_by_the_guard_of_the_hint(tmp_path: Path) -> None:
    """What the hint says of scopes can be written as it stands."""
    endpoint = "GET /a: {respond: {body: ok}, auth: k, require: \"{{ 'read' in auth.scopes }}\"}"
    assert hints(tmp_path, f"{SCHEMES}endpoints: {{{endpoint}}}\n") == []


@pytest.mark.parametrize("name", ["jwt", "basic", "hmac", "token"])
def test_a_scheme_may_have_the_name_of_its_kind(tmp_path: Path, name: str) -> None:
    """Only what stands below it tells a scheme that is named from one that is to be declared elsewhere."""
    file = "endpoints: {GET /a: {respond: {body: ok}, auth: {%s}}}\n"
    assert hints(tmp_path, file % f"{name}: true") == [f"write `auth: {name}`"]
    (elsewhere,) = hints(tmp_path, file % f"{name}: {{issuer: a}}")
    assert elsewhere is not None
    assert elsewhere.startswith("say who may call by `auth: NAME` in the endpoint, and declare NAME")


@pytest.mark.parametrize("key", ["anyy", "optionall"])
def test_a_misspelled_key_is_no_scheme(tmp_path: Path, key: str) -> None:
    """What comes near a key of `auth` is that key."""
    (hint,) = hints(tmp_path, f"{SCHEMES}endpoints: {{GET /a: {{respond: {{body: ok}}, auth: {{{key}: true}}}}}}\n")
    assert hint == f"did you mean `{key[:-1]}`?"


@pytest.mark.parametrize(
    ("scheme", "hint"),
    [
        ("{api_key: true}", f"write it like `{_API_KEY}`"),
        ("{api_key: [abcdefgh12345678]}", f"write it like `{_API_KEY}`"),
        ("{api_key: null}", f"write it like `{_API_KEY}`"),
        ("true", f"write its kind below it, as in `{_API_KEY}`"),
        ("null", f"write its kind below it, as in `{_API_KEY}`"),
        ("[api_key]", f"write its kind below it, as in `{_API_KEY}`"),
        ("basic", "write its kind below it, as in `basic: {users: {file: secrets/htpasswd}}`"),
        (
            "{api_key: {header: x, keys: null}}",
            "write a value behind the colon, as in `keys: {file: secrets/partners.yaml}`",
        ),
    ],
)
def test_a_scheme_without_what_it_needs_is_told_all_of_it(tmp_path: Path, scheme: str, hint: str) -> None:
    """A switch, a list and nothing say no more than that a scheme is wished for."""
    assert hints(tmp_path, f"auth: {{k: {scheme}}}\nendpoints: {{GET /a: {{respond: {{body: ok}}}}}}\n") == [hint]


def test_the_example_of_a_scheme_can_be_written_as_it_stands(tmp_path: Path) -> None:
    """Its file is all that is needed besides."""
    endpoints = "endpoints: {GET /a: {respond: {body: ok}, auth: k}}\n"
    assert hints(tmp_path, f"auth: {{k: {{{_API_KEY}}}}}\n{endpoints}") == []
