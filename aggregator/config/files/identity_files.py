"""The files that schemes of callers name: keys, passwords, keys of issuers; what they hold, and what is wrong in them.

``merging`` asks for each section ``auth``, so that a renewed file is a change of the configuration, and a broken one is
refused while the last good version goes on serving. Lines of these files are never shown: they are secret, or nearly.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from aggregator.config.files.yaml_data import data_of
from aggregator.config.findings import value_at
from aggregator.config.text.section import Section
from aggregator.diagnostics import Diagnostic
from aggregator.diagnostics.unreadable import hint_for
from aggregator.errors import AggregatorError
from aggregator.identity.keys import KeyFileError, read_entries
from aggregator.identity.passwords import PasswordFileError, read_htpasswd
from aggregator.identity.revoked import read_revoked

_LARGEST = 4 * 1024 * 1024
_EXTRA = "install what it needs: pip install 'aggregator-server[auth]'"
Wrong = tuple[str, str]
"""What is wrong with a file, and the way to mend it."""


class IdentityFiles(Struct):
    """The result of the search: *value* is the section with whole paths, *contents* are those of the files."""

    value: Any
    contents: dict[str, bytes] = field(default_factory=dict)
    files: set[Path] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def find_identity_files(section: Section, value: Any, folder: Path) -> IdentityFiles:
    """Read the files that *section* names in *folder*; *value* is the section with variables filled in."""
    found = IdentityFiles(value)
    for scheme, kind, setting, path in _naming(value):
        place = folder / path
        said = str(value_at(section.value, (scheme, kind, setting, "file")))
        name = said if "${" in said else place.name
        found.files.add(place)
        at = (scheme, kind, setting, "file")
        wrong = _read(found, place, name, setting, value[scheme][kind])
        if wrong is None:
            inner = {**found.value[scheme][kind], setting: {"file": str(place)}}
            found.value = {**found.value, scheme: {**found.value[scheme], kind: inner}}
            if _is_secret(setting, value[scheme][kind]) and _is_open(place):
                message = f"the file `{name}` can be read by everybody on this machine"
                found.diagnostics.append(
                    Diagnostic("open-file", "warning", message, section.position(at), f"`chmod o= {said}`", (),
                               (*section.path, *at))
                )  # fmt: skip
            continue
        message, hint = wrong
        found.diagnostics.append(
            Diagnostic("identity-file", "error", message, section.position(at), hint, (), (*section.path, *at))
        )
    return found


def _is_secret(setting: str, settings: Any) -> bool:
    """Return whether the file of *setting* is secret, or can be guessed from: that of an issuer's public key is not."""
    algorithms = settings.get("algorithms") or ()
    return setting in ("keys", "users") or (setting == "key" and any(str(one).startswith("HS") for one in algorithms))


def _is_open(place: Path) -> bool:
    """Return whether others than owner and group may read the file at *place*."""
    try:
        return bool(place.stat().st_mode & stat.S_IROTH)
    except OSError:  # it has gone since
        return False


def _naming(value: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield scheme, kind, setting and path of each file that the section *value* names."""
    for name, scheme in value.items() if isinstance(value, dict) else ():
        for kind, settings in scheme.items() if isinstance(scheme, dict) else ():
            for setting, named in settings.items() if isinstance(settings, dict) else ():
                path = named.get("file") if isinstance(named, dict) else None
                if isinstance(path, str) and setting in _READERS:
                    yield name, kind, setting, path


def _read(found: IdentityFiles, place: Path, name: str, setting: str, settings: Any) -> Wrong | None:
    """Return why the file at *place*, which the section says as *name*, cannot be used; None where it can."""
    try:
        if place.stat().st_size > _LARGEST:
            return f"the file `{name}` is larger than 4 MiB", "name another file"
        content = place.read_bytes()
    except OSError as error:
        return f"the file `{name}` cannot be read: {error.strerror}", hint_for(error)
    try:
        wrong = _READERS[setting](content, settings)
    except ImportError as error:
        return f"this needs the package {error.name}", _EXTRA
    if wrong is None:
        found.contents[str(place)] = content
        return None
    return f"the file `{name}` is wrong: {wrong[0]}", wrong[1]


def _keys(content: bytes, _: Any) -> Wrong | None:
    return _entries(content, read_entries, "{name: acme, sha256: …}")


def _entries(content: bytes, read: Callable[[Any], object], such_as: str) -> Wrong | None:
    """Return what is wrong with a list of entries in YAML, by *read*, where an entry is *such_as* that."""
    try:
        read(data_of(content))
    except KeyFileError as error:
        where = f"entry {int(error.steps[0]) + 1}: " if error.steps else ""
        return where + error.message, error.hint
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        return f"{where}it is no YAML", "write one entry a line: - " + such_as
    return None


def _users(content: bytes, _: Any) -> Wrong | None:
    import argon2 as argon2
    import bcrypt as bcrypt

    try:
        read_htpasswd(content.decode().splitlines())
    except PasswordFileError as error:
        return f"line {error.line}: {error.message}", error.hint
    except UnicodeDecodeError:
        return "it is not UTF-8", "write it by `htpasswd -B`"
    return None


def _jwks(content: bytes, _: Any) -> Wrong | None:
    from aggregator.identity.keysets import read_jwks

    try:
        keys = read_jwks(json.loads(content))
    except (ValueError, RecursionError) as error:
        return str(error) if "JWKS" in str(error) else "it is no JSON", "save what the issuer publishes as its JWKS"
    return None if len(keys) else ("it has no key that tokens are signed with", "save the JWKS of the issuer")


def _key(content: bytes, settings: Any) -> Wrong | None:
    from aggregator.identity.keysets import read_pem, shared_secret

    algorithms = settings.get("algorithms") or ()
    symmetric = [str(name) for name in algorithms if str(name).startswith("HS")]
    try:
        if symmetric:
            shared_secret(content.strip(), symmetric)
        else:
            read_pem(content)
    except (ValueError, AggregatorError) as error:
        if symmetric:
            return str(error), "put the secret there, 64 bytes at best, or leave `algorithms` out for a public key"
        return str(error), "put a public key in PEM there, or name `algorithms: [HS256]` for a shared secret"
    return None


def _revoked(content: bytes, _: Any) -> Wrong | None:
    return _entries(content, read_revoked, "{jti: …}")


_READERS: dict[str, Callable[[bytes, Any], Wrong | None]] = {
    "keys": _keys, "users": _users, "jwks": _jwks, "key": _key, "revoked": _revoked,
}  # fmt: skip
