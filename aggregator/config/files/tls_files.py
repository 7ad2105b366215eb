"""The files that ``tls`` of upstreams, server and store names: where, whether they can be used, what they hold.

``merging`` asks for each section that may name some, so that a file renewed on disk is a change of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from aggregator.config.text.section import Section
from aggregator.diagnostics import Diagnostic
from aggregator.transport import TlsSettings

if TYPE_CHECKING:
    from aggregator.transport.tls.files import Unusable

_PAIR = ("cert", "key")
_ROLES = ("ca", "client_ca", *_PAIR)
SERVER = "server.tls"
"""Under what the digest of the server's files stands, beside those of upstreams, whose names have no dot."""
STORE = "store.tls"
"""The same of the store's files."""
_FOLDER = "create it, or correct its path, which begins in the folder of this file"
_Paths = dict[str, str]
_Steps = tuple[str, ...]


class TlsFiles(Struct):
    """What was found: *value* is the section with whole paths; *digests* are of what the files hold, by upstream.

    The files of the server have theirs under ``SERVER``, those of the store under ``STORE``.
    """

    value: Any
    digests: dict[str, str] = field(default_factory=dict)
    files: set[Path] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def find_tls_files(section: Section, value: Any, folder: Path) -> TlsFiles:
    """Look for the files that *section* names in *folder*; *value* is the section with variables filled in."""
    found, look = TlsFiles(value), cache(_look)  # many upstreams may share their files
    for steps, paths in _PAIRS[section.key](value):
        located = {role: str(folder / path) for role, path in paths.items()}
        found.files |= {Path(path) for path in located.values()}
        wrong, digest = look(tuple(located.items()))
        if wrong is not None:
            found.diagnostics.append(_problem(section, steps, wrong, at_path(section.value, steps)))
            continue
        owner = _OWNERS.get(section.key) or steps[0]
        found.digests[owner] = found.digests.get(owner, "") + digest
        found.value = _replaced(found.value, steps, located)
    return found


def _pairs_of_upstreams(value: Any) -> Iterator[tuple[_Steps, _Paths]]:
    """The places of ``tls`` that name files, with the paths by what they are for."""
    for name in value if isinstance(value, dict) else ():
        yield from _named(value, (name, "tls"))


def _pairs_of_server(value: Any) -> Iterator[tuple[_Steps, _Paths]]:
    """The same of the server: its own TLS, that of other names, and that of the address of administration."""
    for tls in (("tls",), ("admin", "tls")):
        yield from _named(value, tls)
        names = at_path(value, (*tls, "names"))
        for name in names if isinstance(names, dict) else ():
            yield from _named(value, (*tls, "names", name))


def _pairs_of_store(value: Any) -> Iterator[tuple[_Steps, _Paths]]:
    """The same of the store."""
    yield from _named(value, ("tls",))


_PAIRS = {"upstreams": _pairs_of_upstreams, "server": _pairs_of_server, "store": _pairs_of_store}
_OWNERS = {"server": SERVER, "store": STORE}


def _named(value: Any, steps: _Steps) -> Iterator[tuple[_Steps, _Paths]]:
    tls = at_path(value, steps)
    if isinstance(tls, dict):
        paths = {role: tls[role] for role in _ROLES if isinstance(tls.get(role), str)}
        if any(role in tls and role not in paths for role in _PAIR):  # neither says anything without the other
            paths = {role: path for role, path in paths.items() if role not in _PAIR}
        if paths:
            yield steps, paths


def at_path(value: Any, steps: _Steps) -> Any:
    """Return the value at *steps* in *value*; None when there is none."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _replaced(value: Any, steps: _Steps, paths: _Paths) -> Any:
    if not steps:
        return {**value, **paths}
    return {**value, steps[0]: _replaced(value[steps[0]], steps[1:], paths)}


def _look(located: tuple[tuple[str, str], ...]) -> tuple[Unusable | None, str]:
    """Return the problem of the *located* files, or else a digest of their content."""
    from aggregator.transport.tls.files import unusable_file  # few configurations need OpenSSL to be loaded

    paths = dict(located)
    authorities = paths.get("ca") or paths.get("client_ca")
    wrong = unusable_file(TlsSettings(ca_file=authorities, cert_file=paths.get("cert"), key_file=paths.get("key")))
    return wrong, "" if wrong is not None else _digest(paths)


def _problem(section: Section, path: _Steps, wrong: Unusable, written: _Paths) -> Diagnostic:
    role: str = "client_ca" if wrong.role == "ca" and "client_ca" in written else wrong.role
    role = role if role in written else "cert"
    at = (*path, role)
    hint = wrong.hint or _FOLDER
    if "${file:" in written[role]:
        hint = "write the path itself, without `${file:…}`, which stands for what a file holds"
    message = f"the file `{written[role]}` {wrong.why}"
    return Diagnostic("tls-file", "error", message, section.position(at), hint, (), (*section.path, *at))


def _digest(located: _Paths) -> str:
    digest = blake2b(digest_size=16)
    for path in located.values():
        with suppress(OSError):  # it has gone since: the pool will say so
            content = Path(path).read_bytes()
            digest.update(b"%d:%b" % (len(content), content))
    return digest.hexdigest()
