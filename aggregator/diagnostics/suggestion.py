"""Did-you-mean: the nearest of the names that exist, for whoever writes a hint."""

from __future__ import annotations

from collections.abc import Iterable

_SHORT = 4
_MOST = 20
"""Names that are listed."""
_NEAR, _NEAR_SHORT = 0.7, 0.8
"""How like two words have to be (``difflib.SequenceMatcher.ratio``), and two of four letters at most."""


def suggest(word: str, candidates: Iterable[str], near: float = _NEAR) -> str | None:
    """The candidate that *word* was most likely meant to be, or None when nothing is near.

    Case, ``-`` and ``_`` do not count: ``maxConnections`` and ``max-connections`` find ``max_connections``. The
    beginning of a single name is that name: ``int`` finds ``integer``. What shares half of its letters only is another
    word: better no word than one that misleads. *near* is how like a longer one has to be.
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
    slips = [known for known in plain if _is_slip(wanted, known)]
    cutoff = _NEAR_SHORT if len(wanted) <= _SHORT else near
    found = slips or difflib.get_close_matches(wanted, plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str], near: float = _NEAR) -> str | None:
    """The hint that :func:`suggest` makes: ``did you mean `users`?``, or None."""
    found = suggest(word, candidates, near)
    return None if found is None else f"did you mean `{found}`?"


def meant(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: which of *known* comes nearest to *word*, or what there is."""
    names = list(known)
    more = ", and others" if len(names) > _MOST else ""
    listed = f"there are {', '.join(names[:_MOST])}{more}." if names else "there is none."
    return did_you_mean(word, names) or listed


def _is_slip(word: str, known: str) -> bool:
    """Return whether *word* has the letters of *known* in another order, or one other letter among three or more.

    Of two letters with one exchanged half is shared, of one nothing: such a word is like any other.
    """
    if len(word) != len(known):
        return False
    other_letters = sum(one != other for one, other in zip(word, known, strict=True))
    return sorted(word) == sorted(known) or (other_letters == 1 and len(word) > 2)


def _plain(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")
