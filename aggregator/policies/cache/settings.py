"""The settings of caches."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import ByteSize, Duration, Settings, StatusKey, TextKind


def _by_status(value: Any) -> Any:
    return value if isinstance(value, dict) else {200: value}


Ttl = Annotated[
    dict[StatusKey, Duration], BeforeValidator(_by_status, json_schema_input_type=Duration | dict[StatusKey, Duration])
]
"""How long by status or class; a duration alone is that of 200."""


class KeptSettings(Settings):
    """The time for which something is kept."""

    ttl: Ttl = Field(
        description="How long a reply is kept, by status or class; a plain duration is for 200. `0s` keeps nothing.",
        examples=[{200: "60s", 404: "10s"}],
    )
    stale: Duration = Field(
        0.0,
        description="How long after that a reply is still given out, while one call fetches a new one.",
        examples=["5m"],
    )
    on_error: Duration = Field(
        0.0,
        description="How long after that a reply stands in for a call that failed: by time, network, a 5xx, or a limit "
        "of ours; never for a 4xx.",
        examples=["1h"],
    )
    tags: Annotated[tuple[str, ...], TextKind.TEMPLATE] = Field(
        (), description="Names by which it can be purged; may hold expressions.", examples=[["user:{{ user_id }}"]]
    )
    methods: tuple[Literal["POST"], ...] = Field(
        (), description="Unsafe methods that only read here, such as POST of GraphQL.", examples=[["POST"]]
    )
    shared: bool = Field(
        False,
        description="Keep it in the `store`, too, so that what one process has fetched or made no other one does: in "
        "Redis for several machines, in their supervisor for the workers of one.",
    )

    @model_validator(mode="after")
    def _on_error_acts(self) -> Self:
        if "on_error" in self.model_fields_set and self.on_error <= self.stale:
            raise PydanticCustomError(
                "no-effect", "The key `on_error` has no effect when it is not longer than `stale`.",
                {"hint": "until then the reply is given out anyway; make it longer, or leave it out"},
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _tags_act(self) -> Self:
        if self.tags and self.ttl and not self.keeps:
            raise PydanticCustomError(
                "no-effect", "The key `tags` has no effect where nothing is kept.",
                {"hint": "write them at the `cache` of the endpoint, if that keeps its answers, or leave them out"},
            )  # fmt: skip
        return self

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return any(self.ttl.values())


class CallCacheSettings(KeptSettings):
    """The time for which replies to a call are kept: by the file, or by what the upstream says (RFC 9111)."""

    ttl: Ttl = Field(
        default_factory=dict,
        description="How long a reply is kept, by status or class; a plain duration is for 200. `0s` keeps nothing.",
        examples=[{200: "60s", 404: "10s"}],
    )
    rfc: bool = Field(
        False,
        description="Keep replies as long as the upstream says (RFC 9111), and ask it whether they have changed; then "
        "`stale` and `on_error` are for replies that say nothing of it.",
    )

    @model_validator(mode="after")
    def _has_times(self) -> Self:
        if not self.rfc and not self.ttl:
            hint = "write `ttl: 60s`, or `rfc: true` to do as the upstream says"
            raise PydanticCustomError("missing-key", "A cache without a `ttl` keeps nothing.", {"hint": hint})
        if self.rfc and self.ttl:
            hint = "remove one of them: `rfc` takes the time from the reply"
            raise PydanticCustomError("no-effect", "A cache has a `ttl`, or `rfc`.", {"hint": hint})
        return self

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self.rfc or super().keeps


class UpstreamCacheSettings(CallCacheSettings):
    """The time for which replies of an upstream are kept, and their room."""

    max: ByteSize = Field(
        64 * 1024 * 1024,
        description="Bytes that its replies may take together; those that are asked for least go first.",
        examples=["64MiB"],
    )


def _long_form(value: Any) -> Any:
    return value if isinstance(value, dict) else {"ttl": value}


def _call_form(value: Any) -> Any:
    if isinstance(value, str) and value.lower().startswith("rfc"):
        if value != "rfc":
            raise PydanticCustomError("bad-duration", "This is not a duration.", {"hint": "write `rfc`"})
        return {"rfc": True}
    return _long_form(value)


def _own_form(value: Any) -> Any:
    return {"ttl": "0s"} if value == "none" else _call_form(value)


def _answer_form(value: Any) -> Any:
    if value == "rfc" or (isinstance(value, dict) and "rfc" in value):
        hint = "write a duration; or `cache: rfc` at its calls or their upstreams"
        raise PydanticCustomError(
            "bad-duration", "Nobody but this file says how long an answer is kept.", {"hint": hint}
        )
    return _long_form(value)


CallCache = Annotated[
    CallCacheSettings,
    BeforeValidator(_own_form, json_schema_input_type=Literal["none", "rfc"] | Duration | CallCacheSettings),
]
UpstreamCache = Annotated[
    UpstreamCacheSettings,
    BeforeValidator(_call_form, json_schema_input_type=Literal["rfc"] | Duration | UpstreamCacheSettings),
]
"""A duration alone is the `ttl` of 200, `rfc` alone is that it is true; `none` of a call is a `ttl` of zero."""


class AnswerCacheSettings(KeptSettings):
    """The time for which whole answers are kept."""

    public: bool = Field(
        False, description="Give an answer to all callers; without it each caller that `auth` admits has answers apart."
    )
    vary: tuple[str, ...] = Field(
        (),
        description="Request headers that belong to the key, beside those that are read by name; where all are passed "
        "on, these alone.",
        examples=[["accept-language"]],
    )
    query: tuple[str, ...] = Field(
        (),
        description="Query parameters that belong to the key, beside those that are read by name; where all are passed "
        "on, these alone.",
        examples=[["q", "page"]],
    )
    obey: tuple[Literal["no-cache"], ...] = Field(
        (),
        description="What clients may ask for by `Cache-Control`: `no-cache` is an answer that is made anew.",
        examples=[["no-cache"]],
    )


AnswerCache = Annotated[
    AnswerCacheSettings, BeforeValidator(_answer_form, json_schema_input_type=Duration | AnswerCacheSettings)
]
"""A duration alone is the `ttl` of 200."""


class LastGoodSettings(Settings):
    """The time for which the last good value of a part stands in for it when it fails."""

    ttl: Duration = Field(description="How long that is.", examples=["6h"])
    shared: bool = Field(
        False,
        description="Keep it in the `store`, too, so that a process that has none of its own finds that of others.",
    )


LastGood = Annotated[LastGoodSettings, BeforeValidator(_long_form, json_schema_input_type=Duration | LastGoodSettings)]
"""A duration alone is the `ttl`."""


class ServerCacheSettings(Settings):
    """The answers of all endpoints that are kept."""

    max: ByteSize = Field(
        64 * 1024 * 1024,
        description="Bytes that they may take together; those that are asked for least go first.",
        examples=["256MiB"],
    )
