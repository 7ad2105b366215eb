"""The tags that something under way will have, or may have: what a purge that comes meanwhile is held against."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.stores.level.log import PurgeLog
from aggregator.templates import Const, Joined, Template, Text

if TYPE_CHECKING:
    from aggregator.parts.names import Names

TagsOf: TypeAlias = "Callable[[Names], list[str]]"


class NamingPlan(Struct, frozen=True):
    """The tags of an answer before it is made.

    *fixed* are the same for all, *known* are made of the request alone; of others that it may have, which depend on
    what calls give, no more is known than that they begin with one of *starts*.
    """

    fixed: tuple[str, ...] = ()
    known: tuple[Template, ...] = ()
    starts: tuple[str, ...] = ()

    def may_be_hit(self, purges: PurgeLog, since: int, names: Mapping[str, Any]) -> bool:
        """Return whether the answer to a request with *names* may be one of what was purged since *since*."""
        if since == purges.count:
            return False
        try:
            tags = [*self.fixed, *tags_of(self.known, names)]
        except AggregatorError:
            return True
        return purges.hit(tags, since) or purges.may_hit(self.starts, since)


def tags_of(templates: Iterable[Template], names: Mapping[str, Any]) -> list[str]:
    """Return the tags that *templates* make of *names*; raises ``AggregatorError`` when one cannot be made."""
    return [(tag.render_text(names) or "").lstrip("\0") for tag in templates]  # what is ours begins with a NUL


def tag_maker(templates: tuple[Template, ...]) -> TagsOf:
    """Return what returns the tags that *templates* make of names, for each key of a batch where they read its keys."""
    if any("keys" in one.roots for one in templates):
        return lambda names: [tag for each in _for_each_key(names) for tag in tags_of(templates, each)]
    if all(one.is_constant for one in templates):
        made = tags_of(templates, {})
        return lambda _: made
    return lambda names: tags_of(templates, names)


def _for_each_key(names: Names) -> Iterator[Names]:
    keys = names["keys"]
    return (names.child({"keys": Joined([key], keys.separator)}) for key in keys)


def naming(fixed: Iterable[str], templates: Iterable[Template], inputs: Collection[str], starts: Iterable[str] = ()
           ) -> NamingPlan:  # fmt: skip
    """Return what is known of tags of *templates*, where *inputs* are the names that a request alone gives.

    *starts* are how tags begin that are of no template.
    """
    every = tuple(dict.fromkeys(templates))
    known = tuple(one for one in every if one.roots.issubset(inputs))
    others = (_start(one) for one in every if one not in known)
    return NamingPlan(tuple(fixed), known, tuple(dict.fromkeys((*others, *starts))))


def _start(template: Template) -> str:
    """Return the text that all that *template* makes begins with."""
    match template.node:
        case Const(value=str(text)) | Text(parts=(str(text), *_)):
            return text
        case _:
            return ""
