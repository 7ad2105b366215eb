"""Where a path such as ``query.page`` stands in the text that reads it, so that a caret can point at it."""

from __future__ import annotations

import re

from aggregator.config.analysis.sites import Reference, Use
from aggregator.config.findings import occurrences
from aggregator.diagnostics import Level
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.templates import expressions_in, quote_around

_BEFORE = r"(?<![\w.'\"])"


def report(
    use: Use, code: str, message: str, reference: Reference, hint: str | None = None, level: Level = "error"
) -> Finding:
    """Return a finding about *reference* in the text of *use*; for a shared text it stands where that is taken in."""
    text, occurrence = spot(use.text, reference)
    if use.via is not None:
        section, owner, *inner = use.path
        what = f"`{inner[-1]}` of upstream" if section == "upstreams" else f"`{inner[0]}` of group"
        there = Elsewhere(use.path, "read here", text=text)
        return Finding(code, f"{what} `{owner}`: {message}", use.via, hint, level, related=(there,))
    return Finding(code, message, use.path, hint, level, text=text, occurrence=occurrence)


def spot(text: str, reference: Reference) -> tuple[str, int]:
    """The characters of *text* that say *reference*, and how often they stood there before."""
    for length in range(len(reference), 0, -1):
        steps = "".join(_step(key) for key in reference[1:length])
        found = list(re.finditer(rf"{_BEFORE}{re.escape(reference[0])}{steps}(?!\w)", text))
        read = [one for one in found if _is_read(text, one.start())]
        if shown := read or [one for one in found if not _is_after_a_dash(text, one.start())]:
            return shown[0][0], occurrences(text, shown[0][0], shown[0].start())
    return "", 0


def _is_read(text: str, place: int) -> bool:
    """Return whether what begins at *place* of *text* stands within braces: elsewhere the same word is text.

    In an expression a string is text, too, and ``-`` takes away; in the braces of a URL it is a part of a name.
    """
    for start, end in expressions_in(text):
        if start <= place < end:
            return not quote_around(text, start, place)
    before = text[:place]
    return before.rfind("{") > before.rfind("}") and not _is_after_a_dash(text, place)


def _is_after_a_dash(text: str, place: int) -> bool:
    return text[:place].endswith("-")


def _step(key: str) -> str:
    name = re.escape(key)
    return rf"(?:\s*\.\s*{name}(?!\w)|\s*\[\s*['\"]?{name}['\"]?\s*\])"


def as_written(reference: Reference) -> str:
    """*reference* as an expression would say it: ``headers['x-id']``."""
    return reference[0] + "".join(f".{key}" if key.isidentifier() else f"['{key}']" for key in reference[1:])
