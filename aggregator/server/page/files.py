"""The files of the page, and the rules that browsers hold them to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing comes from elsewhere, nothing is sent elsewhere, and no text of an upstream becomes a script."""
_SCRIPTS = ("acting", "asking", "elements", "graph", "page", "rates", "waterfall")
_VIEWS = ("background", "configuration", "endpoint", "index", "now", "requests", "trial", "upstreams")
_SCRIPT = b"text/javascript; charset=utf-8"
PAGE: Mapping[str, tuple[str, bytes]] = MappingProxyType(
    {
        "/-/": ("page.html", b"text/html; charset=utf-8"),
        "/-/page.css": ("page.css", b"text/css; charset=utf-8"),
        **{f"/-/{name}.js": (f"{name}.js", _SCRIPT) for name in _SCRIPTS},
        **{f"/-/views/{name}.js": (f"views/{name}.js", _SCRIPT) for name in _VIEWS},
    }
)
"""File and media type by path."""


def page_answer(path: str) -> Answer:
    """Return the file at *path*, one of ``PAGE``."""
    name, media_type = PAGE[path]
    headers: HeaderList = [
        (b"content-type", media_type), (b"content-security-policy", POLICY), (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"), (b"cross-origin-opener-policy", b"same-origin"),
    ]  # fmt: skip
    return Answer(200, headers, _content(name))


@cache
def _content(name: str) -> bytes:
    return files(__package__).joinpath("web", name).read_bytes()
