"""The files that upstreams name under ``tls``: where they are, whether they can be used, and what they hold now.

``merging`` asks for each section of upstreams, so that a file renewed on disk is a change of the configuration.
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

_ROLES = ("ca", "cert", "key")
_FOLDER = "create it, or correct its path, which begins in the folder of this file"
_Paths = dict[str, str]


class TlsFiles(Struct):
    """What was found: *value* is the section with whole paths; *digests*, by upstream, are of what the files hold."""

    value: Any
    digests: dict[str, str] = field(default_factory=dict)
    files: set[Path] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def find_tls_files(section: Section, value: Any, folder: Path) -> TlsFiles:
    """Look for the files that *section* names in *folder*; *value* is the section with variables filled in."""
    found, look = TlsFiles(value), cache(_look)  # many upstreams may share their files
    for name, upstream, paths in _naming(value):
        located = {role: str(folder / path) for role, path in paths.items()}
        found.files |= {Path(path) for path in located.values()}
        wrong, digest = look(tuple(located.items()))
        if wrong is not None:
            found.diagnostics.append(_problem(section, (name, "tls"), wrong, section.value[name]["tls"]))
            continue
        found.digests[name] = digest
        found.value = {**found.value, name: {**upstream, "tls": {**upstream["tls"], **located}}}
    return found


def _naming(value: Any) -> Iterator[tuple[str, dict[str, Any], _Paths]]:
    """The upstreams that name files, with the paths by what they are for."""
    for name, upstream in value.items() if isinstance(value, dict) else ():
        tls = upstream.get("tls") if isinstance(upstream, dict) else None
        if isinstance(tls, dict):
            paths = {role: tls[role] for role in _ROLES if isinstance(tls.get(role), str)}
            if paths:
                yield name, upstream, paths


def _look(located: tuple[tuple[str, str], ...]) -> tuple[Unusable | None, str]:
    """What is wrong with the files that are *located*, or else the digest of what they hold."""
    from aggregator.transport.tls.files import unusable_file  # few configurations need OpenSSL to be loaded

    paths = dict(located)
    wrong = unusable_file(TlsSettings(ca_file=paths.get("ca"), cert_file=paths.get("cert"), key_file=paths.get("key")))
    return wrong, "" if wrong is not None else _digest(paths)


def _problem(section: Section, path: tuple[str, str], wrong: Unusable, written: _Paths) -> Diagnostic:
    role = wrong.role if wrong.role in written else "cert"
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
