"""TLS to upstreams: verified by default, refused in words, its contexts shared and renewed."""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from aggregator.errors import CallError, Cause, StartupError
from aggregator.transport import Origin, Pool, PoolSettings, Reply, TlsSettings
from aggregator.transport.engine import slots as places
from aggregator.transport.engine.opening import connecting
from aggregator.transport.fetching import fetched
from aggregator.transport.tls import contexts as tls
from aggregator.transport.tls.contexts import tls_context

H = b"host: shop\r\n"


def called(
    run: Any, stage: Any, server: ssl.SSLContext | None, *answers: Any, host: str = "127.0.0.1", **tls: Any
) -> Any:
    """Call an upstream with *server*'s certificate under the TLS settings *tls*; give reply or error."""

    async def main() -> Any:
        async with stage.playing(*answers or [stage.OK], tls=server) as upstream:
            settings = stage.settings(upstream, tls=TlsSettings(**tls))
            pool = Pool(replace(settings, origin=Origin("https", host, upstream.port)))
            try:
                await fetched(pool, b"GET", b"/", H, deadline=stage.due(2))
                return await fetched(pool, b"GET", b"/", H, deadline=stage.due(2))
            except CallError as error:
                return error
            finally:
                await pool.aclose()

    return run(main())


def test_verified(run: Any, stage: Any, authority: Any) -> None:
    """An upstream with a certificate from a trusted authority is called, and its connection reused."""
    reply = called(run, stage, authority.server, ca_file=authority.file)
    assert (reply.body, reply.reused) == (b"ok", True)


def test_server_name(run: Any, stage: Any, authority: Any) -> None:
    """Another name than the host's can be asked for, and is the one that is verified."""
    server = authority.context("shop.test")
    asked = []
    server.sni_callback = lambda _sock, name, _context: asked.append(name)
    assert called(run, stage, server, ca_file=authority.file, server_name="shop.test").body == b"ok"
    assert asked == ["shop.test"]
    error = called(run, stage, server, ca_file=authority.file, server_name="other.test")
    assert (error.cause, error.message) == (Cause.TLS, "The certificate of the upstream is for another name.")


def test_unverified(run: Any, stage: Any, authority: Any) -> None:
    """Verification can be turned off; then any certificate will do."""
    assert called(run, stage, authority.context("elsewhere"), verify=False).body == b"ok"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("unknown", "The certificate of the upstream is from an unknown authority; `tls.ca` says whom to trust."),
        ("address", "The certificate of the upstream is for another address."),
        ("expired", "The certificate of the upstream has expired."),
    ],
)
def test_refused_in_words(run: Any, stage: Any, authority: Any, which: str, message: str) -> None:
    """Why TLS failed is said in words that hold no address."""
    servers = {
        "unknown": trustme_server(),
        "address": authority.context("10.1.2.3"),
        "expired": authority.context("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)),
    }
    error = called(run, stage, servers[which], ca_file=authority.file)
    assert (error.cause, error.message) == (Cause.TLS, message)


def old_server(authority: Any, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the context of a server that speaks *version* at most, with a suite that Python does not offer."""
    context: ssl.SSLContext = authority.context("127.0.0.1")
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
    return context


@pytest.mark.parametrize(
    ("version", "settings", "is_called"),
    [
        (ssl.TLSVersion.TLSv1_2, {}, False),
        (ssl.TLSVersion.TLSv1_2, {"security": "compatible"}, True),
        (ssl.TLSVersion.TLSv1_2, {"ciphers": "ECDHE-ECDSA-AES128-SHA"}, True),
        (ssl.TLSVersion.TLSv1_2, {"security": "legacy", "ciphers": "ECDHE-ECDSA-AES256-SHA"}, False),
        (ssl.TLSVersion.TLSv1_1, {"security": "compatible"}, False),
        (ssl.TLSVersion.TLSv1_1, {"security": "legacy"}, True),
    ],
)
def test_old_upstreams(run: Any, stage: Any, authority: Any, version: Any, settings: Any, is_called: bool) -> None:
    """What is offered is what `security` and `ciphers` say."""
    outcome = called(run, stage, old_server(authority, version), ca_file=authority.file, **settings)
    assert isinstance(outcome, Reply) is is_called


def test_upstream_without_tls(run: Any, stage: Any) -> None:
    """An upstream that answers the handshake in plain HTTP does not speak TLS, and we say so."""

    async def main() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        pool = Pool(PoolSettings(Origin("https", "127.0.0.1", server.sockets[0].getsockname()[1])))
        with pytest.raises(CallError, match=r"^The upstream does not speak TLS\.$"):
            await fetched(pool, b"GET", b"/", H, deadline=stage.due())
        await pool.aclose()
        server.close()

    run(main())


def trustme_server() -> ssl.SSLContext:
    """Return the context of a server whose authority nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_client_certificate(run: Any, stage: Any, authority: Any) -> None:
    """We show our certificate where one is wanted; without one, and without a word from the upstream, the call fails."""
    server = authority.context("127.0.0.1", clients=True)
    cert, key = authority.certificate("gateway")
    assert called(run, stage, server, ca_file=authority.file, cert_file=cert, key_file=key).body == b"ok"
    error = called(run, stage, server, ca_file=authority.file)
    assert error.cause in (Cause.TLS, Cause.RESET, Cause.INCOMPLETE)


def test_ends_without_goodbye(run: Any, stage: Any, authority: Any) -> None:
    """A connection that ends without a TLS goodbye ends a body with a length too early, like any other end."""
    half = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "close"]
    assert called(run, stage, authority.server, half, ca_file=authority.file).cause == Cause.INCOMPLETE
    reset = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "reset"]
    assert called(run, stage, authority.server, reset, ca_file=authority.file).cause in (Cause.RESET, Cause.INCOMPLETE)


