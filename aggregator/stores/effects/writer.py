"""The file of durable effects, and the thread that writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from aggregator.stores.effects.contract import Kept
from aggregator.stores.effects.table import EffectTable
from aggregator.stores.sqlite.writer import Told, Writer

_TOLD = Told(
    "aggregator.effects",
    "Durable effects",
    "Durable effects cannot be read; the file was put aside, and a new one is begun.",
    "Durable effects cannot be written.",
    "Durable effects can be written again.",
    "Durable effects failed by a fault of the program.",
)


class EffectWriter(Writer[EffectTable]):
    """The file at *path*, and its thread."""

    def __init__(self, path: Path, sync: Literal["full", "normal"], *, goes_on: bool = True) -> None:
        """Open the file, or go on without it as `Writer` does. Raises ``StartupError``."""
        super().__init__(path, lambda at: EffectTable(at, sync), _TOLD, goes_on=goes_on)

    @property
    def kept(self) -> Kept:
        """The counts of what is kept; nothing while the file could not be opened yet."""
        return Kept() if self.table is None else self.table.kept

    @property
    def upstreams(self) -> set[str]:
        """The upstreams to which something waits, or did."""
        return set() if self.table is None else self.table.upstreams
