"""operationIds: what generated clients call their methods."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.loading import Loader
from aggregator.config.operation_ids import operation_ids

ALIKE = ["GET /a-b", "GET /a/b", "GET /a//b", "GET /a_b"]


@pytest.mark.parametrize(
    ("key", "identity"),
    [
        ("GET /users/{user_id}/orders", "get_users_by_user_id_orders"),
        ("POST /", "post_root"),
        ("GET /files/{rest:path}", "get_files_by_rest"),
        ("DELETE /v1.2/a-b", "delete_v1_2_a_b"),
    ],
)
def test_method_and_path_give_a_name(key: str, identity: str) -> None:
    """Words joined by `_`, parameters behind `by`."""
    assert operation_ids({key: None}) == {key: identity}


def test_the_order_of_the_file_changes_nothing() -> None:
    """Of endpoints that read alike one has the plain name, and each keeps its own wherever it stands."""
    first, *others = (operation_ids(dict.fromkeys(order)) for order in permutations(ALIKE))
    assert first["GET /a-b"] == "get_a_b"
    assert len(set(first.values())) == len(ALIKE)
    assert all(other == first for other in others)


def test_a_declared_name_is_kept_for_its_endpoint() -> None:
    """Wherever it stands, and even if it is what a suffix would give."""
    suffixed = operation_ids(dict.fromkeys(ALIKE[:2]))["GET /a/b"]
    ids = operation_ids({"GET /a-b": None, "GET /a/b": None, "GET /x": "get_a_b", "GET /y": suffixed})
    assert (ids["GET /x"], ids["GET /y"]) == ("get_a_b", suffixed)
    assert ids["GET /a/b"].startswith(suffixed)
    assert len(set(ids.values())) == 4


@pytest.mark.long
@given(st.sets(st.text("/ab-{}_1", max_size=5)), st.sets(st.sampled_from(["get_a_b", "get_a", "get_root"])))
def test_all_are_different(paths: set[str], names: set[str]) -> None:
    """Whatever is declared, and however alike the paths are."""
    declared = {f"POST /{name}": name for name in names}
    ids = operation_ids({**{f"GET /{path}": None for path in paths}, **declared})
    assert len(set(ids.values())) == len(ids)
    assert declared.items() <= ids.items()


def test_a_new_neighbour_that_takes_the_name_changes_the_digest(tmp_path: Path) -> None:
    """So that a server does not go on with the plan that has the name of before."""
    file = tmp_path / "routes.yaml"
    loader, top = Loader(file, {}), "version: 1\nendpoints:\n  GET /a/b: {respond: {}}\n"
    file.write_text(top)
    (alone,) = loader.load().endpoints
    file.write_text(f"{top}  GET /a-b: {{respond: {{}}}}\n")
    beside, _ = loader.load().endpoints
    (mine,), (other,) = alone.operations, beside.operations
    assert (mine.operation_id, other.operation_id[:8]) == ("get_a_b", "get_a_b_")
    assert alone.digest != beside.digest
