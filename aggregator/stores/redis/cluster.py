"""A cluster: each key has a slot, each slot a node; the operations of one turn leave side by side, a write a node.

Where a slot has moved, the node that had it says so: the operation goes there, and the map is asked for anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aggregator.errors import StoreError
from aggregator.stores.redis.connecting import to_host
from aggregator.stores.redis.node import CONNECT, Command, Node
from aggregator.stores.shared.address import StoreAddress

Place = tuple[str, int]


class Cluster:
    """The nodes of the cluster at *address*; *broken* is told when one is lost."""

    def __init__(self, address: StoreAddress, timeout: float, broken: Callable[[str], None]) -> None:
        self._address = address
        self._timeout = timeout
        self._broken = broken
        self._nodes: dict[Place, Node] = {}
        self._slots: dict[int, Place] = {}
        self._mapping: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether every slot has a node that is connected."""
        return bool(self._slots) and all(node.is_open for node in self._nodes.values())

    async def connect(self) -> None:
        """Ask who has which slot, and connect to all of them; raises what redis-py and sockets raise."""
        await self._map()

    async def _map(self) -> None:
        slots = await self._ask()
        places = set(slots.values())
        for place in places:
            node = self._nodes.get(place)
            if node is None:
                node = self._nodes[place] = Node(
                    to_host(self._address, *place), self._timeout, lambda _, why: self._broken(why)
                )
            if not node.is_open:
                await node.connect()
        gone = [self._nodes.pop(place) for place in set(self._nodes) - places]
        self._slots = slots
        await asyncio.gather(*(node.aclose() for node in gone))

    async def _ask(self) -> dict[int, Place]:
        """Return the place of each slot, from the first node that answers."""
        error: Exception = StoreError("It has no nodes.")
        for place in (*self._nodes, *self._address.hosts):
            connection = to_host(self._address, *place)()
            try:
                async with asyncio.timeout(CONNECT):
                    await connection.connect()
                    await connection.send_packed_command(connection.pack_commands([(b"CLUSTER", b"SLOTS")]))
                    return _slots(await connection.read_response(), place[0])
            except Exception as failure:
                error = failure
            finally:
                await connection.disconnect(nowait=True)
        raise error

    def send(self, key: bytes, command: Command) -> Awaitable[Any]:
        """Send *command* to who has *key*; return the reply to come, which may raise ``StoreError``."""
        from redis.crc import key_slot

        place = self._slots.get(key_slot(key))
        if place is None:
            raise StoreError("The store is not connected.")
        return self._follow(self._nodes[place].send(command), command)

    def servers(self) -> list[Callable[[Command], Awaitable[Any]]]:
        """Return what sends a command to each node, whatever its key."""
        return [node.send for node in self._nodes.values()]

    async def _follow(self, reply: asyncio.Future[Any], command: Command) -> Any:
        from redis.exceptions import AskError, MovedError

        found = await reply
        if isinstance(found, MovedError):  # which is an AskError for redis-py
            self._learn()
            return await self._node((found.host, found.port)).send(command)
        if isinstance(found, AskError):
            node = self._node((found.host, found.port))
            asking, told = node.send((b"ASKING",)), node.send(command)
            await asking
            return await told
        return found

    def _node(self, place: Place) -> Node:
        node = self._nodes.get(place)
        if node is None or not node.is_open:
            self._learn()
            raise StoreError("A part of the store has moved.")
        return node

    def _learn(self) -> None:
        if self._mapping is None or self._mapping.done():
            self._mapping = asyncio.get_running_loop().create_task(self._remap())

    async def _remap(self) -> None:
        try:
            await self._map()
        except Exception as error:
            self._broken(self._address.cleaned(str(error)))

    def close(self) -> None:
        """Close all connections; what waits fails."""
        for node in self._nodes.values():
            node.close(tells=False)

    async def aclose(self) -> None:
        """Close all connections and wait for that."""
        if self._mapping is not None:
            self._mapping.cancel()
        await asyncio.gather(*(node.aclose() for node in self._nodes.values()))


def _slots(reply: Any, asked: str) -> dict[int, Place]:
    """Return the primary of each slot; a node that does not know its own name is where it was *asked*."""
    found: dict[int, Place] = {}
    for first, last, primary, *_ in reply:
        host = primary[0].decode() if isinstance(primary[0], bytes) else primary[0]
        place = (host or asked, int(primary[1]))
        found.update(dict.fromkeys(range(int(first), int(last) + 1), place))
    if len(found) < 16384:
        raise StoreError("Some slots of the cluster have no node.")
    return found
