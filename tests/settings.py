"""The text settings of a file, wherever they stand, and a file in which one of them has a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from aggregator.config.hints.vocabulary import _candidates, _extra, _fields, takes_any_key
from aggregator.config.model.root import RootSettings
from aggregator.fields import Settings

Steps = tuple[Any, ...]
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
NAMES = {"routes": "GET /x", "upstreams": "u", "groups": "g", "endpoints": "POST /x/{id}", "params": "id"}
"""Names for the keys that operators give, where not any will do."""

NESTING = {"fallback", "race", "fan_out", "background", "groups", "virtual_hosts"}
"""Keys below which calls and endpoints stand again: two of them on a way are enough."""


def fields_of(model: type[Settings], above: Steps = ()) -> Iterator[tuple[Steps, FieldInfo]]:
    """Every field of *model* and of the models in it, by the keys that lead there; each model once on a way."""
    for key, field in _fields(model).items():
        yield from below(field.annotation, (*above, key), field)
    if takes_any_key(model):
        yield from below(_extra(model), (*above, "part"), None)


def below(kind: Any, path: Steps, field: FieldInfo | None) -> Iterator[tuple[Steps, FieldInfo]]:
    """The text settings that a value of *kind* at *path* may be, or may hold."""
    for candidate in _candidates(kind):
        if isinstance(candidate, type) and issubclass(candidate, Settings):
            nested = [step for step in path if step in NESTING]
            if len(nested) < 3 and "background" not in nested[:-1]:
                yield from fields_of(candidate, path)
        elif get_origin(candidate) is dict:
            yield from below(get_args(candidate)[1], (*path, NAMES.get(str(path[-1]), "name")), field)
        elif get_origin(candidate) is tuple:
            yield from below(get_args(candidate)[0], (*path, 0), field)
        elif (candidate in (str, Any) or get_origin(candidate) is not None) and field is not None:
            yield path, field


SETTINGS = dict(fields_of(RootSettings))


NEEDED: dict[str, dict[str, Any]] = {
    "RootSettings": {"version": 1, "upstreams": {"u": {"url": "http://u.test"}}},
    "EndpointSettings": {"call": "u:/x"},
    "CallSettings": {"url": "u:/x"},
    "BackgroundCallSettings": {"url": "u:/x"},
    "EachSettings": {"in": "{{ body.items }}"},
    "GraphqlSettings": {"query": "{a}"},
    "ListJoinSettings": {"left": "a[].b", "right": "b[].c", "into": "d"},
    "DebugSettings": {"secret": "${SECRET:-long enough}"},
    "BatchSettings": {"key": "id"},
    "ErrorRow": {"on": 404},
    "SetCookieSettings": {"name": "n", "value": "v"},
    "ExternalSettings": {"url": "u:/x", "headers": ["cookie"]},
    "UpstreamSettings": {"url": "http://u.test"},
    "RouteSettings": {"to": {"a": "http://a.test"}},
    "RateLimitSettings": {"rate": "1/s"},
    "BreakerSettings": {"failures": 5},
    "HmacSettings": {"header": "x-signature", "secret": "${SECRET:-long enough}"},
    "CallerConcurrencySettings": {"limit": 5},
    "CallCacheSettings": {"ttl": "1s"},
    "AnswerCacheSettings": {"ttl": "1s"},
    "UpstreamCacheSettings": {"ttl": "1s"},
}
"""What a mapping needs to be one."""
INSTEAD = {
    "EndpointSettings": {"fan_out", "respond", "call"},
    "CallSettings": {"race", "fan_out", "choose"},
    "BackgroundCallSettings": {"choose"},
    "UpstreamSettings": {"route"},
}
"""Keys that stand for what is needed."""


def written(kind: Any, path: Steps, text: Any) -> Any:
    """A value of *kind* where *text* stands at *path*; what it needs besides is there."""
    if not path:
        return text
    step, rest = path[0], path[1:]
    for candidate in _candidates(kind):
        if isinstance(candidate, type) and issubclass(candidate, Settings):
            inner = _fields(candidate)[step].annotation if step in _fields(candidate) else _extra(candidate)
            needed = {} if step in INSTEAD.get(candidate.__name__, ()) else NEEDED.get(candidate.__name__, {})
            return {**needed, step: written(inner, rest, text)}
        if get_origin(candidate) is dict:
            others = NEEDED["RootSettings"]["upstreams"] if step == "u" else {}
            return {**others, step: written(get_args(candidate)[1], rest, text)}
        if get_origin(candidate) is tuple:
            return [written(get_args(candidate)[0], rest, text)]
    return {step: written(Any, rest, text)}


def document(path: Steps, text: Any) -> str:
    """A file where *text* stands at *path*; what else it needs is there."""
    return yaml.dump(written(RootSettings, path, text), Dumper=DUMPER, sort_keys=False)
