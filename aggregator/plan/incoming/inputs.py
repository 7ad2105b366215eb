"""What the client may send, as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.schemas import BodySchema, Parameter


class InputPlan(Struct, frozen=True):
    """The input of an endpoint. *read_body*: "no" (never read), "bytes", "json" (decoded), or "stream" (passed on)."""

    params: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    cookies: tuple[Parameter, ...] = ()
    body: BodySchema | None = None
    read_body: Literal["no", "bytes", "json", "stream"] = "no"
    max_body: int = 1024 * 1024
    body_timeout: float = 30.0


class GuardInputs(Struct, frozen=True):
    """The declared input that guards read; *names* are all path parameters, in order."""

    inputs: InputPlan
    names: tuple[str, ...] = ()
