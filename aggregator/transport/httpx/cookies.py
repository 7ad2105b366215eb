"""A cookie jar that stays empty, so that no answer to one client colours a call made for another."""

from __future__ import annotations

from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import Request


class EmptyJar(CookieJar):
    """A jar that takes nothing from responses and adds nothing to requests."""

    def extract_cookies(self, response: HTTPResponse | Any, request: Request | Any) -> None:
        """Ignore all cookies that *response* sets."""

    def add_cookie_header(self, request: Request | Any) -> None:
        """Add no cookie to *request*."""

    def set_cookie(self, cookie: Any) -> None:
        """Keep no *cookie*, also when it is set by hand."""


def no_cookies() -> CookieJar:
    """Return the jar for the ``cookies`` of a shared client: it never stores and never sends."""
    return EmptyJar()
