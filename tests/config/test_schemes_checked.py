"""What `check` says of schemes: used by somebody, strong, in no clear, and their files closed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.config.rules import schemes
from aggregator.errors import ConfigError

KEYS = f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n"
KEY = "api_key: {header: x-api-key, keys: {file: keys.yaml}}"
ENDPOINT = "endpoints: {GET /a: {auth: a, respond: {body: ok}}}\n"


def said(folder: Path, text: str) -> list[str]:
    """Return the messages of `check` about a file with *text*."""
    (folder / "routes.yaml").write_text(f"version: 1\n{text}")
    try:
        found = load_config(folder / "routes.yaml", {"SHORT": "hunter2hunter2"}).warnings
    except ConfigError as error:
        found = tuple(error.diagnostics)
    return [problem.message for problem in found]


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, False), (0o604, True), (0o644, True)])
def test_a_file_of_keys_that_everybody_reads(tmp_path: Path, mode: int, is_told: bool) -> None:
    """A warning, with the command that closes it; the group may read it."""
    (tmp_path / "keys.yaml").write_text(KEYS)
    (tmp_path / "keys.yaml").chmod(mode)
    found = said(tmp_path, f"auth: {{a: {{{KEY}}}}}\n{ENDPOINT}")
    assert found == (["the file `keys.yaml` can be read by everybody on this machine"] if is_told else [])


@pytest.mark.parametrize(("algorithms", "is_told"), [("[HS256]", True), ("[ES256]", False)])
def test_a_shared_secret_is_one_of_them(tmp_path: Path, algorithms: str, is_told: bool) -> None:
    """That of HS algorithms is secret, and the public key of an issuer is not."""
    from joserfc.jwk import ECKey

    (tmp_path / "key").write_bytes(b"x" * 32 if is_told else ECKey.generate_key("P-256").as_pem(private=False))
    (tmp_path / "key").chmod(0o644)
    jwt = f"{{issuer: https://id.test, audience: shop, algorithms: {algorithms}, key: {{file: key}}}}"
    assert bool(said(tmp_path, f"auth: {{a: {{jwt: {jwt}}}}}\n{ENDPOINT}")) is is_told


def test_a_scheme_that_nobody_uses(tmp_path: Path) -> None:
    """One that `defaults`, any endpoint or the documentation names is used."""
    (tmp_path / "keys.yaml").write_text(KEYS)
    (tmp_path / "keys.yaml").chmod(0o600)
    schemes = (
        f"auth: {{a: {{{KEY}}}, b: {{{KEY}}}, c: {{{KEY}}}, d: {{{KEY}}}}}\n"
        "defaults: {endpoint: {auth: b}}\nserver: {docs: {auth: d}}\n"
    )
    assert said(tmp_path, schemes + ENDPOINT) == ["no endpoint asks for the scheme `c`"]


@pytest.mark.parametrize(
    ("host", "is_told"),
    [("id.test", True), ("10.0.0.1", True), ("127.0.0.1:8080", False), ("localhost", False), ("[::1]:80", False), ("127.0.0.2", False)],
)  # fmt: skip
def test_an_issuer_in_the_clear(tmp_path: Path, host: str, is_told: bool) -> None:
    """Whoever is between can make tokens, unless nobody can be; that holds for the address of the keys alone, too."""
    for jwt in (f"issuer: 'http://{host}'", f"issuer: https://id.test, jwks: 'http://{host}/keys'"):
        found = said(tmp_path, f"auth: {{a: {{jwt: {{{jwt}, audience: shop}}}}}}\n{ENDPOINT}")
        assert any("in the clear" in message for message in found) is is_told


@pytest.mark.parametrize("text", ["keys.json", "ftp://id.test/keys", "https:///keys", "file:///keys"])
def test_an_address_of_keys_that_is_none(tmp_path: Path, text: str) -> None:
    """It would be found when the first token comes, and every caller would get 503."""
    jwt = f"issuer: https://id.test, audience: shop, jwks: '{text}'"
    found = said(tmp_path, f"auth: {{a: {{jwt: {{{jwt}}}}}}}\n{ENDPOINT}")
    assert found == ["this is no URL that keys could be fetched from"]


def test_a_shared_secret_that_is_short(tmp_path: Path) -> None:
    """It is refused for tokens, whose hash it is shorter than, and doubted for webhooks, whose sender made it."""
    (tmp_path / "key").write_bytes(b"x" * 31)
    (tmp_path / "key").chmod(0o600)
    jwt = "jwt: {issuer: https://id.test, audience: shop, algorithms: [HS256], key: {file: key}}"
    assert "has 31 bytes" in said(tmp_path, f"auth: {{a: {{{jwt}}}}}\n{ENDPOINT}")[0]
    hooks = 'signature: {preset: github, secret: "${SHORT}"}'
    assert "has 14 bytes" in said(tmp_path, f"auth: {{a: {{{hooks}}}}}\n{ENDPOINT}")[0]


@pytest.mark.parametrize("is_private", [False, True])
def test_a_key_in_pem_is_no_shared_secret(tmp_path: Path, is_private: bool) -> None:
    """Whoever has the public key of an issuer could sign with it."""
    from joserfc.jwk import ECKey

    (tmp_path / "key").write_bytes(ECKey.generate_key("P-256").as_pem(private=is_private))
    (tmp_path / "key").chmod(0o600)
    jwt = "jwt: {issuer: https://id.test, audience: shop, algorithms: [HS256], key: {file: key}}"
    assert said(tmp_path, f"auth: {{a: {{{jwt}}}}}\n{ENDPOINT}") == [
        "the file `key` is wrong: it is a key in PEM, and no shared secret"
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2027-02-30", "entry 1: `not_after` is not a moment"),
        ("2027-01-01T25:00:00Z", "entry 1: `not_after` is not a moment"),
        ("!!timestamp soon", "entry 1: `not_after` is not a moment"),
        ("!!int abc", "it is no YAML"),
        ("!!int ''", "it is no YAML"),
        ("!!bool abc", "it is no YAML"),
        ("9999-12-31", None),
        ("2027-01-31 12:00:00 +2", None),
    ],
)
def test_moments_of_a_file_of_keys(tmp_path: Path, value: str, found: str | None) -> None:
    """A day that no calendar has is a mistake in the file, and the last one that there is may be written for ever."""
    (tmp_path / "keys.yaml").write_text(KEYS.replace("}", f", not_after: {value}}}"))
    (tmp_path / "keys.yaml").chmod(0o600)
    wrong = said(tmp_path, f"auth: {{a: {{{KEY}}}}}\n{ENDPOINT}")
    assert wrong == ([] if found is None else [f"the file `keys.yaml` is wrong: {found}"])


@pytest.mark.parametrize(
    ("package", "scheme"),
    [
        ("cryptography", "mtls: {from: {header: client-cert}}"),
        ("cryptography", "mtls: {from: {header: x-cert, form: pem}}"),
        ("joserfc", "jwt: {issuer: 'https://id.test', audience: shop}"),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_the_package_of_a_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, scheme: str, is_there: bool
) -> None:
    """What is not installed is an error before a credential needs it, with the extra that brings it."""
    monkeypatch.setattr(schemes, "find_spec", lambda name: object() if is_there or name != package else None)
    trusted = "server: {trusted_proxies: [10.0.0.0/8]}\n"
    found = said(tmp_path, f"{trusted}auth: {{a: {{{scheme}}}}}\n{ENDPOINT}")
    assert found == ([] if is_there else [f"this needs the package {package}"])


@pytest.mark.parametrize("form", ["xfcc", "subject"])
def test_a_certificate_that_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Forms that carry no certificate need no package to read one."""
    monkeypatch.setattr(schemes, "find_spec", lambda name: None)
    scheme = f"mtls: {{from: {{header: x-client, form: {form}}}}}"
    assert said(tmp_path, f"server: {{trusted_proxies: [10.0.0.0/8]}}\nauth: {{a: {{{scheme}}}}}\n{ENDPOINT}") == []


