"""The commands. Each is a file that imports what it needs when it is used, so that none pays for another."""

from __future__ import annotations

from aggregator.cli.group import main

__all__ = ["main"]
