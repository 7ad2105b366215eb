"""Text made harmless for terminals and line-based logs: it cannot forge a line or move the cursor."""

from __future__ import annotations

_DANGEROUS = (
    *range(0x20),  # C0: newlines, escape sequences, bell
    *range(0x7F, 0xA0),  # delete and C1, where some terminals take 0x9b for ESC [
    0x2028, 0x2029,  # line and paragraph separator
    *range(0x202A, 0x202F), *range(0x2066, 0x206A),  # changes of writing direction
    0x200E, 0x200F, 0x061C,  # marks of writing direction
    0xFEFF,  # invisible
)  # fmt: skip

_NAMED = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}


def _escape_of(point: int) -> str:
    return _NAMED.get(point) or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")


_ESCAPES = {point: _escape_of(point) for point in _DANGEROUS}


def escape(text: str) -> str:
    r"""Return *text* on one line, control and direction characters as ``\n``, ``\x1b``, ``\u2028``."""
    if text.isprintable():  # all that is dangerous is not, and most texts are
        return text
    return text.translate(_ESCAPES).encode("utf-8", "backslashreplace").decode("utf-8")
