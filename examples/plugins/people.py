"""Functions that 13-plugins.yaml names in `transform`: data in, data out."""

from __future__ import annotations

from typing import Any


def with_initials(person: dict[str, Any]) -> dict[str, Any]:
    """Give *person* with the first letters of the name. A plain `def` runs in a thread, so it may block."""
    return {**person, "initials": "".join(word[0] for word in person["name"].split())}


def totals(orders: list[dict[str, Any]]) -> dict[str, Any]:
    """Give how many *orders* there are, and what they cost together."""
    return {"count": len(orders), "spent": round(sum(order["total"] for order in orders), 2)}


async def page(content: dict[str, Any]) -> dict[str, Any]:
    """Give the answer with a title. An `async def` runs in the event loop, so it may await, but never block."""
    person = content["person"]
    return {"title": f"{person['name']} ({person['initials']})", "content": content}
