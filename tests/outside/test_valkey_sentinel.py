"""Sentinels that the test starts: they are asked who is the primary, and again when it has changed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest
from ports import free_port, free_ports
from valkey import Valkey

from aggregator.stores.rate import Rate
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore

ASK = Ask(b"n", b"k", Rate(100, 1_000_000.0, 100))


@pytest.fixture
def sentinels() -> Iterator[tuple[str, list[Valkey]]]:
    """Return the URL of a sentinel, and a primary with its replica."""
    first, second, port = free_ports(3)
    with contextlib.ExitStack() as stack:
        nodes = [
            Valkey("--port", str(first), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"),
            Valkey("--port", str(second), "--bind", "127.0.0.1", "--replicaof", "127.0.0.1", str(first)),
        ]
        for node in nodes:
            stack.callback(node.close)
            node.start()
        watch = Valkey("--port", str(port), "--bind", "127.0.0.1")
        stack.callback(watch.close)
        (watch.folder / "sentinel.conf").write_text(f"sentinel monitor limits 127.0.0.1 {first} 1\n")
        watch.start(str(watch.folder / "sentinel.conf"), "--sentinel")
        assert watch.ask("SENTINEL", "DEBUG", "INFO-PERIOD", "500", "PUBLISH-PERIOD", "500") == b"+OK"
        for _ in range(3000):
            if b"slaves=1" in watch.whole("INFO", "sentinel") and nodes[1].is_in_step():
                break
            time.sleep(0.01)
        yield f"redis+sentinel://127.0.0.1:{port}/limits", [*nodes, watch]


def _is(server: Valkey, role: bytes) -> bool:
    """Return whether *server* says that it has this *role*; one that changes it may close what is open."""
    with contextlib.suppress(ConnectionError):
        return b"role:" + role in server.whole("INFO", "replication")
    return False


def test_a_failover_is_followed(sentinels) -> None:
    """What the old primary had counted goes on at the new one, and nobody has to do anything."""
    url, (old, new, watch) = sentinels

    async def main() -> None:
        address = store_address(url)
        store = ConnectedStore(lambda broken: RedisStore(address, "t:", 10.0, broken), address.label)
        await store.open()
        assert store.is_there, store.reason
        assert (await store.take_all([ASK]))[0].remaining == 99
        for _ in range(3000):  # until the sentinel, too, has seen that the replica is in step
            if (begun := watch.ask("SENTINEL", "FAILOVER", "limits")) == b"+OK":
                break
            await asyncio.sleep(0.01)
        assert begun == b"+OK"
        for _ in range(3000):
            if _is(new, b"master") and _is(old, b"slave"):
                break
            await asyncio.sleep(0.01)
        with contextlib.suppress(Exception):
            await store.take_all([ASK])  # a connection to the old one may be left, which now refuses to write
        for _ in range(3000):
            if store.is_there:
                break
            await asyncio.sleep(0.01)
        assert (await store.take_all([ASK]))[0].remaining in (97, 98)
        await store.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("harm", ["frozen", "killed"])
def test_a_sentinel_that_has_gone_delays_nobody(sentinels, harm: str) -> None:
    """As when its machine goes with the primary that it stands beside: the others are asked all the same."""
    url, _ = sentinels
    port = free_port()
    gone = Valkey("--port", str(port), "--bind", "127.0.0.1")
    gone.start()

    async def main() -> None:
        address = store_address(url.replace("//", f"//127.0.0.1:{port},"))
        store = ConnectedStore(lambda broken: RedisStore(address, "t:", 10.0, broken), address.label)
        await store.open()
        for _ in range(3000):
            if store.is_there:
                break
            await asyncio.sleep(0.01)
        assert store.is_there, store.reason
        await store.aclose()

    try:
        gone.freeze() if harm == "frozen" else gone.kill()
        asyncio.run(main())
    finally:
        gone.thaw() if harm == "frozen" else None
        gone.close()
