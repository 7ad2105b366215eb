"""What a part waits for, and how a batch is taken apart, as the plan has it."""

from __future__ import annotations

import pytest

from tests.plan.conftest import PlanOf
from tests.plan.leaves import changes

BATCH = "for_each: {in: '{{ query.l }}', batch: {%s}}"


@pytest.mark.parametrize(
    ("batch", "more", "changed"),
    [
        ("key: id", "", []),
        ("key: id, size: 7, separator: ';', path: a.b", "",
         ["core.each.batch.path=a.b", "core.each.batch.separator=;", "core.each.batch.size=7"]),
        ("key: id", ", select: '[0]'", ["core.calls.0.shape.select=[0]"]),
        ("key: id", ", target: a, allow: [x]",
         ["core.calls.0.shape.target=a", "core.each.batch.shape.allow.0=x"]),
        ("key: id", ", allow: [x], rename: {a: b}",
         ["core.each.batch.shape.allow.0=x", "core.each.batch.shape.rename.0.0=a", "core.each.batch.shape.rename.0.1=b"]),
    ],
)  # fmt: skip
def test_a_batch_is_taken_apart_as_the_file_says(plan_of: PlanOf, batch: str, more: str, changed: list[str]) -> None:
    """What finds its list is for the whole reply, the rest of the shape for each element."""
    text = "endpoints: {{GET /x: {{fan_out: {{p: {{url: 'shop:/x?ids={{keys}}', {}{}}}}}}}}}"
    before, after = (
        plan_of(text.format(BATCH % said, shape)).endpoints[0].fan for said, shape in (("key: id", ""), (batch, more))
    )
    assert before is not None
    assert after is not None
    assert changes(before.parts[0], after.parts[0]) == changed


@pytest.mark.parametrize(
    ("part", "waits"),
    [
        ("url: shop:/z", ()),
        ("url: 'shop:/{a.id}'", (0,)),
        ("url: 'shop:/{calls.b.status}'", (1,)),
        ("url: 'shop:/{query.a}'", ()),
        ("url: shop:/z, needs: [b]", (1,)),
        ("url: shop:/z, headers: {x-h: '{{ a.h }}'}, query: {q: '{{ b.q }}'}", (0, 1)),
        ("url: shop:/z, when: '{{ a.ok }}'", (0,)),
        ("url: shop:/z, optional: true, default: '{{ b }}'", (1,)),
        ("url: POST shop:/z, json: {x: ['{{ a }}']}", (0,)),
        ("url: POST shop:/z, form: {x: '{{ b }}'}", (1,)),
        ("url: POST shop:/z, body: '{{ a }}'", (0,)),
        ("url: POST shop:/z, graphql: {query: '{ a }', variables: {v: '{{ b }}'}}", (1,)),
        ("url: 'shop:/{item}', for_each: '{{ a.list }}'", (0,)),
        ("url: 'shop:/z', for_each: {in: '{{ query.l }}', key: '{{ b.k }}'}", (1,)),
        ("url: shop:/z, success: {when: '{{ this.body.n == a.n }}'}", (0,)),
        ("url: shop:/z, select: '{{ this.body[b.n] }}'", (1,)),
        ("url: shop:/z, select: a.b", ()),
        ("url: shop:/z, status_map: {404: {detail: '{{ a.d }}'}}", (0,)),
        ("url: shop:/z, fallback: ['shop:/{b.id}']", (1,)),
        ("race: ['shop:/{a.id}', 'shop:/{b.id}']", (0, 1)),
        ("fan_out: {d: 'shop:/{a.id}', e: 'shop:/{d.id}'}", (0,)),
        ("fan_out: {a: shop:/a, e: 'shop:/{a.id}'}", ()),
        ("url: up:/z", (0, 1)),
        ("url: up:/z, headers: {X-Up: own}", (1,)),
        ("url: up:/z, query: {q: own}", (0,)),
        ("url: plain:/z", ()),
    ],
)
def test_a_part_waits_for_those_that_it_names(plan_of: PlanOf, part: str, waits: tuple[int, ...]) -> None:
    """In whatever it says, or its upstream adds to it; what a part inside it means by that name is another one."""
    plan = plan_of(f"""
        upstreams:
          shop: {{url: "http://shop.test"}}
          up: {{url: "http://up.test", headers: {{x-up: "{{{{ a.h }}}}"}}, query: {{q: "{{{{ b.q }}}}"}}}}
          plain: {{url: "http://plain.test", headers: {{x-a: a}}, query: {{b: b}}}}
        endpoints: {{GET /x: {{fan_out: {{a: shop:/a, b: shop:/b, c: {{{part}}}}}}}}}
    """)
    fan = plan.endpoints[0].fan
    assert fan is not None
    assert fan.parts[2].waits == waits
    assert fan.dependents[:2] == tuple((2,) if number in waits else () for number in (0, 1))
