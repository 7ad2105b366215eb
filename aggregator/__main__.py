"""``python -m aggregator`` is the command ``aggregator``."""

from __future__ import annotations

from aggregator.cli.group import main

if __name__ == "__main__":
    main()
