"""How a command ends that goes on until somebody has seen enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_left() -> Iterator[None]:
    """End the process with 0 when it is interrupted, and when nobody reads its output any more."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(0)
    except BrokenPipeError:  # what stdout still holds goes nowhere: the interpreter would try once more and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
