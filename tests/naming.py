"""A DNS server for tests: it answers by UDP, in a thread of its own, what a test lets it know."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread

from dns import flags, message, rcode, rrset

Records = Mapping[str, tuple[int, list[str]]]
"""``"name kind"`` to its ttl and its data."""


class NameServer:
    """Knows *records*; *address* is where it listens. To be closed."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while data := self._socket.recvfrom(4096):
            if not data[0]:
                return
            with suppress(OSError):
                self._socket.sendto(self._answer(data[0]), data[1])

    def _answer(self, data: bytes) -> bytes:
        query = message.from_wire(data)
        reply = message.make_response(query)
        reply.flags |= flags.RA
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True), asked.rdtype.name
        records = self.records
        self.asked.append(f"{name} {kind}")
        if not any(key.startswith(f"{name} ") for key in records):
            reply.set_rcode(rcode.NXDOMAIN)
        elif f"{name} {kind}" in records:
            ttl, values = records[f"{name} {kind}"]
            reply.answer.append(rrset.from_text_list(asked.name, ttl, "IN", kind, values))
        return reply.to_wire()

    def close(self) -> None:
        """Stop."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()
