"""Schemes of callers: nothing secret goes in the clear or stands in the file, and no key is weaker than it looks."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.config.model.schemes.signature import SignatureSettings
from aggregator.config.model.schemes.tokens import JwtSettings
from aggregator.config.rules.asked_schemes import check_external, check_introspection, check_mtls
from aggregator.config.rules.literal_secrets import is_literal, secret_finding
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.edge.networks import is_loopback
from aggregator.identity.certificates import ENCODED

_HASHES = {"sha256": 32, "sha384": 48, "sha512": 64}
_STANDARD = 24
"""Bytes that a secret of Standard Webhooks has at least."""


def check_schemes(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about schemes as such, whoever uses them."""
    for name, scheme in around.settings.auth.items():
        path: Steps = ("auth", name, scheme.kind)
        yield from _check_package(scheme, path)
        if scheme.jwt is not None:
            yield from _check_jwt(scheme.jwt, path)
        if scheme.introspection is not None:
            yield from check_introspection(scheme.introspection, path, around)
        if scheme.external is not None:
            yield from check_external(scheme.external, path, around)
        if scheme.mtls is not None:
            yield from check_mtls(scheme.mtls, path, around)
        if scheme.signature is not None:
            yield from _check_signature(scheme.signature, path, around)


def _check_package(scheme: SchemeSettings, path: Steps) -> Iterator[Finding]:
    """Yield the package that judging credentials needs and that is not installed; files name those of their own."""
    source = None if scheme.mtls is None else scheme.mtls.from_
    if scheme.jwt is not None:
        package = "joserfc"
    elif source is not None and source.form in ENCODED:
        package, path = "cryptography", (*path, "from", "header")
    else:
        return
    if find_spec(package) is None:
        message = f"this needs the package {package}"
        hint = "install it: pip install 'aggregator-server[auth]'"
        yield Finding("missing-package", message, path, hint, at_key=True)


def _check_signature(settings: SignatureSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    wanted = _STANDARD if settings.preset == "standard" else _HASHES[settings.rules.algorithm]
    written = value_at(around.written, (*path, "secret"))
    secrets = written if isinstance(written, list) else [written]
    for index, key in enumerate(settings.keys):
        place = (*path, "secret", index) if isinstance(written, list) else (*path, "secret")
        if is_literal(secrets[index]):
            yield secret_finding(place, f"{path[1]}_secret")
        if len(key) < wanted:
            message = f"this secret has {len(key)} bytes, and a key as long as the hash has {wanted}"
            hint = "make another one, such as by `openssl rand -hex 32`, and give it to the sender"
            yield Finding("short-secret", message, place, hint, "warning")


def _check_jwt(settings: JwtSettings, path: Steps) -> Iterator[Finding]:
    yield from _check_key_address(settings, path)
    if not settings.audience:
        message = "tokens that were made for other services are taken, too"
        yield Finding(
            "no-audience", message, path, "name whom they have to be for: `audience: shop`", "warning", at_key=True
        )


def _check_key_address(settings: JwtSettings, path: Steps) -> Iterator[Finding]:
    """Yield why the keys cannot be fetched from where the file says, or can be changed on the way."""
    if isinstance(settings.jwks, str):
        key, text, hint = "jwks", settings.jwks, "write its URL, or the file that has the keys: `jwks: {file: PATH}`"
        unknown = "this is no URL that keys could be fetched from"
    elif settings.jwks is None and settings.key is None:
        key, text, hint = "issuer", settings.issuer, "write its URL, or say where its keys are: `jwks: URL`"
        unknown = "the keys of an issuer that is no URL cannot be found"
    else:
        return
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield Finding("bad-issuer", unknown, (*path, key), hint)
    elif url.scheme == "http" and not is_loopback(url.hostname):
        message = "the keys are fetched in the clear: whoever is between can make tokens"
        yield Finding("bad-issuer", message, (*path, key), "begin it with `https://`")
