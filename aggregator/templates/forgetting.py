"""Forgets what texts of the file were compiled to, once a configuration has been loaded."""

from __future__ import annotations

from aggregator.templates.expressions import expression
from aggregator.templates.urls import url
from aggregator.templates.value import _compile_short


def forget_texts() -> None:
    """Forget the compiled form of every expression, text and URL.

    A load meets each text when it is checked and again when it is compiled. The next one meets other texts: kept, those
    of the last hundreds of reloads, and the secrets in them, would stay in memory.
    """
    for remembered in (expression._compile, url.compile_url, _compile_short):
        remembered.cache_clear()
