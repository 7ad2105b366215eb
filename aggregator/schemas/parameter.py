"""Parameters of path, query and headers: compiled at load, then one call turns text into a checked value.

A declaration is the name of a type (``integer``) or a JSON Schema with ``required``, ``default``,
``description``, ``example(s)``, ``deprecated`` and, for arrays in a query, ``explode: false`` (``?tags=a,b``
instead of ``?tags=a&tags=b``). In paths and headers arrays are always separated by commas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

from aggregator.errors import ExpressionError
from aggregator.schemas.declaration import Declaration, read_declaration
from aggregator.schemas.judging.violations import Judge
from aggregator.schemas.keywords import stated_at
from aggregator.schemas.limits import NATIVE, compile_limits
from aggregator.schemas.problems import InvalidInput, InvalidSchema, Path, SchemaProblem, Violation, pointer_to
from aggregator.schemas.types import ARTICLES, READERS
from aggregator.templates import MISSING, text_of

Location = Literal["path", "query", "header", "cookie"]

ABSENT: Final = MISSING
"""What reading gives for an optional parameter that was not sent and has no default."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Parameter:
    """A declared parameter; equal to another that was declared in the same words.

    *parse* takes one text as it came, decoded, and gives the typed value. *read* takes every text that came
    under the name, and gives the value, the default or ``ABSENT``. Both raise ``InvalidInput``, which holds
    all violations.
    """

    name: str
    location: Location
    declaration: Declaration
    parse: Callable[[str], Any] = field(compare=False, repr=False)
    read: Callable[[Sequence[str]], Any] = field(compare=False, repr=False)

    @property
    def required(self) -> bool:
        """Whether a request without it is refused."""
        return self.declaration.required

    @property
    def default(self) -> Any:
        """The value that stands in when it is not sent, or a `Template` of it, or ``ABSENT``."""
        return self.declaration.default

    def stand_in(self, names: Mapping[str, Any]) -> Any:
        """Return what the default, a template, is for the request that *names* speak of, or ``ABSENT`` for null.

        It is taken like a text that a client sends: raises ``InvalidInput`` where that would be refused, and where the
        expression has no value.
        """
        try:
            value = self.declaration.default.render(names)
        except ExpressionError as error:
            violation = Violation(pointer_to((self.name,)), self.location, f"has no default here: {error}", "default")
            raise InvalidInput((violation,)) from None
        if value is None or value is MISSING:
            return ABSENT
        texts = [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]
        explode = not self.declaration.is_array or self.declaration.explode
        return self.read(texts if explode else [",".join(texts)])


def compile_parameter(name: str, declaration: Any, location: Location, filled: Sequence[Path] = ()) -> Parameter:
    """Return the parameter *name*; raise ``InvalidSchema`` with every mistake of its declaration.

    *filled* are the places in *declaration* that hold values of variables: these are shown to nobody. Many endpoints
    declare the same one in the same words, and then share what this gives.
    """
    words = (name, location, repr((declaration, filled)))
    known = _KNOWN.get(words)
    if known is None:
        known = _KNOWN[words] = _compile(name, declaration, location, filled)
    return known


_KNOWN: WeakValueDictionary[tuple[str, str, str], Parameter] = WeakValueDictionary()


def _compile(name: str, declaration: Any, location: Location, filled: Sequence[Path]) -> Parameter:
    declared = read_declaration(declaration, location, filled)
    check = _compile_check(name, declared, location, stated_at(declaration, filled))
    parse_one = _compile_scalar(name, declared, location, check if not declared.is_array else None)
    parse_all = _compile_array(name, declared, location, check) if declared.is_array else None
    _check_values(declared, check)
    return Parameter(
        name,
        location,
        declared,
        _parse_commas(parse_all) if parse_all is not None else parse_one,
        _compile_read(name, declared, location, parse_one, parse_all),
    )


Check = Callable[[Any], list[Violation]]


def _compile_check(name: str, declared: Declaration, location: Location, hidden: Sequence[Any]) -> Check | None:
    """Return the function that finds violations of a typed value, or None when the type says it all."""
    rules = declared.rules
    if not rules:
        return None
    if not declared.is_array and NATIVE.issuperset(rules):
        return compile_limits(rules, pointer_to((name,)), location, hidden)
    judge = Judge(declared.schema, hidden)
    return lambda value: judge.violations(value, location, (name,))


def _compile_scalar(name: str, declared: Declaration, location: Location, check: Check | None) -> Callable[[str], Any]:
    kind = declared.item_type
    read = READERS[kind]
    if kind == "string" and check is None:
        return read
    wrong = (Violation(pointer_to((name,)), location, f"must be {ARTICLES[kind]}", "type"),)

    def parse(text: str) -> Any:
        try:
            value = read(text)
        except ValueError:
            raise InvalidInput(wrong) from None
        if check is not None and (violations := check(value)):
            raise InvalidInput(violations)
        return value

    return parse


def _compile_array(
    name: str, declared: Declaration, location: Location, check: Check | None
) -> Callable[[Sequence[str]], list[Any]]:
    kind = declared.item_type
    read = READERS[kind]

    def parse(texts: Sequence[str]) -> list[Any]:
        values, violations = [], []
        for index, text in enumerate(texts):
            try:
                values.append(read(text))
            except ValueError:
                message = f"must be {ARTICLES[kind]}"
                violations.append(Violation(pointer_to((name, index)), location, message, "type"))
        if not violations and check is not None:
            violations = check(values)
        if violations:
            raise InvalidInput(violations)
        return values

    return parse


def _parse_commas(parse_all: Callable[[Sequence[str]], list[Any]]) -> Callable[[str], list[Any]]:
    return lambda text: parse_all(_split(text))


def _split(text: str) -> list[str]:
    return [item.strip(" \t") for item in text.split(",")] if text else []


def _compile_read(
    name: str,
    declared: Declaration,
    location: Location,
    parse_one: Callable[[str], Any],
    parse_all: Callable[[Sequence[str]], list[Any]] | None,
) -> Callable[[Sequence[str]], Any]:
    pointer, required, default = pointer_to((name,)), declared.required, declared.default
    missing = (Violation(pointer, location, "is required", "required"),)
    repeated = (Violation(pointer, location, "must be given only once", "type"),)

    def read(texts: Sequence[str]) -> Any:
        if not texts:
            if required:
                raise InvalidInput(missing)
            return default
        if parse_all is not None and declared.explode:
            return parse_all(texts)
        if len(texts) > 1:
            raise InvalidInput(repeated)
        return parse_one(texts[0]) if parse_all is None else parse_all(_split(texts[0]))

    return read


def _check_values(declared: Declaration, check: Check | None) -> None:
    """Raise ``InvalidSchema`` when the default or an example would be refused from a client."""
    problems = []
    for path, value in declared.stated_values():
        if not declared.fits_type(value):
            problems.append(SchemaProblem(f"This value is not {ARTICLES[declared.type]}.", path))
        elif check is not None and (violations := check(value)):
            problems.append(SchemaProblem(f"This value {violations[0].message}.", path))
    if problems:
        raise InvalidSchema(problems)
