"""``?fields=`` skips calls inside nested groups too, and makes those that what is asked for depends on."""

from __future__ import annotations

import pytest

from aggregator.shaping.fields import parse_fields

ANSWERS = {
    "/user": {"id": 7, "name": "Ada", "city": 3},
    "/cart/7": {"size": 2},
    "/posts/7": [{"id": 1, "text": "Hi"}],
    "/city/3": {"name": "Graz"},
    "/ads": {"text": "buy"},
    "POST /hit": {"done": True},
}
NESTED = """
    endpoints:
      GET /x:
        fan_out:
          user: a:/user
          side:
            fan_out:
              cart: 'a:/cart/{user.id}'
              more: {fan_out: {posts: 'a:/posts/{user.id}', ads: a:/ads}}
        response: {fields: true}
"""


@pytest.mark.parametrize(
    ("fields", "answer", "called"),
    [
        ("side.more.ads", {"side": {"more": {"ads": {"text": "buy"}}}}, ["/ads"]),
        ("side.more.ads.text,user.id", {"user": {"id": 7}, "side": {"more": {"ads": {"text": "buy"}}}}, ["/ads", "/user"]),
        ("side.cart.size", {"side": {"cart": {"size": 2}}}, ["/cart/7", "/user"]),
        ("side.more.posts.id", {"side": {"more": {"posts": [{"id": 1}]}}}, ["/posts/7", "/user"]),
        ("side.more", {"side": {"more": {"posts": [{"id": 1, "text": "Hi"}], "ads": {"text": "buy"}}}}, ["/ads", "/posts/7", "/user"]),
        ("side.cart,side", None, ["/ads", "/cart/7", "/posts/7", "/user"]),
        ("side.nope,side.more.nope", {"side": {"more": {}}}, []),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_inside_a_group_is_called(serve, fields, answer, called):
    """Down to any depth, with what those calls read further out; a name that no group has calls nothing."""
    gateway = serve(NESTED, ANSWERS)
    found = gateway.get(f"/x?fields={fields}").json()
    assert answer in (None, found)
    assert sorted(gateway.upstream.lines) == [f"GET {path}" for path in called]


def test_calling_less_answers_the_same(serve):
    """Whatever is asked for, the answer is what all calls would have given, pruned."""
    gateway = serve(NESTED, ANSWERS)
    whole = gateway.get("/x").json()
    paths = ("user.name", "side.cart", "side.more", "side.more.ads.text", "side.more.posts.id")
    for number in range(1, 2 ** len(paths)):
        asked = ",".join(path for place, path in enumerate(paths) if number >> place & 1)
        assert gateway.get(f"/x?fields={asked}").json() == parse_fields(asked).prune(whole), asked


def test_what_a_wanted_part_reads_inside_its_group_is_called_too(serve):
    """An input is called although it is not shown, also where an inner name hides an outer one."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              user: a:/ads
              page: {fan_out: {user: a:/user, city: 'a:/city/{user.city}', cart: 'a:/cart/{user.id}'}}
            response: {fields: true}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=page.city").json() == {"page": {"city": {"name": "Graz"}}}
    assert gateway.upstream.lines == ["GET /user", "GET /city/3"]


@pytest.mark.parametrize("reads", ["page.user.id", "calls.page.body.user.id"])
def test_a_part_that_reads_into_a_group_needs_that_much_of_it(serve, reads):
    """What is beside it in the group is not called."""
    gateway = serve(
        f"""
        endpoints:
          GET /x:
            fan_out:
              page: {{fan_out: {{user: a:/user, ads: a:/ads}}}}
              cart: 'a:/cart/{{{reads}}}'
            response: {{fields: true}}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=cart").json() == {"cart": {"size": 2}}
    assert gateway.upstream.lines == ["GET /user", "GET /cart/7"]


def test_a_part_that_reads_a_whole_group_needs_all_of_it(serve):
    """Nobody can tell which of its calls the expression looks at."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              page: {fan_out: {user: a:/user, ads: a:/ads}}
              cart: {url: a:/cart/7, query: {n: "{{ page | length }}"}}
            response: {fields: true}
        """,
        ANSWERS,
    )
    gateway.get("/x?fields=page.ads,cart")
    assert gateway.upstream.lines == ["GET /user", "GET /ads", "GET /cart/7?n=2"]


def test_a_group_is_run_for_its_conditions_and_order_too(serve):
    """What its `when`, its `default` and its `needs` name is there before any part of it."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              user: a:/user
              ads: a:/ads
              page: {when: "{{ user.id == 7 }}", needs: [ads], fan_out: {cart: a:/cart/7, posts: a:/posts/7}}
            response: {fields: true}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=page.cart").json() == {"page": {"cart": {"size": 2}}}
    assert gateway.upstream.lines == ["GET /user", "GET /ads", "GET /cart/7"]


def test_what_headers_read_inside_a_group_runs(serve):
    """So does what changes something, wherever it stands; their neighbours do not."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            fan_out:
              page: {fan_out: {user: a:/user, ads: a:/ads, inner: {fan_out: {hit: POST a:/hit, cart: a:/cart/7}}}}
              posts: a:/posts/7
            response: {fields: true, headers: {x-user: "{{ page.user.name }}"}}
        """,
        ANSWERS,
    )
    answer = gateway.post("/x?fields=posts.id")
    assert (answer.json(), answer.headers["x-user"]) == ({"posts": [{"id": 1}]}, "Ada")
    assert sorted(gateway.upstream.lines) == ["GET /posts/7", "GET /user", "POST /hit"]


def test_a_template_leads_into_groups(serve):
    """A field of the body is followed to what it shows of a group, and what it joins."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              page: {fan_out: {user: a:/user, ads: a:/ads, posts: a:/posts/7}}
              cart: a:/cart/7
            response:
              fields: true
              body: {shown: {all: "{{ page }}", cart: "{{ cart }}"}, name: "{{ page.user.name }}", list: "{{ page.posts }}"}
              join: [{left: "list[].id", right: "shown.all.posts[].id", into: twin}]
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=shown.all.ads").json() == {"shown": {"all": {"ads": {"text": "buy"}}}}
    assert gateway.get("/x?fields=name").json() == {"name": "Ada"}
    assert gateway.upstream.lines == ["GET /ads", "GET /user"]
    assert gateway.get("/x?fields=list.twin.text").json() == {"list": [{"twin": {"text": "Hi"}}]}
    assert gateway.upstream.lines[2:] == ["GET /posts/7"]


@pytest.mark.parametrize("change", ["allow: [cart, ads]", "rename: {cart: basket}", "transform: 'builtins:dict'"])
def test_a_group_in_another_shape_is_called_whole(serve, change):
    """Its keys do not tell what they are made of."""
    gateway = serve(
        f"""
        plugins: [builtins]
        endpoints:
          GET /x:
            fan_out: {{page: {{fan_out: {{cart: a:/cart/7, ads: a:/ads}}, {change}}}}}
            response: {{fields: true}}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=page.ads").json() == {"page": {"ads": {"text": "buy"}}}
    assert sorted(gateway.upstream.lines) == ["GET /ads", "GET /cart/7"]


def test_a_single_group_is_narrowed(serve):
    """A `call` that is a group has its parts at the top of the answer."""
    gateway = serve(
        "endpoints: {GET /x: {call: {fan_out: {cart: a:/cart/7, ads: a:/ads}}, response: {fields: true}}}", ANSWERS
    )
    assert gateway.get("/x?fields=ads.text").json() == {"ads": {"text": "buy"}}
    assert gateway.get("/x?fields=nope").json() == {}
    assert gateway.upstream.lines == ["GET /ads"]


def test_an_optional_group_with_a_limit_is_narrowed(serve):
    """A condition, a limit of time and a default around a group change nothing."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              page:
                fan_out: {gone: a:/gone, ads: a:/ads}
                timeout: 2s
                optional: true
                default: {ads: none}
            response: {fields: true, meta: true}
        """,
        ANSWERS,
    )
    answer = gateway.get("/x?fields=page.ads")
    assert answer.json()["page"] == {"ads": {"text": "buy"}}
    assert [part["state"] for part in answer.json()["meta"]["parts"][0]["parts"]] == ["skipped", "ok"]
    assert "aggregator-parts" not in answer.headers
    assert gateway.get("/x?fields=page.gone,page.ads").json()["page"] == {"ads": "none"}
