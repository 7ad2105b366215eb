"""State of policies that outlives a reload: breakers, windows, learned latencies, budgets, caches, by name.

A state lives as long as something that runs uses it: the endpoints of the generation that serves, of one that ends, or
of one that a reload builds. The registry only finds it again by its name, so nothing has to be swept.

    registry ── draft() ──▶ draft ── hold(kind, name, settings) ──▶ the state, found or made
                              │
                  commit() ◀──┴──▶ dropped, when the reload is refused: nothing has changed

A state whose settings changed either adopts them, when the new generation begins to serve, or is made anew: its
``Kind`` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from msgspec import Struct

State = TypeVar("State")
Settings = TypeVar("Settings")
Name = tuple[str, str]
"""The name of a kind, and that of one state of it, such as ``("breaker", "users")``."""


class Kind(Struct, Generic[Settings, State], frozen=True, eq=False):
    """What a policy keeps: how a state is made of *settings*, and how it goes on with other ones.

    Without *adopt* a state whose settings changed is made anew. A state can be referenced weakly.
    """

    name: str
    make: Callable[[Settings], State]
    adopt: Callable[[State, Settings], None] | None = None


class Registry:
    """The states of one process by name."""

    def __init__(self) -> None:
        self._states: WeakValueDictionary[Name, Any] = WeakValueDictionary()
        self._settings: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def draft(self) -> Draft:
        """Return what one build of a generation takes its states from."""
        return Draft(self)

    def find(self, kind: str, name: str) -> Any:
        """Return the state *name* of a kind, None when nothing uses one."""
        return self._states.get((kind, name))

    def of(self, kind: Kind[Any, State], name: str) -> State | None:
        """Return the state *name* of *kind*, None when nothing uses one."""
        found: State | None = self.find(kind.name, name)
        return found

    def each(self, kind: str) -> dict[str, Any]:
        """Return the states of a kind that are in use, by name."""
        return {name: state for (one, name), state in self._states.items() if one == kind}

    def all(self, kind: str) -> list[Any]:
        """Return the states of a kind, in the order of their names."""
        return [state for (found, _), state in sorted(self._states.items(), key=lambda each: each[0]) if found == kind]


class Draft:
    """The states of a generation that is being built; ``commit`` when it serves."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._held: dict[Name, tuple[Any, Any, Kind[Any, Any]]] = {}

    def hold(self, kind: Kind[Settings, State], name: str, settings: Settings) -> State:
        """Return the state *name*: the one that runs already, or a new one; the same whoever asks in this build.

        Raises ``ValueError`` when two ask for one name with different settings.
        """
        key = (kind.name, name)
        if key in self._held:
            state, known, _ = self._held[key]
            if known != settings:
                raise ValueError(f"The state {name!r} of {kind.name!r} is asked for with two kinds of settings.")
        else:
            state = self._found(key, kind, settings)
            self._held[key] = (state, settings, kind)
        found: State = state
        return found

    def _found(self, key: Name, kind: Kind[Settings, State], settings: Settings) -> Any:
        registry = self.registry
        state = registry._states.get(key)
        if state is None or (kind.adopt is None and registry._settings[state] != settings):
            return kind.make(settings)
        return state

    def commit(self) -> None:
        """Publish the states to later builds; states whose settings have changed adopt the new ones."""
        registry = self.registry
        for key, (state, settings, kind) in self._held.items():
            if state in registry._settings and registry._settings[state] != settings and kind.adopt is not None:
                kind.adopt(state, settings)
            registry._states[key] = state
            registry._settings[state] = settings
        self._held.clear()
