"""Articles and their comments."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.demo.data import Record, one, table
from aggregator.demo.messages import Request, Response, cacheable, json_response
from aggregator.demo.routing import Route


class Posts:
    """``demo://posts``."""

    name = "posts"
    latency = 0.05

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/posts", self.listed),
            Route("POST", "/posts", self.created),
            Route("GET", "/posts/{id}", self.shown),
            Route("GET", "/posts/{id}/comments", self.comments),
            Route("GET", "/users/{id}/posts", self.of_user),
        )

    def listed(self, request: Request) -> Response:
        """Answer with all posts, or those of ``?userId=``; ``?_page=`` (from 1) and ``?_limit=`` cut the list."""
        posts: list[Record] = table("posts")
        if "userId" in request.query:
            posts = [post for post in posts if str(post["userId"]) == request.query["userId"]]
        size = request.number("_limit", 100, most=100)
        first = max(request.number("_page", 1, most=1000) - 1, 0) * size
        return json_response(posts[first : first + size], headers=(("x-total-count", str(len(posts))),))

    def shown(self, request: Request) -> Response:
        """Answer with one post."""
        return cacheable(request, one("posts", request), 300)

    def comments(self, request: Request) -> Response:
        """Answer with the comments on one post."""
        post = one("posts", request)
        return json_response([item for item in table("comments") if item["postId"] == post["id"]])

    def of_user(self, request: Request) -> Response:
        """The posts of one user."""
        user = one("users", request)
        return json_response([post for post in table("posts") if post["userId"] == user["id"]])

    def created(self, request: Request) -> Response:
        """The new post with its id; nothing is kept."""
        return json_response({**request.document(), "id": len(table("posts")) + 1}, 201)
