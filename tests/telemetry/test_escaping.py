"""Text that cannot forge a line or move a cursor."""

from __future__ import annotations

import unicodedata

import pytest

from aggregator.telemetry.escaping import escape


@pytest.mark.parametrize(
    ("point", "shown"),
    [
        (0x00, r"\x00"), (0x08, r"\x08"), (0x09, r"\t"), (0x0A, r"\n"), (0x0B, r"\x0b"), (0x0D, r"\r"), (0x1F, r"\x1f"),
        (0x20, " "), (0x7E, "~"), (0x7F, r"\x7f"), (0x80, r"\x80"), (0x9F, r"\x9f"), (0xA0, "\xa0"), (0xFF, "ÿ"),
        (0x100, "Ā"), (0x061B, "\u061b"), (0x061C, r"\u061c"), (0x061D, "\u061d"),
        (0x200D, "\u200d"), (0x200E, r"\u200e"), (0x200F, r"\u200f"), (0x2010, "\u2010"),
        (0x2027, "\u2027"), (0x2028, r"\u2028"), (0x2029, r"\u2029"), (0x202A, r"\u202a"), (0x202E, r"\u202e"),
        (0x202F, "\u202f"), (0x2065, "\u2065"), (0x2066, r"\u2066"), (0x2069, r"\u2069"), (0x206A, "\u206a"),
        (0xFEFE, "\ufefe"), (0xFEFF, r"\ufeff"), (0xFF00, "\uff00"), (0xD800, r"\ud800"), (0x1F600, "😀"),
    ],
)  # fmt: skip
def test_what_is_written_out(point: int, shown: str) -> None:
    """Control characters and marks of direction, from the first to the last of each kind, and half of a pair."""
    assert escape(f"a{chr(point)}b") == f"a{shown}b"


def test_no_control_character_is_left() -> None:
    """Whatever stands in a text: of all characters of that kind, and of all that begin a line."""
    kept = [point for point in range(0x3000) if chr(point) in escape(f"{chr(point)}\x00")]
    assert not [point for point in kept if unicodedata.category(chr(point)) in ("Cc", "Zl", "Zp")]
    assert len(escape("".join(map(chr, kept))).splitlines()) == 1
