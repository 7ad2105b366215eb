"""As many sockets and files as the system allows."""

from __future__ import annotations

from contextlib import suppress

_ENOUGH = 1_048_576


def allow_open_files() -> None:
    """Raise the soft limit of open files, sockets included, to the hard limit.

    The soft one is 1024 on most systems for the sake of programs that use select(2), and each client and each
    connection to an upstream is a file.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
