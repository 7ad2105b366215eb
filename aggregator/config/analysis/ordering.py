"""What the texts of a part read of other parts, which decides when it can start."""

from __future__ import annotations

from aggregator.config.analysis.scope import Scope
from aggregator.config.analysis.sites import Part, Reference
from aggregator.config.analysis.texts import Texts
from aggregator.config.text.values import Steps


class OrderingTexts(Texts):
    """Texts of a part: what they read of other parts decides when it can start."""

    def __init__(self, texts: Texts, part: Part) -> None:
        super().__init__(texts.analysis, texts.via)
        self._part = part

    def through(self, place: Steps) -> Texts:
        """Return the texts that are used at *place*, by the same part."""
        return OrderingTexts(super().through(place), self._part)

    def _use(
        self, path: Steps, text: str, references: frozenset[Reference], scope: Scope, *, is_url: bool = False
    ) -> None:
        super()._use(path, text, references, scope, is_url=is_url)
        for reference in references:
            name = reference[1] if reference[0] == "calls" and len(reference) > 1 else reference[0]
            if name not in scope.local and name not in scope.inputs.params:
                _note_read(self._part, name, path)


def _note_read(part: Part, name: str, path: Steps) -> None:
    """*part* reads *name*: whichever part around both has to wait for it does."""
    reader: Part | None = part
    while reader is not None:
        if name in reader.home.parts:
            owner = _owner(reader)
            owner.reads.setdefault(name, path)
            return
        reader = reader.outer


def _owner(part: Part) -> Part:
    """The part of the fan-out itself: a runner of a race stands for the race."""
    while part.outer is not None and part.outer.home is part.home:
        part = part.outer
    return part
