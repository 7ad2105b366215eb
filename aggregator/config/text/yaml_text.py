"""Bytes of a file → text that the parser can read, or the one problem that stands against it."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from pathlib import Path

from aggregator.diagnostics import Diagnostic, Position, Source

LARGEST = 8 * 1024 * 1024
"""Most bytes in one file: about thirty thousand endpoints; further ones belong into included files."""

_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_INDENT = re.compile("^ *([\xa0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000])", re.MULTILINE)


def read_file(path: Path) -> bytes:
    """The bytes of *path*, one more than :data:`LARGEST` at most. Raises OSError, for a pipe without a writer too."""
    with open(path, "rb", opener=_at_once) as file:
        content = file.read(LARGEST + 1)
        if not content and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EPIPE, "it is a pipe, and nobody writes into it")
    return content


def _at_once(path: str, flags: int) -> int:
    """Open *path* without waiting for somebody to write into it; what is written is waited for as usual."""
    if not hasattr(os, "O_NONBLOCK"):
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def source_of(content: bytes, file: str) -> Source:
    """Return *content* as a source to be quoted in frames, whatever it is."""
    if len(content) > LARGEST or _is_wide(content):
        return Source(file, "")
    return Source(file, content.decode("utf-8", "replace").removeprefix("\ufeff"))


def read_text(content: bytes | str, file: str) -> str | Diagnostic:
    r"""Return *content* as text, with ``\n`` for every line break and no byte order mark, or what is wrong with it."""
    if len(content) > LARGEST:
        limit = f"a file may have {LARGEST // 1024**2} MiB"
        return _problem("file-too-large", f"the file is too large: {limit}", Position(file), _SPLIT)
    text = content if isinstance(content, str) else _decode(content, file)
    if isinstance(text, Diagnostic):
        return text
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _refusal(text, file) or text


_SPLIT = "move endpoints into further files and name them under `include`"


def _is_wide(content: bytes) -> bool:
    return content.startswith(_WIDE_MARKS) or (content[:2].count(0) == 1 and len(content) > 1)


def _decode(content: bytes, file: str) -> str | Diagnostic:
    if _is_wide(content):
        message = "the file is UTF-16 or UTF-32, not UTF-8"
        return _problem("encoding", message, Position(file), "save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        at = _at(file, before, len(before), 1)
        wrong = content[error.start]
        return _problem("encoding", f"byte 0x{wrong:02x} is not UTF-8", at, "save the file as UTF-8")


def _refusal(text: str, file: str) -> Diagnostic | None:
    """Return the finding about the first invisible character that would change how the text is read."""
    found = _CONTROL.search(text)
    if found is not None:
        name = f"U+{ord(found[0]):04X}"
        hint = f'remove it, or write "\\u{ord(found[0]):04x}" in double quotes'
        message = f"the control character {name} may not stand in the file"
        return _problem("control-character", message, _at(file, text, found.start(), 1), hint)
    space = None if text.isascii() else _INDENT.search(text)
    if space is not None:
        message = f"the line is indented with U+{ord(space[1]):04X}, which only looks like a space"
        return _problem("indentation", message, _at(file, text, space.start(1), 1), "indent with plain spaces")
    return None


def _problem(code: str, message: str, at: Position, hint: str) -> Diagnostic:
    return Diagnostic(code, "error", message, at, hint)


def _at(file: str, text: str, index: int, length: int) -> Position:
    column = index - text.rfind("\n", 0, index)
    return Position(file, text.count("\n", 0, index) + 1, column, column + length)
