"""What a list of items becomes before anything is called, and how the elements of a batch are found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.plan.calls import EachPlan
from aggregator.plan.types import Plan
from aggregator.runtime.parts.batching import Job, Work, compile_find, keys_in, text_of_key, work_of

PlanOf = Callable[[str], Plan]
MakePlan = Callable[..., EachPlan]


@pytest.fixture
def each(plan_of: PlanOf) -> MakePlan:
    """Return a function (`for_each`, URL) → its plan, of a call that is made for each item of `query.items`."""

    def make(more: str = "", url: str = "a:/x/{item.id}") -> EachPlan:
        text = f"for_each: {{in: '{{{{ query.items }}}}', max_items: 4{more}}}, url: '{url}'"
        (endpoint,) = plan_of(f"endpoints: {{GET /x: {{fan_out: {{x: {{{text}}}}}}}}}").endpoints
        assert endpoint.fan is not None
        plan = endpoint.fan.parts[0].each
        assert plan is not None
        return plan

    return make


def names(items: Any) -> Names:
    """Return the names of a request whose `query.items` is *items*."""
    exchange = Exchange("GET", "/", b"", [])
    exchange.query_values = {"items": items}
    return Names(exchange)


def jobs(work: Work) -> list[tuple[Any, tuple[Any, ...], int, str | None]]:
    """Return of each job its names, its keys, its place, and why it has failed."""
    return [(dict(job.seed), job.keys, job.place, None if job.error is None else str(job.error)) for job in work.jobs]


A, B, ODD = {"id": 1, "k": "a"}, {"id": 2, "k": "b"}, {"id": 3}


def test_equal_keys_are_one_call(each: MakePlan) -> None:
    """Made for the first item of each, in their order."""
    work = work_of(each(", key: '{{ item.k }}'"), "x", names([A, B, {"id": 9, "k": "a"}]))
    assert (work.items, work.keys) == ([A, B, {"id": 9, "k": "a"}], ["a", "b", "a"])
    assert jobs(work) == [({"item": A, "index": 0}, ("a",), 0, None), ({"item": B, "index": 1}, ("b",), 1, None)]


def test_without_a_key_all_that_the_call_reads_is_one(each: MakePlan) -> None:
    """What is missing is null for that; where it reads the whole item, each is for itself."""
    work = work_of(each(), "x", names([{"id": 1, "n": 1}, {"id": 1, "n": 2}, {}]))
    assert (work.keys[0] == work.keys[1], len(work.jobs), [job.place for job in work.jobs]) == (True, 2, [0, 2])
    assert "null" in str(work.keys[2])


def test_an_item_without_its_key_has_failed_already(each: MakePlan) -> None:
    """It is not called, and stands at its place; with `on_error: fail` there is no work at all."""
    key = ", key: '{{ item.k }}'"
    work = work_of(each(f"{key}, on_error: 'null'"), "x", names([ODD, A, {"id": 4, "k": None}]))
    why = "The query parameter `items` does not fit: An item of 'x' has no key."
    assert work.keys == [0, "a", 2]
    assert jobs(work) == [({}, (0,), 0, why), ({"item": A, "index": 1}, ("a",), 1, None), ({}, (2,), 2, why)]
    with pytest.raises(CallError) as caught:
        work_of(each(f"{key}, on_error: fail"), "x", names([A, ODD]))
    assert (caught.value.cause, str(caught.value)) == (Cause.INPUT, why)


@pytest.mark.parametrize(
    ("items", "count"), [([], 0), (None, 0), ([A], 1), ([{"id": n} for n in range(4)], 4), ("no list", None),
                         ([{"id": n} for n in range(5)], None)],
)  # fmt: skip
def test_a_list_has_so_many_items_at_most(each: MakePlan, items: Any, count: int | None) -> None:
    """Null is an empty one; what is refused has no keys either."""
    plan = each()
    if count is None:
        with pytest.raises(AggregatorError):
            work_of(plan, "x", names(items))
        assert [*keys_in(plan, names(items))] == []
    else:
        assert len(work_of(plan, "x", names(items)).jobs) == len([*keys_in(plan, names(items))]) == count


def batch(each: MakePlan) -> EachPlan:
    """Return the plan of calls for many keys, two at a time."""
    return each(", key: '{{ item.k }}', on_error: 'null', batch: {key: k, size: 2}", "a:/x?ids={keys}")


def test_many_keys_are_one_call(each: MakePlan) -> None:
    """So many at a time, at the place of its first item; keys of another rank are in calls of their own."""
    items = [{"k": key} for key in ("a", "b", "a", "c")]
    work = work_of(batch(each), "x", names(items))
    assert [(job.keys, job.place) for job in work.jobs] == [(("a", "b"), 0), (("c",), 3)]
    assert [[*job.seed["keys"]] for job in work.jobs] == [["a", "b"], ["c"]]
    ranked = work_of(batch(each), "x", names(items), lambda key: int(key == "b"))
    assert [(job.keys, job.place) for job in ranked.jobs] == [(("a", "c"), 0), (("b",), 1)]


def test_a_key_that_would_be_taken_for_several_is_refused(each: MakePlan) -> None:
    """It has failed already, at its place."""
    work = work_of(batch(each), "x", names([{"k": "a"}, {"k": "b,c"}, {"k": "d"}]))
    assert [(job.keys, job.place, job.error is None) for job in work.jobs] == [
        (("a", "d"), 0, True),
        (("b,c",), 1, False),
    ]
    assert "A key of 'x' holds what separates keys." in str(work.jobs[1].error)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (1, "1"), (True, "true"), (None, "null"), ([1, "a"], '[1,"a"]'), ({"a": 1}, '{"a":1}')],
)
def test_a_key_is_matched_by_its_text(value: Any, text: str) -> None:
    """A number by its digits, what is no single value by its JSON."""
    assert text_of_key(value) == text


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (None, [{"k": "a", "n": 1}, {"k": "a", "n": 2}, {"k": 1}], {"a": {"k": "a", "n": 1}, "1": {"k": 1}}),
        ("data.all", {"data": {"all": [{"k": "b"}]}}, {"b": {"k": "b"}}), (None, [{"k": None}, {}, "no", 1], {}), (None, [], {}),
    ],
)  # fmt: skip
def test_elements_are_found_by_their_key(path: str | None, value: Any, found: dict[str, Any]) -> None:
    """The first of those with equal keys; what has no key is none."""
    assert compile_find(path, "k", "x")(value) == found


@pytest.mark.parametrize(("path", "value"), [(None, {"k": 1}), (None, None), ("data", {"data": "a"}), ("data", {})])
def test_what_is_no_list_has_no_elements(path: str | None, value: Any) -> None:
    """The reply of the upstream is at fault."""
    with pytest.raises(CallError) as caught:
        compile_find(path, "k", "x")(value)
    assert (caught.value.cause, str(caught.value)) == (Cause.MALFORMED, "The batch answer of 'x' is not a list.")


def test_a_job_without_an_error_is_called() -> None:
    """Which is most of them."""
    assert Job({}, ("a",), 0).error is None
