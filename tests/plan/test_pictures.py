"""Pictures of plans: where boxes and arrows are, and what stands in them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from aggregator.plan.explaining.drawing.pictures import endpoint_graph, file_picture
from aggregator.plan.explaining.drawing.svg import Arrow, Box, arranged, draw_svg
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.sending.preview import Veil

BOXES = [
    Box("request", 0, "GET /a", ("within 2s",), "end"),
    Box("p", 1, "users?", ("GET users:/a",), "maybe"),
    Box("q", 1, "<x>"),
    Box("answer", 2, "answer", (), "end"),
    Box("effect", 3, "later", ("after a success",), "after"),
]
ARROWS = [
    Arrow("request", "p"),
    Arrow("request", "q"),
    Arrow("p", "answer"),
    Arrow("q", "effect"),
    Arrow("answer", "effect", is_dotted=True),
]


def test_a_picture_from_its_first_shape_to_its_last() -> None:
    """Arrows first, then each box with its lines; what passes a column by has a lane below its boxes."""
    picture = draw_svg("A <picture>", BOXES, ARROWS)
    assert picture.startswith(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="A &lt;picture&gt;" width="626" height="137" '
        'viewBox="0 0 626 137">\n<title>A &lt;picture&gt;</title>\n<style>'
    )
    assert picture.partition("</marker>\n")[2] == (
        '<path class="arrow" d="M101 68C135 68 135 41 169 41" marker-end="url(#head)"/>\n'
        '<path class="arrow" d="M101 68C135 68 135 104 169 104" marker-end="url(#head)"/>\n'
        '<path class="arrow" d="M278 41C312 41 312 56 346 56" marker-end="url(#head)"/>\n'
        '<path class="arrow" d="M278 104C313 104 313 96 348 96H412C446 96 446 68 480 68" marker-end="url(#head)"/>\n'
        '<path class="arrow dotted" d="M412 56C446 56 446 68 480 68" marker-end="url(#head)"/>\n'
        '<rect class="end" x="16" y="44" width="85" height="50" rx="6"/>\n'
        '<text class="title" x="26" y="64" xml:space="preserve">GET /a</text>\n'
        '<text class="note" x="26" y="80" xml:space="preserve">within 2s</text>\n'
        '<rect class="box maybe" x="171" y="16" width="107" height="50" rx="6"/>\n'
        '<text class="title" x="181" y="36" xml:space="preserve">users?</text>\n'
        '<text class="note" x="181" y="53" xml:space="preserve">GET users:/a</text>\n'
        '<rect class="box" x="171" y="88" width="107" height="33" rx="6"/>\n'
        '<text class="title" x="181" y="108" xml:space="preserve">&lt;x&gt;</text>\n'
        '<rect class="end" x="348" y="40" width="64" height="33" rx="6"/>\n'
        '<text class="title" x="358" y="60" xml:space="preserve">answer</text>\n'
        '<rect class="after" x="482" y="44" width="129" height="50" rx="6"/>\n'
        '<text class="title" x="492" y="64" xml:space="preserve">later</text>\n'
        '<text class="note" x="492" y="80" xml:space="preserve">after a success</text>\n'
        "</svg>\n"
    )


@pytest.mark.parametrize("heights", [(1,), (1, 1, 1), (5, 1, 2), (2, 7)])
def test_columns_are_centred_and_apart(heights: tuple[int, ...]) -> None:
    """Each is as wide as its widest box; boxes and columns have the same gaps everywhere, and the whole a margin."""
    boxes = [Box(f"{number} of {column}", column, "x" * (column + number), ("note",) * height)
             for column in range(3) for number, height in enumerate(heights[column:], 3)]  # fmt: skip
    drawing = arranged(boxes, [])
    columns = [
        [one for one in drawing.places.values() if one.box.column == column] for column in range(len(heights[:3]))
    ]
    for column in columns:
        assert len({(one.x, one.width) for one in column}) == 1
        assert column[0].width == max(one.box.width for one in column)
        assert [below.y - above.y - above.box.height for above, below in pairwise(column)] == [22] * (len(column) - 1)
        assert column[0].y + column[-1].y + column[-1].box.height == pytest.approx(drawing.height)
    assert [right[0].x - left[0].x - left[0].width for left, right in pairwise(columns)] == [70] * (len(columns) - 1)
    assert columns[0][0].x == 16
    assert drawing.width - columns[-1][0].x - columns[-1][0].width == 16
    assert min(one.y for one in drawing.places.values()) == 16


@pytest.mark.parametrize(
    ("note", "lines"),
    [
        ("x" * 64, ["x" * 64]),
        ("x" * 65, ["x" * 64, "  x"]),
        ("x" * 63 + " y", ["x" * 63, "  y"]),
        ("x" * 64 + " y", ["x" * 64, "  y"]),
        ("x" * 20 + "," + "y" * 50, ["x" * 20 + ",", "  " + "y" * 50]),
        ("x" * 19 + "," + "y" * 50, ["x" * 19 + "," + "y" * 44, "  " + "y" * 6]),
        ("a" * 30 + "/" + "b" * 30 + "/" + "c" * 30, ["a" * 30 + "/" + "b" * 30 + "/", "  " + "c" * 30]),
        ("x" * 140, ["x" * 64, "  " + "x" * 62, "  " + "x" * 14]),
    ],
)
def test_a_long_note_is_folded(note: str, lines: list[str]) -> None:
    """Behind a separator where there is one that is not too near to the beginning."""
    assert Box("a", 0, "b", (note,)).lines == lines


def test_what_stands_in_the_boxes_of_an_endpoint(plan_of) -> None:
    """Limits, what is inside of a part, what its failure becomes; effects with when they are sent."""
    plan = plan_of("""
    endpoints:
      GET /a:
        timeout: 3s
        fan_out:
          a: {url: shop:/a, fallback: [users:/b]}
          b: {url: "users:/b/{a.id}", optional: true, timeout: 1s}
          c: {race: [shop:/c, users:/c]}
        background:
          - {url: "POST users:/seen", name: seen, when: "{{ query.x }}"}
          - {fan_out: {x: "POST shop:/x", y: "POST shop:/y"}, name: both}
    """)
    boxes, arrows = endpoint_graph(explain(plan.endpoints[0], plan.secrets))
    assert [(box.key, box.column, box.title, box.kind) for box in boxes] == [
        ("request", 0, "GET /a", "end"), ("part0", 1, "a", "box"), ("part1", 2, "b?", "maybe"),
        ("part2", 1, "c", "box"), ("answer", 3, "answer", "end"), ("effect0", 4, "seen", "after"),
        ("effect1", 4, "both", "after"),
    ]  # fmt: skip
    fails = "fails: timeout 504, overloaded 503, switched off 503, 404 404, else 502"
    assert [box.notes for box in boxes] == [
        ("within 3s",),
        ("GET shop:/a", "└─ if it fails  GET users:/b", "within 3s", fails),
        ("GET users:/b/{a.id}", "null when it fails", "within 1s"),
        ("a race of", "├─ c[0]  GET shop:/c", "└─ c[1]  GET users:/c", fails),
        ('200 {"a": …, "b": …, "c": …}',),
        ("POST users:/seen", "after a success", "only if {{ query.x }}"),
        ("a group of", "├─ x  POST shop:/x", "└─ y  POST shop:/y", "after a success"),
    ]
    assert [(one.source, one.target, one.is_dotted) for one in arrows] == [
        ("request", "part0", False), ("part0", "part1", False), ("part1", "answer", False),
        ("request", "part2", False), ("part2", "answer", False), ("answer", "effect0", True),
        ("answer", "effect1", True),
    ]  # fmt: skip


def test_an_endpoint_without_calls_is_two_boxes(plan_of) -> None:
    """With an arrow from one to the other."""
    plan = plan_of("endpoints: {GET /a: {respond: {body: 1}}}")
    boxes, arrows = endpoint_graph(explain(plan.endpoints[0], plan.secrets))
    assert [(box.key, box.column) for box in boxes] == [("request", 0), ("answer", 1)]
    assert arrows == [Arrow("request", "answer")]


def test_the_map_of_a_file(plan_of) -> None:
    """An upstream has one box, and one arrow from each endpoint: dotted where it is called after the answer alone."""
    plan = plan_of("""
    endpoints:
      GET /a: {fan_out: {a: shop:/a, b: shop:/b}, background: ["POST shop:/c", "POST users:/c"]}
      GET /b: {respond: {body: 1}, background: "POST shop:/c"}
    """)
    picture = file_picture(plan, Veil(plan.secrets))
    shapes = [line.partition(' d="')[0].partition(' x="')[0] for line in picture.splitlines()]
    assert [shape for shape in shapes if shape.startswith(("<path", "<rect"))] == [
        '<path class="arrow"', '<path class="arrow dotted"', '<path class="arrow dotted"',
        '<rect class="box"', '<rect class="box"', '<rect class="end"', '<rect class="end"',
    ]  # fmt: skip
