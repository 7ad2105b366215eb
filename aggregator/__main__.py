"""``python -m aggregator`` is the command ``aggregator``."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one reads this instead of a traceback
    _VERSION = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        "error: aggregator needs Python 3.11 or newer, and %s is Python %s; run it with a newer one, "  # noqa: UP031
        "or let `scripts/setup` find one." % (sys.executable, _VERSION)
    )

from aggregator.cli.group import main

if __name__ == "__main__":
    main()
