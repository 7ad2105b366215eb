"""Where a call is built."""

from __future__ import annotations

from typing import NamedTuple

from aggregator.runtime.resources import Resources


class Site(NamedTuple):
    """The site of a call being built: the *key* of its endpoint, the shared resources, the placeholders it may copy.

    *digest* is of all that the endpoint rests on. *optional* tells that the answer goes without what it is in,
    *is_kept* that what it is in is kept.
    """

    key: str
    resources: Resources
    params: tuple[str, ...]
    digest: bytes = b""
    optional: bool = False
    is_kept: bool = False
