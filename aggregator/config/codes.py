"""Every problem that a check can report, by its stable code; the reference lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        "alias-expansion": "Aliases that stand for too much.",
    }
)
"""What each code means, in one sentence."""
