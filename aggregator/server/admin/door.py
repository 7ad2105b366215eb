"""Access to the admin address: checks of Host, Origin, and the secret."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from ipaddress import ip_address

from msgspec import Struct

from aggregator.edge.addresses import Address
from aggregator.plan.incoming.listening import AdminPlan


class Denied(Exception):  # noqa: N818 - it ends the way of a request, nothing else
    """The request is not let in; holds the status and the sentence that say so, and of a 405 the methods."""

    def __init__(self, status: int, detail: str, allow: bytes = b"") -> None:
        self.status = status
        self.detail = detail
        self.allow = allow
        super().__init__(detail)


class AdminDoor(Struct, frozen=True):
    """The rules of one address. *scheme* is what is spoken there."""

    address: Address
    scheme: str

    def let_in(self, plan: AdminPlan, headers: Mapping[str, str], *, writes: bool) -> None:
        """Return when the request may go on, which *writes* or only reads. Raises ``Denied``: 421, 403 or 401."""
        self.let_near(plan, headers)
        if writes and (why := self.why_nothing(plan)) is not None:
            raise Denied(403, why)
        if (writes and not self.address.is_private) or not self.address.is_loopback:
            self._check_secret(plan, headers.get("authorization", ""))

    def why_nothing(self, plan: AdminPlan) -> str | None:
        """Return why nobody can do anything here; None where somebody can."""
        if plan.secret is not None or self.address.is_private:
            return None
        return "Nothing can be done here until `server.admin` declares a `secret`."

    def needs_secret(self, plan: AdminPlan) -> bool:
        """Return whether who does something here has to show the secret."""
        return plan.secret is not None and not self.address.is_private

    def let_near(self, plan: AdminPlan, headers: Mapping[str, str]) -> None:
        """Return when the request may have what holds no data. Raises ``Denied``: 421 or 403.

        A name that leads here by somebody else's DNS, and a page of another site, get nothing (rebinding, CSRF).
        """
        host = headers.get("host", "")
        if not _is_ours(host, plan.hosts):
            raise Denied(421, "Ask for this address by its number, by localhost, or by a name of `admin.hosts`.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{self.scheme}://{host}".lower():
            raise Denied(403, "Pages of other sites may not ask this address.")

    def _check_secret(self, plan: AdminPlan, authorization: str) -> None:
        scheme, _, shown = authorization.partition(" ")
        is_shown = scheme.lower() == "bearer" and plan.secret is not None
        if not (is_shown and compare_digest(shown.strip().encode(), (plan.secret or "").encode())):
            raise Denied(401, "This needs the secret of `server.admin`, as `Authorization: Bearer …`.")


def _is_ours(host: str, hosts: tuple[str, ...]) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    name = name.removeprefix("[").removesuffix("]").lower().rstrip(".")
    if name == "localhost" or name in hosts:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
