"""What each kind of broker knows, whether its client is installed or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.rules import brokers
from aggregator.server.once.checking import check_file


def problems(folder: Path, upstream: str) -> list[tuple[str, str | None]]:
    """Return the problems of a file with one broker, and the way out of each."""
    path = folder / "routes.yaml"
    text = f"version: 1\nupstreams:\n  events: {upstream}\nendpoints:\n  GET /x: {{respond: {{}}}}\n"
    path.write_text(text, encoding="utf-8")
    found = check_file(str(path)).diagnostics
    return [(one.message, one.hint) for one in found if one.code in ("upstream-url", "no-effect", "missing-package")]


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("nats://h", "nats", "nats"), ("amqps://h/shop", "aiormq", "amqp"), ("redis+stream://h/1", "redis", "redis")],
)
def test_a_client_that_is_missing_is_named(
    url: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` says what is to be installed."""
    monkeypatch.setattr(brokers, "find_spec", lambda _: None)
    hint = f"install it: pip install 'aggregator-server[{extra}]'"
    assert problems(tmp_path, f"{{url: '{url}'}}") == [(f"this broker needs the package {package}", hint)]


@pytest.mark.parametrize(
    ("upstream", "message"),
    [
        ("{url: nats://h/shop}", "the URL of a NATS has no path"),
        ("{url: amqp://h/shop/eu}", "the path of this URL is a virtual host"),
        ("{url: nats://h, unix_socket: /run/nats}", "`unix_socket` has no effect on a broker"),
        ("{url: nats://h, broker: {exchange: events}}", "`exchange` has no effect on a broker"),
        ("{url: amqp://h, broker: {jetstream: false}}", "`jetstream` has no effect on a broker"),
        ("{url: amqp://h, tls: {}}", "`tls` has no effect on `amqp://`"),
    ],
)
def test_what_means_nothing_to_a_broker_is_told(
    upstream: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of one broker do nothing for another, and each reads its URL in its own way."""
    monkeypatch.setattr(brokers, "find_spec", lambda _: object())
    assert [found for found, _ in problems(tmp_path, upstream)] == [message]
