"""What the upstreams answer, and what every peer must therefore answer: fixed, generated, no randomness."""

from __future__ import annotations

import json
from typing import Any

USER_ID = 7
"""The user that every measured request asks for."""

PROFILE: dict[str, Any] = {
    "id": 7,
    "name": "Leanne Graham",
    "username": "bret",
    "email": "leanne@example.com",
    "address": {"street": "Kulas Light", "suite": "Apt. 556", "city": "Gwenborough", "zipcode": "92998-3874"},
    "phone": "1-770-736-8031",
    "website": "hildegard.example.org",
    "company": {"name": "Romaguera-Crona", "phrase": "Multi-layered client-server neural-net"},
}
ORDERS: list[dict[str, Any]] = [
    {"id": 4000 + number, "sku": f"SKU-{number:05d}", "quantity": number, "price": 19.95, "state": "sent"}
    for number in range(1, 5)
]
PAGE: list[dict[str, Any]] = [
    {
        "id": 4000 + number,
        "sku": f"SKU-{number * 7919 % 99991:05d}",
        "name": f"{('Blue', 'Red', 'Plain')[number % 3]} {('kettle', 'lamp', 'chair', 'table')[number % 4]}",
        "price": {"amount": 1995 + number * 137 % 900, "currency": "EUR"},
        "updated": f"2025-01-{number:02d}T09:{number * 7 % 60:02d}:00Z",
    }
    for number in range(1, 17)
]
"""2 kB, as a page of a list is."""
NOTIFICATIONS: dict[str, Any] = {
    "count": 3,
    "unread": 2,
    "latest": {"id": 90210, "kind": "shipment", "text": "Your order is on its way and arrives on Thursday."},
    "channels": {"mail": True, "push": False, "text": False},
    "quiet_hours": {"from": "22:00", "to": "07:00", "zone": "Europe/Lisbon"},
    "updated": "2025-01-31T09:30:00Z",
}


def item(number: str) -> str:
    """The JSON text of one item; *number* may be a placeholder."""
    return (
        f'{{"number":{number},"sku":"SKU-{number}","name":"A well made thing of everyday use",'
        f'"price":{{"amount":1995,"currency":"EUR"}},"stock":[{{"place":"north","count":12}},'
        f'{{"place":"south","count":7}}],"tags":["sturdy","blue","repairable"],'
        f'"notes":"Ships within two days, returns within thirty."}}'
    )


def large(name: str) -> str:
    """1 MB of JSON text (10⁶ bytes, a little more): a list of small records."""
    rows, size, number = [], 0, 0
    while size < 1_000_000:
        number += 1
        rows.append(compact(_record(name, number)))
        size += len(rows[-1].encode()) + 1
    return f"[{','.join(rows)}]"


def _record(part: str, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "part": part,
        "sku": f"SKU-{number:05d}",
        "name": "Blue kettle, 1.7 ℓ",
        "price": {"amount": 1995 + number % 100, "currency": "EUR"},
        "weight": number % 1000 / 8,
        "available": number % 3 > 0,
        "replaces": None,
        "tags": ["kitchen", "sturdy"],
        "updated": "2025-01-31T09:30:00Z",
    }


LARGE_NAMES = ("first", "second", "third")


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def expected_answer(path: str) -> Any:
    """The merged answer that *path* of every peer must give, as data."""
    kind = path.split("/")[1]
    if kind == "user":
        return PROFILE
    if kind == "dashboard":
        return {"profile": PROFILE, "orders": ORDERS, "notification_count": NOTIFICATIONS}
    if kind == "wide":
        return {f"item_{number}": json.loads(item(str(number))) for number in range(1, 21)}
    return {name: json.loads(large(name)) for name in LARGE_NAMES}
