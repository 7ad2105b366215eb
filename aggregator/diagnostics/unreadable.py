"""Why a file cannot be read, and what to do about it."""

from __future__ import annotations

import errno

_MISSING = "create it, or correct its path, which begins in the folder of this file"
_HINTS = {
    errno.EACCES: "`chown` it to the user of this process, or let a group of that user read it: `chmod g+r`",
    errno.EPERM: "let the user of this process read it",
    errno.EISDIR: "name a file in it",
    errno.EPIPE: "begin what writes into it, or name another file",
    errno.EFBIG: "name another file",
    errno.ENODATA: "write something into it, or name another file",
}


def hint_for(error: OSError, missing: str = _MISSING) -> str:
    """Return what to do about a file whose reading ended in *error*: *missing*, unless the file is there."""
    return _HINTS.get(error.errno or errno.ENOENT, missing)
