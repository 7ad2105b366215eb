"""The operationId of every method of an endpoint: as declared, or from method and path; ``loading`` gives them out.

No two are equal, and none changes because endpoints change places in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

_WORDS = re.compile(r"[A-Za-z0-9]+")


def declared_ids(methods: Sequence[str], path: str, declared: str | None) -> dict[str, str | None]:
    """Return what an endpoint that has *declared* an operationId says of each of its operations, by ``GET /users``.

    Of several each has its method behind the declared one: ``download_get``, ``download_head``.
    """
    alone = len(methods) == 1
    return {
        f"{method} {path}": declared if declared is None or alone else f"{declared}_{method.lower()}"
        for method in methods
    }


def operation_ids(declared: Mapping[str, str | None]) -> dict[str, str]:
    """The operationId of each key (``GET /users``), of which *declared* has those that are declared.

    Of keys that read alike (``GET /a-b``, ``GET /a/b``) the first in the alphabet has the plain name, the others
    have a suffix that their own key decides; a declared name is never given to another endpoint.
    """
    ids = {key: name for key, name in declared.items() if name is not None}
    taken = set(ids.values())
    for key in sorted(declared.keys() - ids.keys()):
        plain = derived_id(key)
        ids[key] = plain if plain not in taken else next(name for name in _with_suffix(plain, key) if name not in taken)
        taken.add(ids[key])
    return ids


@lru_cache(maxsize=16_384)
def derived_id(key: str) -> str:
    """Return the id derived from the key alone: ``GET /users/{user_id}/orders`` → ``get_users_by_user_id_orders``."""
    method, path = key.split(None, 1)
    words = [method.lower()]
    for segment in path.split("/"):
        found = _WORDS.findall(segment.partition(":")[0] if segment.startswith("{") else segment)
        if segment.startswith("{"):
            words.append("by")
        words.extend(found)
    return "_".join(words) if len(words) > 1 else f"{words[0]}_root"


def _with_suffix(plain: str, key: str) -> Iterator[str]:
    """Names behind *plain*, the short one first."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return (f"{plain}_{digest[:length]}" for length in range(6, len(digest) + 1))