def test_goodbye_is_not_waited_for(run: Any, stage: Any, authority: Any) -> None:
    """An upstream that does not answer our goodbye cannot keep a pool from closing."""

    async def main() -> None:
        held: list[Any] = []

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(stage.OK)
            writer.transport.pause_reading()
            held.append(writer)

        server = await asyncio.start_server(deaf, "127.0.0.1", 0, ssl=authority.server)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(PoolSettings(Origin("https", "127.0.0.1", port), tls=TlsSettings(ca_file=authority.file)))
        await fetched(pool, b"GET", b"/", H, deadline=stage.due())
        begun = asyncio.get_running_loop().time()
        await pool.aclose()
        assert asyncio.get_running_loop().time() - begun < 10
        held[0].transport.abort()
        server.close()

    run(main())


def test_connections_that_do_not_go(run: Any, stage: Any, authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a pool ends in time even if a connection will not close by itself."""
    monkeypatch.setattr(places, "_GOODBYE", 0.05)
    monkeypatch.setattr(connecting, "_GOODBYE", 60)
    test_goodbye_is_not_waited_for(run, stage, authority)


def test_contexts_are_shared(authority: Any) -> None:
    """Equal settings share one context; other settings do not."""
    settings = TlsSettings(ca_file=authority.file)
    assert tls_context(settings) is tls_context(TlsSettings(ca_file=authority.file))
    assert tls_context(settings) is not tls_context(TlsSettings(verify=False))
    assert tls_context(TlsSettings()).verify_mode == ssl.CERT_REQUIRED
    assert tls_context(TlsSettings()).minimum_version == ssl.TLSVersion.TLSv1_2


def test_another_digest_makes_a_new_context(authority: Any) -> None:
    """Files that hold something else than before are read again."""
    first = tls_context(TlsSettings(ca_file=authority.file, digest="a"))
    assert tls_context(TlsSettings(ca_file=authority.file, digest="a")) is first
    assert tls_context(TlsSettings(ca_file=authority.file, digest="b")) is not first


def test_environment_plays_no_part(run: Any, stage: Any, authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorities that the environment names are not trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(authority.file).parent))
    assert called(run, stage, authority.server).cause == Cause.TLS


def test_unusable_files(authority: Any, tmp_path: Path) -> None:
    """A file that is absent or not what it should be stops the start; it is named, with what is wrong with it."""
    wrong, absent = tmp_path / "wrong.pem", tmp_path / "absent.pem"
    wrong.write_text("not a certificate")
    cert, key = authority.certificate("other")
    _, third = authority.certificate("third")
    pipe, large = tmp_path / "pipe", tmp_path / "large.pem"
    os.mkfifo(pipe)
    large.touch()
    os.truncate(large, 1 << 40)
    cut = tmp_path / "cut.crt"
    cut.write_bytes(Path(cert).read_bytes()[:200])
    stump, bundle = tmp_path / "stump.key", tmp_path / "bundle.pem"
    stump.write_bytes(Path(key).read_bytes()[:100])
    bundle.write_bytes(Path(authority.file).read_bytes() + cut.read_bytes())
    for parts, path, why in (
        ({"ca_file": str(absent)}, absent, "cannot be read: no such file or directory"),
        ({"ca_file": str(tmp_path)}, tmp_path, "is no regular file"),
        ({"ca_file": "/dev/zero"}, "/dev/zero", "is no regular file"),
        ({"cert_file": str(pipe)}, pipe, "is no regular file"),
        ({"ca_file": str(large)}, large, "is too large"),
        ({"ca_file": "a\0b"}, "a\0b", "cannot be read: it has no such name"),
        ({"ca_file": str(wrong)}, wrong, "holds no certificate in PEM form"),
        ({"cert_file": str(absent)}, absent, "cannot be read: no such file or directory"),
        ({"cert_file": str(wrong)}, wrong, "holds no certificate in PEM form"),
        ({"cert_file": cert, "key_file": str(absent)}, absent, "cannot be read: no such file or directory"),
        ({"cert_file": cert, "key_file": str(wrong)}, wrong, "holds no key in PEM form"),
        ({"cert_file": cert, "key_file": third}, third, "holds the key of another certificate"),
        ({"cert_file": str(cut), "key_file": key}, cut, "holds a damaged certificate"),
        ({"ca_file": str(bundle)}, bundle, "holds a damaged certificate"),
        ({"cert_file": cert, "key_file": str(stump)}, stump, "cannot be used with its certificate"),
        ({"cert_file": cert}, cert, "holds no key in PEM form"),
    ):
        with pytest.raises(StartupError) as caught:
            tls_context(TlsSettings(**parts))
        assert str(caught.value) == f"The TLS file {path} {why}."
    assert tls_context(TlsSettings(cert_file=cert, key_file=key)) is not None
    old = tmp_path / "old.crt"
    old.write_bytes(Path(cert).read_bytes().replace(b" CERTIFICATE", b" X509 CERTIFICATE"))
    assert tls_context(TlsSettings(cert_file=str(old), key_file=key)) is not None


def test_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is well at one moment may be gone at the next; no error of OpenSSL comes out of that."""
    monkeypatch.setattr(tls, "unusable_file", lambda _: None)
    with pytest.raises(StartupError, match="have changed while they were being read"):
        tls_context(TlsSettings(ca_file=str(tmp_path / "gone.pem")))


def test_encrypted_key(authority: Any, tmp_path: Path) -> None:
    """The key may be encrypted; the password never shows, and is never asked for on the terminal."""
    from cryptography.hazmat.primitives import serialization as pem

    cert, plain = authority.certificate("secretive")
    key = pem.load_pem_private_key(Path(plain).read_bytes(), None)
    locked = tmp_path / "locked.key"
    encryption = pem.BestAvailableEncryption(b"open sesame")
    locked.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption))
    settings = TlsSettings(cert_file=cert, key_file=str(locked), key_password="open sesame")
    assert tls_context(settings) is not None
    assert "sesame" not in repr(settings)
    with pytest.raises(StartupError, match="holds an encrypted key, and there is no password for it"):
        tls_context(TlsSettings(cert_file=cert, key_file=str(locked)))
    with pytest.raises(StartupError, match="cannot be used with its certificate"):
        tls_context(TlsSettings(cert_file=cert, key_file=str(locked), key_password="close sesame"))


def test_over_a_unix_socket(run: Any, stage: Any, authority: Any, tmp_path: Path) -> None:
    """TLS goes over a Unix socket as well; the host names the certificate."""

    async def main() -> None:
        path = str(tmp_path / "up")
        async with stage.playing(stage.OK, path=path, tls=authority.server):
            origin = Origin("https", "shop.test", 443, unix_socket=path)
            pool = Pool(PoolSettings(origin, tls=TlsSettings(ca_file=authority.file)))
            assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body == b"ok"
            await pool.aclose()

    run(main())
