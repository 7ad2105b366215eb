"""The files that upstreams name under ``tls``: where they are, whether they can be used, and what they hold now.

``merging`` asks for each section of upstreams, so that a file renewed on disk is a change of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from aggregator.config.section import Section
from aggregator.diagnostics import Diagnostic
from aggregator.transport import TlsSettings

_ROLES = ("ca", "cert", "key")
_FOLDER = "create it, or correct its path, which begins in the folder of this file"


class TlsFiles(Struct):
    """What was found: *value* is the section with whole paths; *stamps*, by upstream, change with what files hold."""

    value: Any
    stamps: dict[str, str] = field(default_factory=dict)
    files: set[Path] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def find_tls_files(section: Section, value: Any, folder: Path) -> TlsFiles:
    """Look for the files that *section* names in *folder*; *value* is the section with variables filled in."""
    found = TlsFiles(value)
    for name, upstream, paths in _naming(value):
        whole = {role: str(folder / path) for role, path in paths.items()}
        found.files |= {Path(path) for path in whole.values()}
        problem = _problem(section, (name, "tls"), whole, section.value[name]["tls"])
        if problem is not None:
            found.diagnostics.append(problem)
            continue
        found.stamps[name] = _stamp(whole)
        found.value = {**found.value, name: {**upstream, "tls": {**upstream["tls"], **whole}}}
    return found


def _naming(value: Any) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """The upstreams that name files, with the paths by what they are for."""
    for name, upstream in value.items() if isinstance(value, dict) else ():
        tls = upstream.get("tls") if isinstance(upstream, dict) else None
        if isinstance(tls, dict):
            paths = {role: tls[role] for role in _ROLES if isinstance(tls.get(role), str)}
            if paths:
                yield name, upstream, paths


def _problem(
    section: Section, path: tuple[str, str], whole: dict[str, str], written: dict[str, str]
) -> Diagnostic | None:
    from aggregator.transport.tls_files import unusable_file  # few files need OpenSSL to be loaded

    wrong = unusable_file(TlsSettings(ca_file=whole.get("ca"), cert_file=whole.get("cert"), key_file=whole.get("key")))
    if wrong is None:
        return None
    role = wrong.role if wrong.role in whole else "cert"
    at = (*path, role)
    message = f"the file `{written[role]}` {wrong.why}"
    return Diagnostic(
        "tls-file", "error", message, section.position(at), wrong.hint or _FOLDER, (), (*section.path, *at)
    )


def _stamp(whole: dict[str, str]) -> str:
    digest = blake2b(digest_size=16)
    for path in whole.values():
        with suppress(OSError):  # it has gone since: the pool will say so
            content = Path(path).read_bytes()
            digest.update(b"%d:%b" % (len(content), content))
    return digest.hexdigest()
