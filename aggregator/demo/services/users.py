"""People: a list, one of them, and the usual ways to change them, which answer but keep nothing."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.demo.data import Record, one, table
from aggregator.demo.messages import DemoError, Request, Response, cacheable, json_response
from aggregator.demo.routing import Route


class Users:
    """``demo://users``."""

    name = "users"
    latency = 0.04

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/users", self.listed),
            Route("POST", "/users", self.created),
            Route("GET", "/users/{id}", self.shown),
            Route("PUT", "/users/{id}", self.changed),
            Route("PATCH", "/users/{id}", self.changed),
            Route("DELETE", "/users/{id}", self.deleted),
        )

    def listed(self, request: Request) -> Response:
        """Return all users, or those that the parameters of the query name."""
        users: list[Record] = table("users")
        for name in ("email", "username", "tier"):
            if name in request.query:
                users = [user for user in users if user[name] == request.query[name]]
        first = request.number("offset", 0, most=1000)
        return json_response(users[first : first + request.number("limit", 100, most=1000)])

    def shown(self, request: Request) -> Response:
        """Answer with one user."""
        return cacheable(request, one("users", request), 60)

    def created(self, request: Request) -> Response:
        """The new user with its id; nothing is kept, so it is always the next one."""
        user = request.document()
        if not isinstance(user.get("email"), str) or "@" not in user["email"]:
            raise DemoError(422, "bad_email", "A user needs an email address.")
        new = {**user, "id": len(table("users")) + 1}
        return json_response(new, 201, (("location", f"/users/{new['id']}"),))

    def changed(self, request: Request) -> Response:
        """The user as it would be after the change; nothing is kept."""
        user = one("users", request)
        change = {**request.document(), "id": user["id"]}
        return json_response(change if request.method == "PUT" else {**user, **change})

    def deleted(self, request: Request) -> Response:
        """Nothing; the user stays."""
        one("users", request)
        return Response(204)
