"""Errors of the models in the words of whoever wrote the file; used by ``loading`` for every model."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from aggregator.config.findings import Finding
from aggregator.config.values import Steps


def findings_of(error: ValidationError, above: Steps) -> Iterator[Finding]:
    """What is wrong with what stands at *above*."""
    for detail in error.errors(include_url=False, include_input=False):
        yield Finding(detail["type"], detail["msg"], (*above, *detail["loc"]))
