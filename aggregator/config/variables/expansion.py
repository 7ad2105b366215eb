"""``${NAME}``, ``${NAME:-default}`` and ``${file:path}`` in the values of a section, for the loader.

The values of variables go into the result and into *secrets*, never into a message, and are not read again
for variables of their own; in a text that is compiled they are data (``literal_values``). ``$${`` is a literal ``${``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from aggregator.config.hints.vocabulary import keeps_text, text_kind
from aggregator.config.model.root import RootSettings
from aggregator.config.text.scalars import Doubt, Unquoted, read_plain
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.config.text.yaml_text import LARGEST, read_file
from aggregator.config.variables.literal_values import (
    Filled,
    fault_in_url,
    fill_in,
    is_no_condition,
    is_part_of_a_name,
    names_a_placeholder,
)
from aggregator.diagnostics import Diagnostic, did_you_mean
from aggregator.diagnostics.unreadable import hint_for
from aggregator.fields import TextKind
from aggregator.policies.credentials.settings import SECRET_KEYS
from aggregator.templates import json_text

_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-|\Z)")
_NEARLY = re.compile(r"\s*(?:env[.:])?([A-Za-z_][A-Za-z0-9_]*)\s*")
_FORMS = "write `${NAME}`, `${NAME:-default}` or `${file:/path}`; `$${` is a literal `${`"
_BRACES = re.compile(r"\$\{|\}")
_NONE: frozenset[Any] = frozenset()


class Expansion(Struct, frozen=True):
    """A value with its variables filled in, and what it was made from.

    *variables* and *files* are all that was asked for, set or not: the result holds until one of them
    changes. *secrets* are the texts that came from the environment or a file, for redaction.
    """

    value: Any
    diagnostics: tuple[Diagnostic, ...] = ()
    variables: frozenset[str] = _NONE
    files: frozenset[Path] = _NONE
    secrets: frozenset[str] = _NONE


def expand(section: Section, env: Mapping[str, str], folder: Path) -> Expansion:
    """*section*'s value with its variables filled in from *env* and from files (relative to *folder*).

    An unquoted scalar that is one reference and nothing else is read as if its text had been written there:
    ``port: ${PORT:-8000}`` is an integer. What YAML versions read differently, and an empty text, stay text, and so
    does everything where text is wanted: a key of digits, a header, a query parameter.
    Costs nothing for a section without variables: its value is given back as it is.
    """
    if not section.has_variables:
        return Expansion(section.value)
    expander = _Expander(section, env, folder)
    value = expander.fill(section.value, ())
    return Expansion(
        value,
        tuple(expander.problems),
        frozenset(expander.variables),
        frozenset(expander.files),
        frozenset(expander.secrets),
    )


class _Reference(NamedTuple):
    """``${…}`` as it stands from *start* to *stop* in *text*, the scalar at *path*."""

    text: str
    path: Steps
    start: int
    stop: int

    @property
    def inner(self) -> str:
        """The text between the braces; empty when they are never closed."""
        return self.text[self.start + 2 : self.stop - 1] if self.text[self.stop - 1] == "}" else ""


class _Expander:
    """One pass over one section."""

    def __init__(self, section: Section, env: Mapping[str, str], folder: Path) -> None:
        self._section, self._env, self._folder = section, env, folder
        self._form: Steps = (*section.path[:1], *("" for _ in section.path[1:]))  # the name of an endpoint is no matter
        self.problems: list[Diagnostic] = []
        self.variables: set[str] = set()
        self.files: set[Path] = set()
        self.secrets: set[str] = set()

    def fill(self, value: Any, path: Steps) -> Any:
        """*value*, which stands at *path*, with the variables in all its texts filled in."""
        if isinstance(value, dict):
            return {key: self.fill(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner, (*path, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        filled = self._references(value, path, 0, len(value))
        place = (*self._form, *path)
        kind = text_kind(RootSettings, place)
        if isinstance(value, Unquoted) and len(filled) == 1 and filled[0][:2] == (0, len(value)):
            read = _read(filled[0].value, kind, place)
            if not isinstance(read, str):
                return read
        self._refuse_values(value, path, filled, kind)
        text, forms = fill_in(value, filled, kind)
        self.secrets |= {form for said, form in forms.items() if said in self.secrets}
        return text

    def _references(self, text: str, path: Steps, begin: int, end: int) -> list[Filled]:
        """Return the replacement of each reference from *begin* to *end* in *text*."""
        filled: list[Filled] = []
        done = begin
        while (start := text.find("${", done, end)) >= 0:
            if start > done and text[start - 1] == "$":
                done = start + 2
            else:
                done = min(_end(text, start), end)
                filled.append(Filled(start, done, self._refer(_Reference(text, path, start, done))))
        return filled

    def _text(self, text: str, path: Steps, begin: int, end: int) -> str:
        """A default, which stands from *begin* to *end* in *text*, with what it refers to filled in."""
        inner = [one._replace(start=one.start - begin, stop=one.stop - begin)
                 for one in self._references(text, path, begin, end)]  # fmt: skip
        return fill_in(text[begin:end], inner, TextKind.PLAIN)[0]

    def _refuse_values(self, text: str, path: Steps, filled: list[Filled], kind: TextKind) -> None:
        """Report references that are meant to name something, which only the file can, and values that do not fit."""
        for one in filled:
            written, place = text[one.start : one.stop], _Reference(text, path, one.start, one.stop)
            if kind is TextKind.URL and names_a_placeholder(text, filled, one):
                hint = f"write the name itself, or move `{written}` out of the braces"
                self._problem("bad-variable", "a variable cannot stand in the braces of a URL", place, hint)
            elif kind is not TextKind.PLAIN and is_part_of_a_name(text, filled, one):
                hint = f"write the name itself, or put `{written}` in quotes"
                message = "a variable is a value in an expression, not a part of a name"
                self._problem("bad-variable", message, place, hint)
            elif kind is TextKind.URL and (fault := fault_in_url(text, filled, one)):
                self._problem("bad-variable", f"what this variable holds {fault}", place, "correct its value")
            elif kind is TextKind.CONDITION and is_no_condition(text, filled, one):
                hint = f"set it to `true` or `false`, or compare it: `{written} == 'a'`"
                self._problem("bad-variable", "what this variable holds is neither true nor false", place, hint)

    def _refer(self, reference: _Reference) -> str:
        """The text that *reference* stands for; nothing after a problem."""
        inner = reference.inner
        if inner.startswith("file:"):
            return self._file(inner.removeprefix("file:"), reference)
        named = _NAME.match(inner)
        if named is None:
            near = _NEARLY.fullmatch(inner)
            hint = f"write `${{{near[1]}}}`" if near else _FORMS
            return self._problem("bad-variable", "this is not the name of a variable", reference, hint)
        name, has_default = named[1], bool(named[2])
        self.variables.add(name)
        value = self._env.get(name)
        if has_default and not value:
            return self._text(reference.text, reference.path, reference.start + 2 + named.end(), reference.stop - 1)
        if value is None:
            hint = did_you_mean(name, self._env) or f"set it, or give a default: `${{{name}:-…}}`"
            return self._problem("unset-variable", f"the variable `{name}` is not set", reference, hint)
        if not _is_unicode(value):
            return self._problem("bad-variable", f"the variable `{name}` is not UTF-8", reference, "set it to a text")
        if not value and self._wants_a_value(reference.path):
            hint = f"set it to a value, or write `${{{name}:-}}` where nothing is meant"
            return self._problem("unset-variable", f"the variable `{name}` is set to nothing", reference, hint)
        return self._secret(value)

    def _wants_a_value(self, path: Steps) -> bool:
        """Return whether a header that is sent, or a secret, stands at *path*: there nothing is a mistake."""
        place = (*self._form, *path)
        is_credential = place[0] == "upstreams" and place[2:3] == ("auth",) and place[-1] in SECRET_KEYS
        return (
            place[-1] == "secret"
            or is_credential
            or ("headers" in place[:-1] and text_kind(RootSettings, place) is TextKind.FIELDS)
        )

    def _file(self, name: str, reference: _Reference) -> str:
        """Return what the file says, without a byte order mark and line breaks at its end; an empty one is refused."""
        path = self._folder / name
        self.files.add(path)
        try:
            content = read_file(path)
            if len(content) > LARGEST:
                raise OSError(errno.EFBIG, "it is too large")
            text = content.decode("utf-8-sig").rstrip("\r\n")
            if not text:
                raise OSError(errno.ENODATA, "it is empty")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a UTF-8 text"
            message = f"the file `{name}` cannot be read: {why}"
            hint = hint_for(error) if isinstance(error, OSError) else "save it as UTF-8"
            return self._problem("variable-file", message, reference, hint)
        return self._secret(text)

    def _secret(self, value: str) -> str:
        if value:
            self.secrets.add(value)
        return value

    def _problem(self, code: str, message: str, reference: _Reference, hint: str | None) -> str:
        text, path, start, stop = reference
        written = text[start:stop]
        position = self._section.locate(path, written, text.count(written, 0, start))
        place = (*self._section.path, *path)
        self.problems.append(Diagnostic(code, "error", message, position, hint, (), place))
        return ""


def _is_unicode(value: str) -> bool:
    """Return whether *value* was UTF-8: Python reads other bytes of the environment as halves of surrogate pairs."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def _read(text: str, kind: TextKind, place: Steps) -> Any:
    """Return the value of the scalar *text* at *place*; a scalar that can only be text keeps every character."""
    read = read_plain(text) if text else text
    if read is None or isinstance(read, str):
        return read
    if isinstance(read, Doubt) or kind is TextKind.FIELDS:
        return text
    return text if keeps_text(RootSettings, place, is_respelled=json_text(read) != text) else read


def _end(text: str, start: int) -> int:
    """Return the end of the reference that begins at *start*: behind its own ``}``, or that of the text."""
    depth = 0
    for brace in _BRACES.finditer(text, start):
        depth += 1 if brace[0] == "${" else -1
        if depth == 0:
            return brace.end()
    return len(text)
