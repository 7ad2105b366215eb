"""The part of the GraphQL query language that the demo shop speaks: text → fields.

One query with nested fields, arguments, aliases and variables (October 2021 edition, §2); no fragments,
directives or mutations.
"""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct

_TOKEN = re.compile(r'[\s,\ufeff]+|#[^\n]*|("(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|\$?[A-Za-z_]\w*|\.\.\.|[{}()\[\]:!=@])')
_DEEPEST = 12


class GraphQLError(Exception):
    """The query is wrong as a whole; *offset* is where, in characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.message = message
        self.offset = offset
        super().__init__(message)


class Field(Struct, frozen=True):
    """One selected field: its *key* in the answer is its alias or name; variables are already filled in."""

    key: str
    name: str
    arguments: dict[str, Any]
    fields: tuple[Field, ...]
    offset: int


def parse_query(text: str, variables: dict[str, Any]) -> tuple[Field, ...]:
    """Return the top-level fields of the query in *text*; raises ``GraphQLError``."""
    return _Parser(text, variables).document()


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str, variables: dict[str, Any]) -> None:
        self._tokens = list(_tokens(text))
        self._end = len(text)
        self._at = 0
        self._variables = variables

    def document(self) -> tuple[Field, ...]:
        """Parse the one operation: ``{…}`` or ``query Name($x: T!) {…}``."""
        if self._peek() in ("mutation", "subscription"):
            raise GraphQLError("The demo shop answers queries only.", self._offset())
        if self._peek() == "query":
            self._take()
            if self._peek() not in ("(", "{"):
                self._name()
            if self._peek() == "(":
                self._skip_definitions()
        fields = self._selection(0)
        if self._peek():
            raise self._unexpected()
        return fields

    def _selection(self, depth: int) -> tuple[Field, ...]:
        if depth > _DEEPEST:
            raise GraphQLError("The query is nested too deeply.", self._offset())
        self._expect("{")
        fields = []
        while self._peek() != "}":
            fields.append(self._field(depth))
        self._take()
        if not fields:
            raise GraphQLError("A selection cannot be empty.", self._offset())
        return tuple(fields)

    def _field(self, depth: int) -> Field:
        offset = self._offset()
        key = name = self._name()
        if self._peek() == ":":
            self._take()
            name = self._name()
        arguments = {}
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                argument = self._name()
                self._expect(":")
                arguments[argument] = self._value()
            self._take()
        fields = self._selection(depth + 1) if self._peek() == "{" else ()
        return Field(key, name, arguments, fields, offset)

    def _value(self) -> Any:
        offset = self._offset()
        token = self._take()
        if token == "[":  # noqa: S105 - a token of the language
            values = []
            while self._peek() != "]":
                values.append(self._value())
            self._take()
            return values
        if token.startswith("$"):
            if token[1:] not in self._variables:
                raise GraphQLError(f'Variable "{token}" is not given.', offset)
            return self._variables[token[1:]]
        if token[:1] in ('"', "-") or token[:1].isdigit() or token in ("true", "false", "null"):
            return json.loads(token)
        raise GraphQLError(f"Expected a value, found {token or 'the end'!r}.", offset)

    def _skip_definitions(self) -> None:
        """Step over ``($sku: String!)``: what matters is which variables are given."""
        while self._take() != ")":
            if not self._peek():
                raise self._unexpected()

    def _name(self) -> str:
        if not self._peek().isidentifier():
            raise self._unexpected()
        return self._take()

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise self._unexpected()
        self._take()

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._unexpected()
        self._at += 1
        return token

    def _offset(self) -> int:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else self._end

    def _unexpected(self) -> GraphQLError:
        return GraphQLError(f"Syntax Error: unexpected {self._peek() or 'end'!r}.", self._offset())


def _tokens(text: str) -> list[tuple[int, str]]:
    """Return each token with its offset, without spaces, commas and comments."""
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise GraphQLError(f"Syntax Error: unexpected {text[at]!r}.", at)
        if match[1]:
            found.append((at, match[1]))
        at = match.end()
    return found
