"""What the rules look at: the calls, parts and fan-outs of an endpoint, and each text that reads names."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings, FanOutSettings
from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.failure import StatusRow
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.http import FETCHING
from aggregator.templates import PathPattern, UrlTemplate

Reference = tuple[str, ...]
Role = Literal["call", "part", "fallback", "race", "background"]


MOST_PARTS = 1000
"""Most parts of one endpoint, those in groups and in groups of groups included."""


DEEPEST_GROUPS = 32
"""Most groups that are within each other."""


class Use(Struct, frozen=True):
    """One *text* at *path* that reads names; *references* are the paths that it reads.

    *via* is set for a text of a group: the place in the endpoint that takes the group in.
    """

    path: Steps
    text: str
    references: frozenset[Reference]
    scope: Scope
    is_url: bool = False
    via: Steps | None = None


class Part(Struct, eq=False):
    """A named piece of a fan-out, the single call, one runner of a race.

    *reads* are the other parts of the same fan-out that it cannot start without, each with the place that
    says so; *fan* is set for a nested fan-out.
    """

    name: str
    path: Steps
    settings: CallSettings
    home: Fan
    outer: Part | None = None
    via: Steps | None = None
    reads: dict[str, Steps] = field(default_factory=dict)
    fan: Fan | None = None


class Fan(Struct, eq=False):
    """Calls side by side; *groups* are those it takes in, each with the place of its name."""

    path: Steps
    settings: FanOutSettings | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    groups: dict[str, Steps] = field(default_factory=dict)


class CallSite(Struct, frozen=True, eq=False):
    """One set of call settings: with a URL, or around a race or a nested fan-out.

    *clients* is the method of the client, where its body would go along with a call that says none. One that
    *is_background* is made after the answer, or beside it, whatever its role is there; *effect* is the
    background call that it is, or is in. *chosen_in* is set for a further URL of `choose`: the call with its first one,
    whose settings hold for it, too.
    """

    path: Steps
    settings: CallSettings
    role: Role
    scope: Scope
    url: UrlTemplate | None = None
    via: Steps | None = None
    is_background: bool = False
    effect: BackgroundCallSettings | None = None
    clients: str | None = None
    chosen_in: CallSite | None = None

    @property
    def whole(self) -> CallSite:
        """The call whose settings hold: itself, unless it is a further URL of another."""
        return self if self.chosen_in is None else self.chosen_in

    @property
    def is_durable(self) -> bool:
        """Whether it is kept until it is delivered."""
        return self.effect is not None and self.effect.durable is not None

    @property
    def is_unread(self) -> bool:
        """Whether nobody can read its result: only what is in a fan-out is read in the background."""
        return self.is_background and (self.effect is None or self.effect.fan_out is None or self.is_durable)

    @property
    def url_path(self) -> Steps:
        """The place of its URL, of several to choose from that of the first."""
        return (*self.path, "choose", 0, "url") if self.settings.choose else (*self.path, "url")

    @property
    def said_method(self) -> str | None:
        """The method that the call names, in its URL or beside it."""
        return self.whole.settings.method or (self.url.method if self.url else None)

    @property
    def method(self) -> str:
        """The method of the call, if it has a URL."""
        return self.said_method or ("POST" if self.whole.bodies else self.clients or "GET")

    @property
    def bodies(self) -> list[str]:
        """The keys that give it a body."""
        said = self.settings.model_fields_set
        return [key for key in ("json", "form", "multipart", "body", "graphql") if key in said or f"{key}_" in said]


class Rows(Struct, frozen=True, eq=False):
    """One status map: at a *call* or at the whole endpoint."""

    path: Steps
    rows: tuple[StatusRow, ...]
    call: CallSite | None = None


class ShapeSite(Struct, frozen=True, eq=False):
    """Settings that shape a body."""

    path: Steps
    settings: ShapeSettings


class Analysis(Struct):
    """One endpoint, or one group by itself (then without settings and pattern), taken apart.

    *problems* are templates that could not be compiled, or look like something else. *lost* are names that stand in
    what is wrong, and it *hides_names* where others may be meant that cannot be read, such as those of a path.
    """

    path: Steps
    written: Any
    settings: EndpointSettings | None = None
    methods: tuple[str, ...] = ()
    pattern: PathPattern | None = None
    inputs: Inputs = field(default_factory=Inputs)
    fan: Fan | None = None
    uses: list[Use] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    fans: list[Fan] = field(default_factory=list)
    maps: list[Rows] = field(default_factory=list)
    shapes: list[ShapeSite] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    lost: frozenset[str] = frozenset()
    hides_names: bool = False

    @property
    def only_fetches(self) -> bool:
        """Whether no request to the endpoint has a body: it answers to nothing but GET and HEAD."""
        return bool(self.methods) and FETCHING.issuperset(self.methods)

    @property
    def awaited(self) -> list[Part]:
        """The parts for which the answer waits."""
        return [part for part in self.parts if not self.is_background(part.via or part.path)]

    def is_background(self, path: Steps) -> bool:
        """Return whether what is at *path* follows the answer, or is beside it."""
        at = len(self.path)
        return path[:at] == self.path and path[at : at + 1] in (("background",), ("shadow",))

    def effect_at(self, path: Steps) -> BackgroundCallSettings | None:
        """Return the background call that is at *path*, or around it; None for none."""
        at = len(self.path)
        if self.settings is None or path[: at + 1] != (*self.path, "background"):
            return None
        return self.settings.background[int(path[at + 1])]

    def dissolve(self) -> None:
        """Drop the parts, which refer to their fan-outs: garbage collections are rare, and reloads frequent."""
        for fan in self.fans:
            fan.parts.clear()
