"""A nested fan-out as a part: an object in its place, with an order, a condition and failures of its own."""

from __future__ import annotations


def test_a_nested_group_is_an_object_in_its_place(rig):
    """Its parts run side by side with those around it."""
    one = rig("""
        fan_out:
          before: a:/before
          people: {fan_out: {buyer: a:/buyer, seller: a:/seller}}
          after: a:/after
    """).start()
    assert one.targets == ["/before", "/buyer", "/seller", "/after"]
    for target in reversed(one.targets):
        one[target].answer({"is": target})
    assert one.answer.body == (
        b'{"before":{"is": "/before"},"people":{"buyer":{"is": "/buyer"},"seller":{"is": "/seller"}},'
        b'"after":{"is": "/after"}}'
    )


def test_inside_a_group_order_follows_from_references_too(rig):
    """Parts of a group wait for each other, and read what is around them."""
    one = rig("""
        fan_out:
          order: a:/order
          people: {fan_out: {buyer: 'a:/users/{order.user}', city: 'a:/cities/{buyer.city}'}}
    """).start()
    one["/order"].answer({"user": 7})
    assert one.targets == ["/order", "/users/7"]
    one["/users/7"].answer({"city": 3})
    one["/cities/3"].answer("Graz")
    assert one.body["people"] == {"buyer": {"city": 3}, "city": "Graz"}


def test_an_inner_name_hides_an_outer_one_inside_only(rig):
    """Inside, the nearer part of two with one name is meant; outside, the one that is there."""
    one = rig("""
        fan_out:
          user: a:/outer
          more: {fan_out: {user: a:/inner, seen: 'a:/seen/{user.id}'}}
          out: a:/out/{user.id}
    """).start()
    assert one.targets == ["/outer", "/inner"]
    one["/outer"].answer({"id": "o"})
    assert one.targets[2:] == ["/out/o"]
    one["/inner"].answer({"id": "i"})
    assert one.targets[3:] == ["/seen/i"]


def test_parts_of_a_group_are_read_by_its_name(rig):
    """``group.part.field`` is a field of the group's result."""
    one = rig("""
        fan_out:
          people: {fan_out: {buyer: a:/buyer}}
          city: a:/cities/{people.buyer.city}
    """).start()
    one["/buyer"].answer({"city": 3})
    assert one.targets == ["/buyer", "/cities/3"]


def test_a_failure_inside_fails_the_group_with_its_reason(rig):
    """Status, cause and upstream of what failed inside are those of the group; what ran there is told."""
    one = rig("""
        fan_out:
          people: {fan_out: {buyer: a:/buyer, seller: b:/seller}}
    """).start()
    one["/seller"].answer({"error": 1}, status=404)
    assert one["/buyer"].cancelled
    assert (one.answer.status, one.body["part"], one.body["upstream"], one.body["upstream_status"]) == (
        404,
        "people",
        "b",
        404,
    )
    [part] = one.body["parts"]
    assert [inner["name"] for inner in part["parts"]] == ["seller"]


def test_an_optional_group_gives_up_as_a_whole(rig):
    """One failure inside makes the default stand in for all of it."""
    one = rig("""
        fan_out:
          user: a:/user
          people: {optional: true, default: {}, fan_out: {buyer: a:/buyer, seller: b:/seller}}
    """).start()
    one["/seller"].fail()
    assert one["/buyer"].cancelled
    one["/user"].answer(1)
    assert one.body == {"user": 1, "people": {}}
    assert "people;state=default;cause=refused" in one.header("aggregator-parts")


def test_an_optional_part_inside_makes_the_answer_partial(rig):
    """What is missing deep inside is missing in the answer."""
    one = rig("fan_out: {people: {fan_out: {buyer: a:/buyer, seller: {url: b:/seller, optional: true}}}}").start()
    one["/seller"].fail()
    one["/buyer"].answer(1)
    assert one.body == {"people": {"buyer": 1, "seller": None}}
    assert one.header("aggregator-parts").startswith("people;state=ok;lost=1;cause=refused;")
    assert one.header("cache-control") == "no-store"


def test_rows_around_a_failed_call_are_asked_from_inside_out(rig):
    """The call, then the group, then the endpoint, then the upstream has the say."""
    text = """
        upstreams: {a: {url: 'http://a.test', status_map: {any: 540}}}
        endpoints:
          GET /x:
            fan_out:
              people:
                status_map: {403: 530, 404: 530}
                fan_out:
                  buyer: {url: a:/buyer, status_map: {404: 520}}
            status_map: {401: 535, 403: 535, 404: 535}
    """
    for status, expected in [(404, 520), (403, 530), (401, 535), (400, 540)]:
        one = rig(text).start()
        one["/buyer"].answer({}, status=status)
        assert one.answer.status == expected


def test_rows_inside_read_the_names_inside(rig):
    """The detail of a row can name the parts beside the one that failed."""
    one = rig("""
        fan_out:
          people:
            fan_out:
              buyer: a:/buyer
              seller: {url: 'a:/sellers/{buyer.of}', status_map: {404: {detail: "no seller for {{ buyer.name }}"}}}
    """).start()
    one["/buyer"].answer({"of": 1, "name": "Ada"})
    one["/sellers/1"].answer({}, status=404)
    assert one.body["detail"] == "no seller for Ada"


def test_a_group_can_be_skipped_and_cut_short(rig):
    """``when`` and ``timeout`` of a group are about all that is in it."""
    one = rig("""
        fan_out:
          x: {when: "{{ false }}", fan_out: {y: a:/y}}
          z: {timeout: 1s, fan_out: {w: {url: a:/w, timeout: 5s}}}
    """).start()
    assert one.targets == ["/w"]
    assert one["/w"].deadline == one.loop.now + 1


def test_a_group_can_be_shaped(rig):
    """What a group gives is shaped like the result of a call."""
    one = rig("fan_out: {x: {fan_out: {y: a:/y, z: a:/z}, select: '[y, z]'}}").start()
    one["/y"].answer(1)
    one["/z"].answer(2)
    assert one.body == {"x": [1, 2]}


def test_named_groups_are_the_same_calls_everywhere(rig):
    """``use`` puts the calls of a group beside those of the endpoint, before them."""
    one = rig("""
        groups: {customer: {profile: 'a:/users/{id}', orders: 'a:/users/{id}/orders'}}
        endpoints:
          GET /x/{id}:
            fan_out: {use: customer, count: 'a:/count/{profile.id}'}
    """).start("7")
    assert one.targets == ["/users/7", "/users/7/orders"]
    one["/users/7"].answer({"id": 7})
    one["/users/7/orders"].answer([])
    one["/count/7"].answer(0)
    assert list(one.body) == ["profile", "orders", "count"]
