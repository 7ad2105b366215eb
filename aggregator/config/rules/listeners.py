"""Addresses that the server listens on go together."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.server import ServerSettings
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.addresses import Address, TcpAddress


def check_listeners(around: Surroundings) -> Iterator[Finding]:
    """`listen` takes the place of `host` and `port`, and names each address once."""
    server = around.settings.server
    if not server.listen:
        return
    for key in ("host", "port"):
        if key in server.model_fields_set:
            message = f"`{key}` changes nothing beside `listen`"
            related = (Elsewhere(("server", "listen"), "this says where to listen", at_key=True),)
            yield Finding("listen", message, ("server", key), "keep one of the two", at_key=True, related=related)
    yield from _twice(server)


def _twice(server: ServerSettings) -> Iterator[Finding]:
    seen: set[Address] = set()
    for index, one in enumerate(server.listen):
        address = one.address
        if address in seen and not (isinstance(address, TcpAddress) and address.port == 0):
            message = f"`{address}` is listened on already"
            yield Finding("listen", message, ("server", "listen", index), "remove it")
        seen.add(address)
