"""Upstreams that ask for our certificate when they have read the request, as IIS, Azure and httpd can."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Origin, Pool, PoolSettings, TlsSettings
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


async def asked(port: int, stage: Any, **tls: Any) -> Any:
    """Make two calls to *port*; give the bodies, or the cause of their absence."""
    pool = Pool(PoolSettings(Origin("https", "127.0.0.1", port), tls=TlsSettings(**tls)))
    try:
        return [(await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body for _ in range(2)]
    except CallError as error:
        return error.cause
    finally:
        await pool.aclose()


def test_after_the_handshake(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """Over TLS 1.3 it is shown in the middle of a call, if there is one; the connection serves on."""
    server = authority.context("127.0.0.1", clients=True)
    server.post_handshake_auth = True
    cert, key = authority.certificate("gateway")
    seen: list[Any] = []

    async def late(peer: Any) -> None:
        await peer.shake()
        await peer.request()
        await peer.does(peer.tls.verify_client_post_handshake)
        certificate = None
        while certificate is None:
            with suppress(ssl.SSLWantReadError):
                peer.tls.read(1)
            await peer.flush()
            await peer.hear()
            with suppress(ssl.SSLWantReadError):
                peer.tls.read(1)
            with suppress(ValueError):  # the handshake is not done yet
                certificate = peer.tls.getpeercert()
        seen.append(certificate["subjectAltName"])
        await peer.say(stage.OK)
        await peer.request()
        await peer.say(stage.OK)

    async def main() -> None:
        async with wire.served(server, late) as port:
            assert await asked(port, stage, ca_file=authority.file, cert_file=cert, key_file=key) == [b"ok", b"ok"]
            assert seen == [(("DNS", "gateway"),)]
            assert await asked(port, stage, ca_file=authority.file) in (Cause.INCOMPLETE, Cause.RESET)
            assert len(seen) == 1

    run(main())


@asynccontextmanager
async def openssl(authority: Any) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Run OpenSSL's own server, which sends what it is told, and negotiates anew when that is ``R``; give its port."""
    cert, key = authority.certificate("127.0.0.1")
    options = f"-tls1_2 -no_ticket -no_cache -msg -cert {cert} -key {key} -CAfile {authority.file}"
    command = f"openssl s_server -accept 127.0.0.1:0 {options}"
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(
        *command.split(), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    assert server.stdout is not None
    try:
        line = b""
        while not line.startswith(b"ACCEPT"):
            line = await server.stdout.readline()
        yield int(line.rsplit(b":", 1)[1]), server
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            server.kill()
        await server.wait()


async def negotiated(server: asyncio.subprocess.Process) -> bytes:
    """Answer two requests, the first after a new handshake; give what OpenSSL says of that."""
    source, sink = server.stdout, server.stdin
    assert source is not None
    assert sink is not None
    await source.readuntil(b"host: shop\r\n\r\n")
    sink.write(b"R\n")
    said = await source.readuntil(b"SSL_do_handshake -> ")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
    sink.write(answer)
    said += await source.readuntil(b"host: shop\r\n\r\n")
    sink.write(answer)
    return said


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("openssl") is None, reason="only the openssl command can ask for it in TLS 1.2")
@pytest.mark.parametrize("has_one", [True, False])
def test_by_renegotiation(run: Any, stage: Any, authority: Any, has_one: bool) -> None:
    """Over TLS 1.2 it is shown in a handshake within the connection, if there is one; else that is refused."""
    cert, key = authority.certificate("gateway") if has_one else (None, None)

    async def main() -> None:
        async with openssl(authority) as (port, server):
            negotiating = asyncio.create_task(negotiated(server))
            answers = await asked(port, stage, ca_file=authority.file, cert_file=cert, key_file=key)
            if has_one:
                assert answers == [b"ok\n", b"ok\n"]
                assert b"CertificateVerify" in await negotiating
            else:
                assert answers == Cause.TLS
                negotiating.cancel()

    run(main())
