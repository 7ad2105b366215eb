"""A server that does not know ``AUTH`` repeats what it was given, as old ones and proxies do; nobody else hears it."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.errors import StoreError
from aggregator.stores.redis.effects.link import Link
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan

pytest.importorskip("redis")
PASSWORD = "canary-of-a-store"


async def _repeating(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a command with what a server says that does not know it: all that it was given."""
    while line := await reader.readline():
        given = []
        for _ in range(int(line[1:])):
            size = int((await reader.readline())[1:])
            given.append(await reader.readexactly(size))
            await reader.readline()
        said = b", ".join(b"`%b`" % word for word in given[1:])
        writer.write(b"-ERR unknown command `%b`, with args beginning with: %b\r\n" % (given[0], said))
    writer.close()


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
@pytest.mark.parametrize("kind", ["counts", "effects"])
def test_the_password_is_masked_in_what_it_says(kind, scheme):
    """Why a store is away is logged, and shown to operators: with the command, without the password."""

    async def main() -> str:
        async with await asyncio.start_server(_repeating, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            address = store_address(f"{scheme}://shop:{PASSWORD}@127.0.0.1:{port}")
            store = RedisStore(address, "", 9.0, print) if kind == "counts" else Link(StorePlan(address))
            with pytest.raises(StoreError) as raised:
                await store.connect()
            await store.aclose()
        return str(raised.value)

    said = asyncio.run(main())
    assert "AUTH" in said
    assert "********" in said
    assert PASSWORD not in said