@pytest.mark.parametrize(
    ("guard", "is_told"),
    [
        ("auth.subject == 'x'", True),
        ("'read' in auth.scopes", True),
        ("auth.claims.level > 3", True),
        ("auth.subject != 'banned'", False),
        ("auth.subject is none or 'read' in auth.scopes", False),
        ("headers['x-key'] == 'k' or auth.subject == 'x'", False),
    ],
)
def test_a_guard_that_nobody_passes(tmp_path: Path, guard: str, is_told: bool) -> None:
    """A warning where an endpoint asks nobody who calls, and inherits a guard that only who is known can pass."""
    (tmp_path / "keys.yaml").write_text(KEYS)
    (tmp_path / "keys.yaml").chmod(0o600)
    defaults = f'defaults: {{endpoint: {{auth: a, require: "{{{{ {guard} }}}}"}}}}\n'
    endpoints = "endpoints: {GET /a: {respond: {body: ok}}, GET /b: {auth: none, respond: {body: ok}}}\n"
    found = said(tmp_path, f"auth: {{a: {{{KEY}}}}}\n{defaults}{endpoints}")
    told = f"everybody is refused: who calls is not asked here, so `{{{{ {guard} }}}}` is never true"
    assert found == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("audience", "is_told"), [("", True), (", audience: shop", False), (", audience: [a, b]", False)]
)
def test_tokens_for_whomever(tmp_path: Path, audience: str, is_told: bool) -> None:
    """A warning where a scheme takes tokens that were made for other services."""
    found = said(tmp_path, f"auth: {{a: {{jwt: {{issuer: https://id.test{audience}}}}}}}\n{ENDPOINT}")
    assert found == (["tokens that were made for other services are taken, too"] if is_told else [])
