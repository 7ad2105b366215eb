"""State that outlives a reload lives by name, adopts its new settings when they serve, and ends with its last user."""

from __future__ import annotations

import gc

import pytest

from aggregator.policies.registry import Kind, Registry


class Window:
    """A state that counts."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.failures = 0


def adopt(state: Window, size: int) -> None:
    """Go on with another size."""
    state.size = size


KEPT: Kind[int, Window] = Kind("breaker", Window, adopt)
FRESH: Kind[int, Window] = Kind("breaker", Window)


def test_a_state_is_found_again_after_a_reload():
    """The next build gets the same object, and so does whoever asks twice in one build."""
    registry = Registry()
    first = registry.draft()
    window = first.hold(KEPT, "users", 10)
    assert first.hold(KEPT, "users", 10) is window
    first.commit()
    second = registry.draft()
    assert second.hold(KEPT, "users", 10) is window
    assert second.hold(KEPT, "orders", 10) is not window
    assert registry.find("breaker", "users") is window


def test_new_settings_are_adopted_when_they_serve():
    """Until the commit the running generation keeps its own; what was counted stays."""
    registry = Registry()
    first = registry.draft()
    window = first.hold(KEPT, "users", 10)
    first.commit()
    window.failures = 3
    second = registry.draft()
    assert second.hold(KEPT, "users", 20) is window
    assert window.size == 10
    second.commit()
    assert (window.size, window.failures) == (20, 3)


def test_a_refused_reload_changes_nothing():
    """A draft that is dropped leaves neither settings nor states behind."""
    registry = Registry()
    first = registry.draft()
    window = first.hold(FRESH, "users", 10)
    first.commit()
    refused = registry.draft()
    assert refused.hold(FRESH, "users", 20) is not window
    refused.hold(FRESH, "orders", 20)
    del refused
    assert registry.find("breaker", "users") is window
    assert registry.find("breaker", "orders") is None
    assert registry.draft().hold(FRESH, "users", 10) is window


def test_a_kind_that_adopts_nothing_begins_anew():
    """Its state is another one after a change of its settings, and the old one serves until then."""
    registry = Registry()
    first = registry.draft()
    window = first.hold(FRESH, "users", 10)
    first.commit()
    second = registry.draft()
    fresh = second.hold(FRESH, "users", 20)
    assert registry.find("breaker", "users") is window
    second.commit()
    assert (fresh.size, registry.find("breaker", "users")) == (20, fresh)


@pytest.mark.long
def test_a_state_ends_with_its_last_user():
    """Nothing sweeps: what no generation uses is gone, also after a name was taken anew."""
    registry = Registry()
    first = registry.draft()
    window = first.hold(KEPT, "users", 10)
    first.commit()
    del window, first
    gc.collect()
    assert registry.find("breaker", "users") is None


def test_one_name_has_one_kind_of_settings():
    """Two parts that ask for one state with different settings are a mistake of the program."""
    draft = Registry().draft()
    draft.hold(KEPT, "users", 10)
    with pytest.raises(ValueError, match="two kinds of settings"):
        draft.hold(KEPT, "users", 20)
