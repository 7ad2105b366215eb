"""Where a shared store is, as a URL says it.

redis://user:password@host:6379/0               one server; rediss:// by TLS
unix:///run/valkey.sock?db=0                    the same over a socket of this machine
redis+sentinel://host:26379,host:26379/name/0   the primary that sentinels know by this name
redis+cluster://host:6379,host:6379             a cluster, of which these nodes are asked first
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from aggregator.telemetry.redaction import MASK

Kind = Literal["memory", "server", "socket", "sentinel", "cluster"]
MEMORY: Final = "memory"
_KINDS: Final[dict[str, tuple[Kind, int]]] = {
    "redis": ("server", 6379),
    "rediss": ("server", 6379),
    "redis+sentinel": ("sentinel", 26379),
    "rediss+sentinel": ("sentinel", 26379),
    "redis+cluster": ("cluster", 6379),
    "rediss+cluster": ("cluster", 6379),
}


class StoreTls(Struct, frozen=True):
    """The files of whom to trust instead of those that this machine trusts, and of who we are.

    *digest* is of what they hold, so that a store is opened anew when that has changed.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    digest: str = ""


OF_THE_MACHINE: Final = StoreTls()


class StoreAddress(Struct, frozen=True):
    """The address of a store, and the name of the process that asks.

    *name* is the path of a ``socket``, or what a ``sentinel`` calls its primary. *trust* is of addresses with ``tls``.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    name: str = ""
    db: int = 0
    tls: bool = False
    user: str | None = None
    password: str | None = None
    trust: StoreTls = OF_THE_MACHINE

    @property
    def label(self) -> str:
        """The address without who asks, for logs and pages."""
        if self.kind == "memory":
            return MEMORY
        if self.kind == "socket":
            return f"unix://{self.name}"
        scheme = "rediss" if self.tls else "redis"
        kind = "" if self.kind == "server" else f"+{self.kind}"
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{scheme}{kind}://{hosts}" + (f"/{self.name}" if self.name else "")

    def cleaned(self, said: str) -> str:
        """Return what was *said* there without the password: who does not know ``AUTH`` repeats what it was given."""
        return said.replace(self.password, MASK) if self.password else said


def store_address(url: str) -> StoreAddress:
    """Return where *url* says that a store is; raise ``ValueError`` with a sentence that says what is wrong with it."""
    if url == MEMORY:
        return StoreAddress("memory")
    scheme, marked, rest = url.partition("://")
    if scheme == "unix" and marked:
        return _socket(url)
    if scheme not in _KINDS or not marked:
        raise ValueError("A store is `memory`, or a URL of redis://, rediss://, redis+sentinel:// or redis+cluster://.")
    kind, port = _KINDS[scheme]
    authority, _, path = rest.partition("?")[0].partition("/")
    who, _, places = authority.rpartition("@")
    user, _, password = who.partition(":")
    hosts = tuple(_host(place, port) for place in places.split(","))
    if kind == "server" and len(hosts) > 1:
        raise ValueError("Several hosts are those of redis+sentinel:// or redis+cluster://.")
    name, db = _path(kind, path.strip("/"))
    return StoreAddress(
        kind, hosts, name, db, scheme.startswith("rediss"), unquote(user) or None, unquote(password) or None
    )


def _socket(url: str) -> StoreAddress:
    parts = urlsplit(url)
    if parts.netloc or len(parts.path) < 2:
        raise ValueError("A socket of this machine is written with its whole path: unix:///run/valkey.sock.")
    return StoreAddress("socket", name=unquote(parts.path), db=_number(parse_qs(parts.query).get("db", ["0"])[0]))


def _host(place: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{place}")
        if parts.hostname:
            return parts.hostname, parts.port or port
    except ValueError:
        pass
    raise ValueError(f"{place!r} is no host with a port." if place else "It names no host.")


def _path(kind: Kind, path: str) -> tuple[str, int]:
    """Return the name of a primary and the number of a database, as *path* has them."""
    if kind == "cluster":
        if path:
            raise ValueError("A cluster has no databases: leave out what follows its hosts.")
        return "", 0
    if kind == "server":
        return "", _number(path or "0")
    name, _, db = path.partition("/")
    if not name:
        raise ValueError(
            "The name of the primary follows the hosts of its sentinels: redis+sentinel://host:26379/name."
        )
    return unquote(name), _number(db or "0")


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise ValueError(f"{text!r} is no number of a database.")
    return int(text)
