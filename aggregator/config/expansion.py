"""``${NAME}``, ``${NAME:-default}`` and ``${file:/path}`` in the values of a section, for the loader.

Values of variables go into the result and into *secrets*, never into a message.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aggregator.config.document import Section
from aggregator.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Expansion:
    """A value with its variables filled in, and what it was made from."""

    value: Any
    diagnostics: tuple[Diagnostic, ...] = ()
    variables: frozenset[str] = frozenset()
    files: frozenset[pathlib.Path] = frozenset()
    secrets: frozenset[str] = frozenset()


def expand(section: Section, env: Mapping[str, str], folder: pathlib.Path) -> Expansion:
    """*section*'s value with its variables filled in from *env* and from files (relative to *folder*).

    *variables* and *files* name all that was asked for, set or not, so that a result can be kept until one
    of them changes. Costs nothing for a section without variables: its value is given back as it is.
    """
    raise NotImplementedError
