"""Order as a tree and as a flowchart."""

from __future__ import annotations

from aggregator.plan.explaining.drawing.graph import draw_tree, mermaid, tree_of
from aggregator.plan.explaining.drawing.pictures import endpoint_graph
from aggregator.plan.explaining.drawing.svg import Arrow, Box, arranged
from aggregator.plan.explaining.explain import explain


def line(call) -> str:
    """Return a call by its name alone."""
    return call.name.upper()


def drawn(plan) -> list[str]:
    """Return the tree of the first endpoint."""
    return draw_tree(tree_of(plan.endpoints[0].fan, line))


def test_a_part_hangs_on_what_it_waits_for(plan_of) -> None:
    """Each part is under its input; one with several is under the deepest, and names the others."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          a: shop:/a
          b: shop:/b/{a.id}
          c: shop:/c/{b.id}/{d.id}
          d: shop:/d
    """)
    assert drawn(plan) == [
        "├─ a  A",
        "│  └─ b  B",
        "│     └─ c  C",
        "│           waits for d too",
        "└─ d  D",
    ]


def test_what_is_inside_a_part(plan_of) -> None:
    """Fallbacks, runners of a race and parts of a group hang under their part."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          a: {url: "shop:/a", fallback: ["users:/a"]}
          b: {race: ["shop:/b", "users:/b"]}
          c: {fan_out: {x: "shop:/x", y: "shop:/y/{x.id}"}}
    """)
    assert drawn(plan) == [
        "├─ a  A",
        "│  └─ if it fails  A",
        "├─ b  a race of 2",
        "│  ├─ b[0]  B[0]",
        "│  └─ b[1]  B[1]",
        "└─ c  a group of 2",
        "   └─ x  X",
        "      └─ y  Y",
    ]


def test_notes(plan_of) -> None:
    """Lists, batches, conditions and defaults are said under the part."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          a: shop:/a
          each: {for_each: {in: "{{ a.items }}", key: "{{ item.id }}"}, url: "shop:/x/{item.sku}"}
          equal: {for_each: "{{ a.items }}", url: "shop:/x/{item.sku}"}
          many:
            for_each: {in: "{{ a.ids }}", batch: {key: id, size: 20}}
            url: shop:/y?ids={keys}
            optional: true
    """)
    assert drawn(plan)[1:] == [
        "   ├─ each[]   EACH",
        "   │           one call per item of {{ a.items }}, equal {{ item.id }} once, 8 at a time",
        "   ├─ equal[]  EQUAL",
        "   │           one call per item of {{ a.items }}, equal {{ item.sku }} once, 8 at a time",
        "   └─ many[]?  MANY",
        "               one call for 20 items of {{ a.ids }}",
        "               null when it fails",
    ]


def test_a_runner_with_a_condition(plan_of) -> None:
    """One that is skipped does not run; nothing takes its place."""
    plan = plan_of("""
    endpoints:
      GET /a: {fan_out: {r: {race: [{url: shop:/x, when: "{{ query.q }}"}, shop:/y]}}}
    """)
    assert drawn(plan) == [
        "└─ r  a race of 2",
        "   ├─ r[0]  R[0]",
        "   │        only if {{ query.q }}",
        "   └─ r[1]  R[1]",
    ]


def test_flowchart(plan_of) -> None:
    """Arrows are references, dotted ones come after the answer; quotes are escaped."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          a: shop:/a
          b: {url: "shop:/b/{a.id}", optional: true}
        background: {url: "POST users:/seen", name: 'say "x"'}
    """)
    assert mermaid(plan.endpoints[0], line) == (
        "flowchart LR\n"
        '  request(["GET /a"])\n'
        '  part0["a<br/>A"]\n'
        "  request --> part0\n"
        '  part1{{"b?<br/>B"}}\n'
        "  part0 --> part1\n"
        '  answer(["answer"])\n'
        "  part1 --> answer\n"
        '  effect0["SAY #quot;X#quot;"]\n'
        "  answer -.->|after a success| effect0\n"
    )


def test_arrows_of_a_picture(plan_of) -> None:
    """A part hangs on those that it waits for, else on the request; what nobody waits for leads to the answer."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out: {a: shop:/a, b: "shop:/b/{a.id}"}
    """)
    _, arrows = endpoint_graph(explain(plan.endpoints[0], plan.secrets))
    assert [(one.source, one.target) for one in arrows] == [
        ("request", "part0"),
        ("part0", "part1"),
        ("part1", "answer"),
    ]


def test_flowchart_of_parts_inside_parts(plan_of) -> None:
    """Groups and races are boxes; alternatives follow each other where one fails."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          a: {url: shop:/a, fallback: [shop:/b, shop:/c]}
          g: {optional: true, fan_out: {x: "shop:/{a.id}", y: "shop:/{x.id}"}}
          r: {race: [shop:/d, {fan_out: {z: shop:/z}}]}
    """)
    assert mermaid(plan.endpoints[0], lambda call: call.request.url.source) == (
        "flowchart LR\n"
        '  request(["GET /a"])\n'
        '  part0["a<br/>shop:/a"]\n'
        '  part0_0["shop:/b"]\n'
        "  part0 -. fails .-> part0_0\n"
        '  part0_1["shop:/c"]\n'
        "  part0_0 -. fails .-> part0_1\n"
        "  request --> part0\n"
        '  subgraph part1["g?<br/>a group of 2"]\n'
        '  part1_0["x<br/>shop:/{a.id}"]\n'
        '  part1_1["y<br/>shop:/{x.id}"]\n'
        "  part1_0 --> part1_1\n"
        "  end\n"
        "  part0 --> part1\n"
        '  subgraph part2["r<br/>a race of 2"]\n'
        '  part2_0["r[0]<br/>shop:/d"]\n'
        '  subgraph part2_1["r[1]<br/>a group of 1"]\n'
        '  part2_1_0["z<br/>shop:/z"]\n'
        "  end\n"
        "  end\n"
        "  request --> part2\n"
        '  answer(["answer"])\n'
        "  part1 --> answer\n"
        "  part2 --> answer\n"
    )


def test_flowchart_without_calls(plan_of) -> None:
    """A static answer follows the request."""
    plan = plan_of("endpoints: {GET /a: {respond: {body: 1}}}")
    assert "  request --> answer\n" in mermaid(plan.endpoints[0], line)


def test_boxes_lie_below_each_other() -> None:
    """A box is as high as the lines in it: the next one of its column begins below its end."""
    tall = Box("tall", 0, "one", ("a note", "another note"))
    places = arranged([tall, Box("low", 0, "two"), Box("end", 1, "three")], [Arrow("tall", "end")]).places
    assert tall.height > places["low"].box.height > 0
    assert places["tall"].y + tall.height <= places["low"].y
    assert places["tall"].x + places["tall"].width <= places["end"].x
