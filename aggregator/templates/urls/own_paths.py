"""The paths that the program answers itself; no endpoint takes a request for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from aggregator.templates.urls.pattern import Param, PathPattern

_PROBES: Final = ("/livez", "/readyz", "/-/config")
_METRICS: Final = ("/metrics",)


class OwnPaths(Struct, frozen=True):
    """*named* are the paths that answer, *below* the beginnings under which every path is the program's."""

    named: tuple[str, ...]
    below: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """Return whether *path*, in its canonical form, is one of them."""
        return path in self.named or path.startswith(self.below) or path == "/-"

    def holds_words(self, words: Sequence[bytes]) -> bool:
        """Return whether the canonical segments *words* make one of them."""
        return self.holds("/" + b"/".join(words).decode("ascii"))

    @property
    def first_words(self) -> frozenset[bytes]:
        """The first segment of each."""
        return frozenset(path.split("/")[1].encode("ascii") for path in (*self.named, *self.below))

    def within(self, pattern: PathPattern) -> list[tuple[str, dict[str, str]]]:
        """Return the named paths that *pattern* matches too, each with the parameters that it would give."""
        return [(path, found) for path in self.named if (found := _match(pattern, path[1:].split("/"))) is not None]


def document_path(page: str) -> str:
    """Return the path of the OpenAPI document, which is beside the *page* that shows it."""
    return page.rpartition("/")[0] + "/openapi.json"


def own_paths(*, docs: str | None, metrics: bool = False) -> OwnPaths:
    """Return the paths of the probes, with those of the documentation, whose page is at *docs*, and of the metrics."""
    pages = () if docs is None else (docs, document_path(docs))
    named = _PROBES + pages + (_METRICS if metrics else ())
    return OwnPaths(named, ("/-/",) if docs is None else ("/-/", f"{docs}/assets/"))


def may_take(pattern: PathPattern, own: OwnPaths) -> bool:
    """Return whether *pattern* could match a path of *own*: it has parameters, and its first segment allows it."""
    first = pattern.segments[0] if pattern.segments else b""
    return bool(pattern.params) and (isinstance(first, Param) or first in own.first_words)


def _match(pattern: PathPattern, words: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for place, segment in enumerate(pattern.segments):
        if place >= len(words):
            return None
        if isinstance(segment, Param):
            found[segment.name] = "/".join(words[place:]) if segment.rest else words[place]
            if segment.rest:
                return found
        elif segment != words[place].encode("ascii"):
            return None
    return found if len(words) == len(pattern.segments) else None
