"""`rediss://`: a real Valkey behind TLS; who cannot be trusted is an alarm, and asked again, and never an end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace
from valkey import Valkey

from aggregator.errors import StoreError
from aggregator.stores.rate import Rate
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared import connected
from aggregator.stores.shared.address import OF_THE_MACHINE, StoreTls, store_address
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore

ASK = Ask(b"n", b"tls", Rate(100, 100_000.0, 100))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Return an authority that this machine trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(connected, "_PAUSE", 0.01)
    return made


@asynccontextmanager
async def by_tls(
    server: Valkey, shown: trustme.LeafCert, clients: trustme.CA | None = None
) -> AsyncIterator[int]:  # fmt: skip
    """Yield the port at which *server* speaks TLS and has the certificate *shown*: it is built without.

    With *clients* it wants certificates of that authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    relays: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(str(server.path))
        relays.update(map(asyncio.ensure_future, (relay(reader, outer), relay(inner, writer))))

    listening = await asyncio.start_server(come, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await asyncio.gather(*relays, return_exceptions=True)


@asynccontextmanager
async def opened(url: str, trust: StoreTls = OF_THE_MACHINE) -> AsyncIterator[ConnectedStore]:
    """Yield the store at *url*, to which a connection was tried once."""
    address = replace(store_address(url), trust=trust)
    store = ConnectedStore(lambda broken: RedisStore(address, "t:", 5.0, broken), address.label)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


def test_it_counts_by_tls(valkey: Valkey, authority: trustme.CA) -> None:
    """The certificate is of somebody this machine trusts, for the host of the URL."""

    async def main() -> None:
        shown = authority.issue_cert("127.0.0.1")
        async with by_tls(valkey, shown) as port, opened(f"rediss://127.0.0.1:{port}/0") as store:
            while not store.is_there:  # noqa: ASYNC110 - it has no event, and a busy machine tries again
                await asyncio.sleep(0.005)
            assert (await store.take_all([ASK]))[0].remaining == 99

    asyncio.run(main())


def test_an_authority_of_ones_own_is_trusted_in_place_of_the_machine_s(
    valkey: Valkey, authority: trustme.CA, tmp_path: Path
) -> None:
    """It is shown our certificate; whom this machine trusts is a stranger there."""
    ours = trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    client = ours.issue_cert("aggregator@machine.test")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    trust = StoreTls(str(tmp_path / "ours.pem"), str(tmp_path / "client.pem"))

    async def main() -> None:
        shown, stranger = (one.issue_cert("127.0.0.1") for one in (ours, authority))
        async with by_tls(valkey, shown, ours) as port, opened(f"rediss://127.0.0.1:{port}/0", trust) as store:
            while not store.is_there:  # noqa: ASYNC110 - it has no event, and a busy machine tries again
                await asyncio.sleep(0.005)
            assert (await store.take_all([ASK]))[0].granted
        async with by_tls(valkey, stranger) as port, opened(f"rediss://127.0.0.1:{port}/0", trust) as store:
            while "unable to get local issuer" not in store.reason:  # noqa: ASYNC110 - it is tried again
                await asyncio.sleep(0.005)

    asyncio.run(main())


def test_a_file_that_has_gone_is_an_alarm(valkey: Valkey, authority: trustme.CA, tmp_path: Path) -> None:
    """And no end."""
    trust = StoreTls(str(tmp_path / "gone.pem"))

    async def main() -> None:
        shown = authority.issue_cert("127.0.0.1")
        async with by_tls(valkey, shown) as port, opened(f"rediss://127.0.0.1:{port}/0", trust) as store:
            while "No such file" not in store.reason:  # noqa: ASYNC110 - it is tried again
                await asyncio.sleep(0.005)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("scheme", "name", "is_known", "why"),
    [
        ("rediss", "127.0.0.1", False, "unable to get local issuer certificate"),
        ("rediss", "cache.test", True, "IP address mismatch"),
        ("redis", "127.0.0.1", True, "closed by server"),
    ],
)
def test_who_cannot_be_trusted_is_an_alarm(valkey, authority, caplog, scheme, name, is_known, why) -> None:
    """An unknown authority, another host, no TLS: it is away, told once, and limits are shares until it is mended."""
    signer = authority if is_known else trustme.CA()

    async def main() -> None:
        async with by_tls(valkey, signer.issue_cert(name)) as port, opened(f"{scheme}://127.0.0.1:{port}/0") as store:
            while why not in store.reason:  # noqa: ASYNC110 - it is tried again
                await asyncio.sleep(0.005)
            assert not store.is_there
            with pytest.raises(StoreError):
                await store.take_all([ASK])

    asyncio.run(main())
    assert caplog.text.count("The shared store is away") == 1
