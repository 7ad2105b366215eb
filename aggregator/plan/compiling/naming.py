"""Names that follow from others: the operationId of an endpoint."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Za-z0-9]+")


def operation_id(method: str, path: str) -> str:
    """Give a stable operationId: ``GET``, ``/users/{user_id}/orders`` → ``get_users_by_user_id_orders``."""
    words = [method.lower()]
    for segment in path.split("/"):
        found = _WORDS.findall(segment.partition(":")[0] if segment.startswith("{") else segment)
        if segment.startswith("{"):
            words.append("by")
        words.extend(found)
    return "_".join(words) if len(words) > 1 else f"{words[0]}_root"
