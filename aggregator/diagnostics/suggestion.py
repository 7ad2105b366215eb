"""Did-you-mean: the nearest of the names that exist, for whoever writes a hint."""

from __future__ import annotations

from collections.abc import Iterable

_SHORT = 4


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that *word* was most likely meant to be, or None when nothing is near.

    Case, ``-`` and ``_`` do not count: ``maxConnections`` and ``max-connections`` find ``max_connections``. The
    beginning of a single name is that name: ``int`` finds ``integer``.
    """
    import difflib  # only ever needed for a wrong file

    plain: dict[str, str] = {}
    for candidate in candidates:
        plain.setdefault(_plain(candidate), candidate)
    wanted = _plain(word)
    if wanted in plain:
        return plain[wanted]
    begun = [candidate for known, candidate in plain.items() if len(wanted) > 2 and known.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    if len(wanted) <= _SHORT:
        plain = {word: candidate for word, candidate in plain.items() if abs(len(word) - len(wanted)) <= 1}
    near = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The hint that :func:`suggest` makes: ``did you mean `users`?``, or None."""
    found = suggest(word, candidates)
    return None if found is None else f"did you mean `{found}`?"


def _plain(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")
