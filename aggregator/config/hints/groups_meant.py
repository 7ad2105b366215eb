"""What was meant by a group where a call is expected: every key of a fan-out but `use` names one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from aggregator.config.hints.wording import in_yaml
from aggregator.config.text.values import Steps
from aggregator.diagnostics import suggest

USE: Final = "use"
_NAME: Final = re.compile(r"[\w-]+|\$\{\w+\}")
_OTHER_KEYS: Final = frozenset({"group", "groups", "include", "includes"})
_OTHERS: Final = "every other key of a fan-out names a call"


def are_names(value: Any) -> bool:
    """Return whether *value* is the name of a group as far as can be seen, or a list of such."""
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)


def means_use(key: str) -> bool:
    """Return whether *key* is near `use`, or a word of others for it."""
    return key.lower() in _OTHER_KEYS or suggest(key, (USE,)) is not None


def hint_for_use(found: Any, siblings: Mapping[Any, Any]) -> str:
    """Return the hint to take in the group or groups *found* beside those that *siblings* take in already."""
    return f"write `{_with(found, siblings)}`; {_OTHERS}"


def hint_for_list(path: Steps, found: Any, siblings: Any) -> str | None:
    """Return what was meant by *found* at *path*, the call of a fan-out; None unless it is a list of groups."""
    is_meant = path[-2:-1] == ("fan_out",) and isinstance(found, list) and are_names(found) and means_use(str(path[-1]))
    return hint_for_use(found, siblings) if is_meant else None


def hint_for_part(key: str, found: Any, siblings: Any, groups: Collection[str], others: Collection[str]) -> str | None:
    """Return what was meant by *found*, a text without a URL, as the call *key* of a fan-out among *siblings*.

    *others* are names that are no groups, those of upstreams; None where no group is meant.
    """
    if not isinstance(siblings, Mapping) or not are_names(found):
        return None
    if found in groups and (found not in others or means_use(key)):
        return hint_for_use(found, siblings)
    if found in others or not means_use(key):
        return None
    return (
        f"write `{_with(found, siblings)}` if it is a group; a call has a URL, `upstream:/path` or `https://host/path`"
    )


def hint_in_group(found: Any, groups: Collection[str]) -> str | None:
    """Return how a group takes in *found*, which stands where a call of it is expected; None where that is no group."""
    return f"write `{found}: {{fan_out: {{{USE}: {found}}}}}`" if are_names(found) and found in groups else None


def _with(found: Any, siblings: Mapping[Any, Any]) -> str:
    used = siblings.get(USE)
    before = used if isinstance(used, list) else [] if used is None else [used]
    names = [*before, *(found if isinstance(found, list) else [found])]
    names = list(dict.fromkeys(map(str, names)))
    return f"{USE}: {in_yaml(names[0] if len(names) == 1 else names)}"
