"""The code of plug-ins: what tells values that it made from those that other code made."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

_PACKAGE = "__init__.py"


def code_digest(file: Path) -> bytes:
    """Return a digest of the bytes of *file*, which a module was imported from; of a package, of all its modules."""
    files = sorted(file.parent.rglob("*.py")) if file.name == _PACKAGE else [file]
    hashed = blake2b(digest_size=16)
    for one in files:
        content = _content(one)
        hashed.update(b"%s\0%d\0" % (str(one.relative_to(file.parent)).encode(), len(content)))
        hashed.update(content)
    return hashed.digest()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
