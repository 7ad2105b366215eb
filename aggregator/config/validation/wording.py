"""Errors of the models in the words of whoever wrote the file, one for each mistake; used for every model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aggregator.config.findings import value_at, written_path
from aggregator.config.hints.groups_meant import hint_for_list
from aggregator.config.hints.schemes_meant import asks_schemes, names_a_scheme
from aggregator.config.hints.shapes import AN_EXPRESSION, hint_for_type, is_expression
from aggregator.config.hints.unknown_keys import ENDPOINT_KEY, hint_for_key
from aggregator.config.hints.vocabulary import field_at, model_at, takes_any_key
from aggregator.config.hints.wording import example_of, found_in, sentence
from aggregator.config.model.schemes.scheme import KINDS
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.durations import number_text
from aggregator.fields import Settings

_KINDS = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_KINDS_OF_CALLS = {
    "call": "users:/users/{user_id}",
    "url": "users:/users/{user_id}",
    "fan_out": '{user: "users:/users/{user_id}"}',
    "race": '["a:/x", "b:/x"]',
    "respond": "{body: {ok: true}}",
}
_A_NAME = "choose a name of letters, digits and `_` that begins with a letter"
_UNKNOWN = ("extra_forbidden", "invalid_key")
_TAG = re.compile(r"str|int|float|bool|\[key\]|(?:dict|tuple|literal|function-[a-z]+)\[.*|[A-Z]\w+Settings")
"""What pydantic puts into a path for the branch of a union that was tried, where no key stands."""
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
}


class _Wrong(Struct, frozen=True):
    """One error of pydantic, at *path* in what was validated."""

    path: Steps
    kind: str
    message: str
    context: dict[str, Any]
    in_key: bool


def findings_of(error: ValidationError, model: type[Settings], above: Steps, written: Any) -> list[Finding]:
    """Return the findings of *error*, about a *model* at *above*, where the file says *written*."""
    wrong = [_read(detail, written) for detail in error.errors(include_url=False, include_input=False)]
    return list(_Explainer(model, above, written).explain(wrong))


def _read(detail: ErrorDetails, written: Any) -> _Wrong:
    steps: list[str | int] = []
    for step in detail["loc"]:
        here = value_at(written, tuple(steps))
        if not (isinstance(step, str) and _TAG.fullmatch(step)) or (isinstance(here, dict) and step in here):
            steps.append(step)
    return _Wrong(tuple(steps), detail["type"], detail["msg"], detail.get("ctx", {}), "[key]" in detail["loc"])


def _key_of(path: Steps) -> str:
    """Return the key that *path* ends with, that of the list for one of its items."""
    return next((step for step in reversed(path) if isinstance(step, str)), "it")


def _holds_a_variable(written: Any) -> bool:
    """Return whether *written* is a text, or a list of texts, with a variable in it: what it holds is not told."""
    texts = written if isinstance(written, list) else [written]
    return any(isinstance(text, str) and "${" in text for text in texts)


class _Explainer:
    """Puts the errors of one validation into words."""

    def __init__(self, model: type[Settings], above: Steps, written: Any) -> None:
        self._model, self._above, self._written = model, above, written

    def explain(self, wrong: list[_Wrong]) -> Iterator[Finding]:
        """Yield one finding for each mistake; what only follows from another one is left out."""
        wrong, moved = self._endpoints_elsewhere(wrong)
        yield from moved
        unknown = [one for one in wrong if one.kind in _UNKNOWN]
        groups: dict[Steps, list[_Wrong]] = {}
        for one in wrong:
            if not (one.kind == "missing" and any(self._brings(other, one.path) for other in unknown)):
                groups.setdefault(one.path, []).append(one)
        repeated = self._schemes_again([one.path for one in unknown])
        for path, together in groups.items():
            if path not in repeated and not any(
                len(other) > len(path) and other[: len(path)] == path for other in groups
            ):
                yield self._one(path, together)

    def _schemes_again(self, unknown: list[Steps]) -> set[Steps]:
        """Return which of the *unknown* keys name schemes, but for the first in each mapping, which speaks for all."""
        firsts: dict[Steps, Steps] = {}
        return {path for path in unknown if self._names_a_scheme(path) and firsts.setdefault(path[:-1], path) != path}

    def _names_a_scheme(self, path: Steps) -> bool:
        is_asked = asks_schemes(model_at(self._model, path[:-1]))
        return is_asked and names_a_scheme(str(path[-1]), value_at(self._written, path))

    def _endpoints_elsewhere(self, wrong: list[_Wrong]) -> tuple[list[_Wrong], list[Finding]]:
        """Return what is *wrong* apart from endpoints in another section, and one finding for each of these."""
        if self._above or not isinstance(self._written, dict):
            return wrong, []
        places = dict.fromkeys(one.path[:2] for one in wrong if one.path[:1] == ("upstreams",))
        moved = [self._moved(place) for place in places if ENDPOINT_KEY.match(str(place[-1]))]
        away = {one.path for one in moved}
        if any(one.kind in _UNKNOWN and len(one.path) == 1 and ENDPOINT_KEY.match(str(one.path[0])) for one in wrong):
            away.add(("endpoints",))  # what belongs there stands beside it
        return [one for one in wrong if one.path[:2] not in away], moved

    def _moved(self, place: Steps) -> Finding:
        message = f"`{place[1]}` is an endpoint, which does not belong into `upstreams`"
        return self._finding("unknown-key", message, place, "write it under `endpoints:`", at_key=True)

    def _brings(self, unknown: _Wrong, missing: Steps) -> bool:
        """Return whether the key at *missing* is there once the hint for the *unknown* key is followed."""
        if unknown.path[:-1] != missing[:-1]:
            return False
        name = re.escape(str(missing[-1]))
        return re.search(rf"`{name}[`:]", self._for_unknown(unknown.path)) is not None

    def _for_unknown(self, path: Steps) -> str:
        return hint_for_key(self._model, path, value_at(self._written, path[:-1]))

    def _one(self, path: Steps, together: list[_Wrong]) -> Finding:
        first = together[0]
        if first.in_key:
            hint = f'write it in quotes: `"{path[-1]}"`'
            return self._finding("wrong-type", f"the key `{path[-1]}` is not text", path, hint, at_key=True)
        if first.kind == "invalid_key" and (parent := model_at(self._model, path[:-1])) and takes_any_key(parent):
            return self._finding("wrong-type", f"the name `{path[-1]}` is not text", path, _A_NAME, at_key=True)
        if first.kind in _UNKNOWN:
            return self._finding("unknown-key", f"unknown key `{path[-1]}`", path, self._for_unknown(path), at_key=True)
        if first.kind == "missing":
            return self._missing(path)
        if first.kind in _KINDS:
            kinds = dict.fromkeys(_KINDS[one.kind] for one in together if one.kind in _KINDS)
            if "a number" in kinds:
                kinds.pop("a whole number", None)
            return self._wrong_type(path, kinds)
        if first.kind == "literal_error":
            return self._bad_choice(first)
        if first.kind in _BOUNDS:
            words, key = _BOUNDS[first.kind]
            message = f"`{_key_of(path)}` must be {words} {number_text(first.context[key])}"
            return self._finding("out-of-range", message, path, self._range(path))
        if first.kind == "int_parsing_size":
            return self._finding("out-of-range", f"`{_key_of(path)}` is too large a number", path, self._such_as(path))
        if first.kind == "string_too_short":
            message = f"`{_key_of(path)}` needs at least {first.context['min_length']} characters"
            return self._finding("too-short", message, path, "choose a longer one, and keep it in a variable")
        empty = self._empty_kind(first)
        return self._own(first) if empty is None else empty

    def _empty_kind(self, one: _Wrong) -> Finding | None:
        """Of an endpoint or call that seems to call nothing, the key that was left without its value."""
        here = value_at(self._written, one.path)
        if one.kind == "scheme-kind" and isinstance(here, dict):
            return self._empty_scheme(one.path, here)
        if one.kind not in ("endpoint-kind", "call-kind") or not isinstance(here, dict):
            return None
        key = next((key for key in _KINDS_OF_CALLS if key in here and here[key] is None), None)
        hint = f"write behind it what is called, as in `{key}: {_KINDS_OF_CALLS.get(key or '')}`"
        return None if key is None else self._finding("wrong-type", f"`{key}` is empty", (*one.path, key), hint)

    def _empty_scheme(self, path: Steps, here: dict[Any, Any]) -> Finding | None:
        """Return the finding about the kind of a scheme, *here* at *path*, that was left without its value."""
        kind = next((key for key in here if key in KINDS and here[key] is None), None)
        at = (*path, str(kind))
        return None if kind is None else self._finding("wrong-type", f"`{kind}` is empty", at, self._such_as(at))

    def _finding(
        self, code: str, message: str, path: Steps, hint: str | None = None, *, at_key: bool = False
    ) -> Finding:
        return Finding(code, message, (*self._above, *path), hint, at_key=at_key)

    def _such_as(self, path: Steps) -> str | None:
        field = field_at(self._model, path)
        example = example_of(field) if field else None
        return None if example is None else f"write it like `{path[-1]}: {example}`"

    def _missing(self, path: Steps) -> Finding:
        field = field_at(self._model, path)
        example = example_of(field) if field else None
        meaning = sentence(field.description or "") if field else ""
        hint = f"add `{path[-1]}: {example}`" if example else f"{path[-1]}: {meaning}"
        return self._finding("missing-key", f"the key `{path[-1]}` is missing", path, hint, at_key=True)

    def _wrong_type(self, path: Steps, kinds: Iterable[str]) -> Finding:
        expected, found = " or ".join(kinds), value_at(self._written, path)
        if expected == "text" and is_expression(field_at(self._model, path)):
            expected = AN_EXPRESSION
        message = f"expected {expected}, found {found_in(found)}"
        hint = hint_for_list(path, found, value_at(self._written, path[:-1])) if path else None
        return self._finding("wrong-type", message, path, hint or hint_for_type(self._model, path, expected, found))

    def _range(self, path: Steps) -> str:
        """The numbers that may stand at *path*."""
        field = field_at(self._model, path)
        rules = field.metadata if field else []
        least = next((rule.ge for rule in rules if hasattr(rule, "ge")), None)
        most = next((rule.le for rule in rules if hasattr(rule, "le")), None)
        if least is not None and most is not None:
            return f"write a number from {least} to {most}"
        return f"write {least} or more" if most is None else f"write {most} or less"

    def _bad_choice(self, one: _Wrong) -> Finding:
        choices = re.findall(r"'([^']*)'|(\b\d+\b)", str(one.context.get("expected", "")))
        names = [text or number for text, number in choices]
        found = value_at(self._written, one.path)
        near = did_you_mean(found, names) if isinstance(found, str) and "${" not in found else None
        if found in names:
            near = f"write {found}, without quotes"
        listed = f"write {names[0]}" if len(names) == 1 else f"write one of {', '.join(names)}"
        message = f"{self._quoted(found)} is not a choice for `{_key_of(one.path)}`"
        return self._finding("bad-choice", message, one.path, near or listed)

    def _own(self, one: _Wrong) -> Finding:
        """An error that the models raised themselves: its type is its code, its context may hold a hint."""
        found, candidates = value_at(self._written, one.path), one.context.get("candidates", ())
        if candidates and not isinstance(found, str):  # the key of a row, whose value stands behind it
            found = next(reversed(written_path(self._written, one.path)[0]), None)
        near = did_you_mean(found, candidates) if isinstance(found, str) and candidates else None
        hint = one.context.get("hint")
        if _holds_a_variable(found):
            hint = one.context.get("form", hint)
        return self._finding(one.kind.replace("_", "-"), sentence(one.message), one.path, near or hint)

    def _quoted(self, found: Any) -> str:
        if isinstance(found, str) and "${" not in found:
            return f"`{found}`"
        return f"`{found}`" if isinstance(found, int | float) else found_in(found)
