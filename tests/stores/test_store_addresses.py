"""Where a shared store is, as a URL says it; how that is told again, and what is wrong with another one."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.stores.shared.address import StoreAddress, store_address


@pytest.mark.parametrize(
    ("url", "address", "label"),
    [
        ("memory", StoreAddress("memory"), "memory"),
        ("redis://host", StoreAddress("server", (("host", 6379),)), "redis://host:6379"),
        ("rediss://host:1/3", StoreAddress("server", (("host", 1),), db=3, tls=True), "rediss://host:1"),
        ("redis://me:p%40w@[::1]:7/", StoreAddress("server", (("::1", 7),), user="me", password="p@w"), "redis://[::1]:7"),
        ("redis://:pw@host/99999?x=1", StoreAddress("server", (("host", 6379),), db=99999, password="pw"), "redis://host:6379"),
        ("redis://u%20v@host", StoreAddress("server", (("host", 6379),), user="u v"), "redis://host:6379"),
        ("unix:///run/v%20k.sock", StoreAddress("socket", name="/run/v k.sock"), "unix:///run/v k.sock"),
        ("unix:///s?db=2", StoreAddress("socket", name="/s", db=2), "unix:///s"),
        ("redis+sentinel://a,b:2/limits/4", StoreAddress("sentinel", (("a", 26379), ("b", 2)), "limits", 4),
         "redis+sentinel://a:26379,b:2/limits"),
        ("rediss+sentinel://a/l%20m", StoreAddress("sentinel", (("a", 26379),), "l m", tls=True),
         "rediss+sentinel://a:26379/l m"),
        ("redis+cluster://a,b:2/", StoreAddress("cluster", (("a", 6379), ("b", 2))), "redis+cluster://a:6379,b:2"),
    ],
)  # fmt: skip
def test_where_a_store_is(url: str, address: StoreAddress, label: str) -> None:
    """With the ports that are usual; its label says nothing of who asks."""
    found = store_address(url)
    assert found == address
    assert found.label == label


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *(
            (url, "A store is `memory`, or a URL of redis://, rediss://, redis+sentinel:// or redis+cluster://.")
            for url in ("", "Memory", "redis", "http://host", "redis:host")
        ),
        ("redis://a,b", "Several hosts are those of redis+sentinel:// or redis+cluster://."),
        ("redis://", "It names no host."),
        ("redis+cluster://a,", "It names no host."),
        ("redis://host:x", "'host:x' is no host with a port."),
        ("redis://host:65536", "'host:65536' is no host with a port."),
        ("redis://host/x", "'x' is no number of a database."),
        ("redis://host/100000", "'100000' is no number of a database."),
        ("redis://host/-1", "'-1' is no number of a database."),
        ("unix:///s?db=x", "'x' is no number of a database."),
        ("redis+cluster://a/1", "A cluster has no databases: leave out what follows its hosts."),
        ("redis+sentinel://a", "The name of the primary follows the hosts of its sentinels: redis+sentinel://host:26379/name."),
        ("unix://run/s", "A socket of this machine is written with its whole path: unix:///run/valkey.sock."),
        ("unix:///", "A socket of this machine is written with its whole path: unix:///run/valkey.sock."),
        ("unix://", "A socket of this machine is written with its whole path: unix:///run/valkey.sock."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_url(url: str, why: str) -> None:
    """It is told in a sentence."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole sentence follows
        store_address(url)
    assert str(refused.value) == why


@pytest.mark.parametrize(("password", "shown"), [("pw", "said ******** and ********"), (None, "said pw and pw")])
def test_what_a_server_repeats_is_cleaned(password: Any, shown: str) -> None:
    """Of the password, as often as it is there."""
    assert StoreAddress("server", password=password).cleaned("said pw and pw") == shown
