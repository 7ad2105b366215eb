"""What is wrong with a template, found at load: a sentence, a span in its source, and a way to mend it."""

from __future__ import annotations

from aggregator.errors import AggregatorError


class TemplateProblem(AggregatorError):  # noqa: N818 - an operator reads "problem", as in diagnostics
    """A template that cannot be compiled.

    *offset* and *length* count characters of the string that was handed in (*length* is at least 1).
    *path* leads from the handed-in value to that string, such as ``("items", 0, "name")``; *key* says
    that the span lies in the last key of *path* rather than in its value.
    """

    def __init__(
        self,
        message: str,
        offset: int = 0,
        length: int = 1,
        hint: str | None = None,
        *,
        path: tuple[str | int, ...] = (),
        key: bool = False,
    ) -> None:
        self.message = message
        self.offset = offset
        self.length = max(length, 1)
        self.hint = hint
        self.path = path
        self.key = key
        super().__init__(message)

    def at(self, shift: int, *, path: tuple[str | int, ...] | None = None) -> TemplateProblem:
        """The same problem seen from a string that holds this source *shift* characters in."""
        place = self.path if path is None else path
        return TemplateProblem(self.message, self.offset + shift, self.length, self.hint, path=place, key=self.key)
