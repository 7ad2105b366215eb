"""The address of administration: which host, which site and which secret get how far, case by case."""

from __future__ import annotations

import pytest

from aggregator.edge.addresses import Address, TcpAddress, UnixAddress
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.server.admin.door import AdminDoor, Denied

HERE, EVERYWHERE, PRIVATE, SHARED = (
    TcpAddress("127.0.0.1", 9), TcpAddress("0.0.0.0", 9), UnixAddress("/run/a", 0o600), UnixAddress("/run/a", 0o666),
)  # fmt: skip
SECRET = "of-some-length"
NAMES = "Ask for this address by its number, by localhost, or by a name of `admin.hosts`."
SITES = "Pages of other sites may not ask this address."
NEEDS = "This needs the secret of `server.admin`, as `Authorization: Bearer …`."
NOTHING = "Nothing can be done here until `server.admin` declares a `secret`."


def plan(address: Address, secret: str | None) -> AdminPlan:
    """Return an address of administration, with *secret* and a name."""
    return AdminPlan(address, secret, hosts=("admin.test",))


def denied(
    address: Address,
    headers: dict[str, str],
    *,
    secret: str | None = SECRET,
    writes: bool = False,
    scheme: str = "http",
) -> tuple[int, str] | None:
    """Return with what a request with *headers* is denied, None if it is let in."""
    try:
        AdminDoor(address, scheme).let_in(plan(address, secret), {"host": "localhost"} | headers, writes=writes)
    except Denied as error:
        return error.status, error.detail
    return None


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True), ("LocalHost:9", True), ("localhost.", True), ("127.0.0.1", True), ("127.0.0.1:9", True),
        ("10.1.2.3:9", True), ("[::1]", True), ("[::1]:9", True), ("admin.test", True), ("ADMIN.test:443", True),
        ("admin.test.:1", True), ("evil.test", False), ("evil.test:9", False), ("", False), ("localhost.evil.test", False),
        ("admin.test:x", False), ("127.0.0.1.evil.test", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("writes", [False, True])
def test_a_host_is_a_number_or_a_name_that_is_ours(host: str, is_ours: bool, writes: bool) -> None:
    """With a port or without one, however it is written; any other is answered 421, whatever it shows."""
    headers = {"host": host, "authorization": f"Bearer {SECRET}"}
    assert denied(HERE, headers, writes=writes) == (None if is_ours else (421, NAMES))


@pytest.mark.parametrize(
    ("host", "origin", "scheme", "is_let_in"),
    [
        ("localhost:9", "http://localhost:9", "http", True), ("localhost:9", "HTTP://LOCALHOST:9", "http", True),
        ("localhost:9", "https://localhost:9", "https", True), ("localhost:9", "https://localhost:9", "http", False),
        ("localhost:9", "http://localhost:8", "http", False), ("localhost", "null", "http", False),
        ("localhost", "", "http", False), ("127.0.0.1", "http://localhost", "http", False),
    ],
)  # fmt: skip
def test_a_page_is_of_this_very_address(host: str, origin: str, scheme: str, is_let_in: bool) -> None:
    """Scheme, host and port; who names no page is none."""
    headers = {"host": host, "origin": origin}
    assert denied(HERE, headers, scheme=scheme) == (None if is_let_in else (403, SITES))


@pytest.mark.parametrize(
    ("address", "secret", "reads", "writes", "why", "needs"),
    [
        (HERE, SECRET, None, (401, NEEDS), None, True), (EVERYWHERE, SECRET, (401, NEEDS), (401, NEEDS), None, True),
        (PRIVATE, SECRET, None, None, None, False), (SHARED, SECRET, None, (401, NEEDS), None, True),
        (HERE, None, None, (403, NOTHING), NOTHING, False), (PRIVATE, None, None, None, None, False),
        (EVERYWHERE, None, (401, NEEDS), (403, NOTHING), NOTHING, False),
        (SHARED, None, None, (403, NOTHING), NOTHING, False),
    ],
)  # fmt: skip
def test_who_reads_and_who_acts_without_a_secret(
    address: Address, secret: str | None, reads: object, writes: object, why: str | None, needs: bool
) -> None:
    """On this machine one reads; who acts is alone with a private socket, or shows the secret."""
    door, made = AdminDoor(address, "http"), plan(address, secret)
    assert (denied(address, {}, secret=secret), denied(address, {}, secret=secret, writes=True)) == (reads, writes)
    assert (door.why_nothing(made), door.needs_secret(made)) == (why, needs)


@pytest.mark.parametrize(
    ("shown", "is_let_in"),
    [
        (f"Bearer {SECRET}", True), (f"bearer  {SECRET} ", True), (f"Basic {SECRET}", False), (SECRET, False),
        (f"Bearer {SECRET}x", False), ("Bearer", False), ("Bearer ", False), ("", False), ("Bearer sécret", False),
    ],
)  # fmt: skip
def test_a_secret_is_shown_as_a_bearer(shown: str, is_let_in: bool) -> None:
    """Nothing else is it, and nothing is not."""
    for secret, expected in ((SECRET, None if is_let_in else (401, NEEDS)), (None, (403, NOTHING))):
        assert denied(HERE, {"authorization": shown}, secret=secret, writes=True) == expected
    assert denied(EVERYWHERE, {"authorization": shown}, secret=None) == (401, NEEDS)
