"""The filters and tests that expressions may use, and nothing else: `FILTERS` and `TESTS` by name.

None of them looks at an attribute, calls a method of the data, formats with a pattern or runs a regular
expression; each is linear in its data, and what it builds is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aggregator.templates.filters.applying import APPLYING, PLAIN
from aggregator.templates.filters.doc import FilterDoc
from aggregator.templates.filters.predicates import TESTS as _TESTS

__all__ = ["FILTERS", "FILTERS_TO_MAP", "NAMES_A_FILTER", "NAMES_A_TEST", "TESTS", "FilterDoc"]

FILTERS: Final[Mapping[str, FilterDoc]] = PLAIN | APPLYING
"""Every filter by name and alias; the reference is written from it."""

FILTERS_TO_MAP: Final[Mapping[str, FilterDoc]] = PLAIN
"""Those that ``map`` can apply."""

TESTS: Final[Mapping[str, FilterDoc]] = _TESTS
"""Every test by name and alias."""

NAMES_A_FILTER: Final[Mapping[str, int]] = {"map": 0}
"""Filters whose argument at this place is the name of another filter."""

NAMES_A_TEST: Final[Mapping[str, int]] = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
"""Filters whose argument at this place is the name of a test."""
