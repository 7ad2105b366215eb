"""Webhooks: bodies that their sender has signed with a secret that both sides know."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, Timeout
from aggregator.identity.signatures import PRESETS, SignatureRules, secret_bytes

_PLACE = re.compile(r"\{(\w*)\}")
_PLACES = ("body", "timestamp", "id")
_OF_PRESETS = ("header", "encoding", "prefix", "separator", "algorithm", "over", "timestamp", "id")


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class SignatureSettings(Settings):
    """How a sender signs: as one of the well-known ones, or as `header` and `over` say."""

    preset: Literal["github", "shopify", "slack", "standard", "stripe"] | None = Field(
        None, description="A well-known sender; `standard` is Standard Webhooks.", examples=["github"]
    )
    secret: Annotated[
        tuple[Annotated[str, Field(min_length=8)], ...],
        BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]),
    ] = Field(
        description="The secret, or several while one is replaced: any of them will do.",
        examples=["${HOOK_SECRET}"],
        min_length=1,
        repr=False,
    )
    tolerance: Timeout = Field(
        300.0,
        description="How far the signed time may lie from now, and how long a delivery is remembered so that it is not "
        "taken twice.",
    )
    header: str | None = Field(None, description="Header with the signature.", examples=["x-signature"])
    encoding: Literal["hex", "base64"] = Field("hex", description="How the signature is written.")
    prefix: str = Field("", description="What stands before the signature.", examples=["sha256="])
    separator: str = Field("", description="What stands between several signatures in the header.", examples=[","])
    algorithm: Literal["sha256", "sha384", "sha512"] = Field("sha256", description="Hash of the HMAC.")
    over: str = Field(
        "{body}",
        description="What is signed: `{body}`, and `{timestamp}` and `{id}` where these headers are named.",
        examples=["{timestamp}.{body}"],
    )
    timestamp: str | None = Field(
        None, description="Header with the time of signing, in seconds since 1970.", examples=["x-timestamp"]
    )
    id: str | None = Field(None, description="Header with the id of the delivery.", examples=["x-id"])

    @property
    def rules(self) -> SignatureRules:
        """The rules that a delivery is held against; only for settings that were checked."""
        if self.preset is not None:
            return PRESETS[self.preset].with_tolerance(self.tolerance)
        return SignatureRules(
            (self.header or "").lower(), self.encoding, self.prefix, self.algorithm, self.over,
            self.timestamp and self.timestamp.lower(), self.id and self.id.lower(), self.tolerance, self.separator,
        )  # fmt: skip

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that the secrets stand for."""
        return tuple(secret_bytes(secret, self.preset) for secret in self.secret)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        own = [name for name in _OF_PRESETS if name in self.model_fields_set]
        if self.preset is not None and own:
            hint = f"remove {' and '.join(f'`{name}`' for name in own)}, or write the whole form without `preset`"
            raise _wrong("A preset says all of the form.", hint)
        if self.preset is None and self.header is None:
            raise _wrong("Nothing says where the signature is.", f"name a `preset` ({', '.join(PRESETS)}) or `header`")
        return self

    @model_validator(mode="after")
    def _form_fits(self) -> Self:
        places = _PLACE.findall(self.over)
        for name in places:
            if name not in _PLACES:
                raise _wrong(f"`{{{name}}}` is nothing that can be signed.", "write {body}, {timestamp} or {id}")
        if places.count("body") != 1:
            raise _wrong("The body has to be signed, once.", 'write it as `over: "{timestamp}.{body}"`')
        for name, header in (("timestamp", self.timestamp), ("id", self.id)):
            if header is not None and name not in places:
                raise _wrong(f"The `{name}` is not signed, so anybody could change it.", f"put {{{name}}} into `over`")
            if header is None and name in places:
                raise _wrong(
                    f"`over` has a {{{name}}} that comes from nowhere.", f"name its header: `{name}: x-{name}`"
                )
        return self

    @model_validator(mode="after")
    def _secrets_can_be_read(self) -> Self:
        try:
            short = min(map(len, self.keys), default=0) == 0
        except ValueError:
            raise _wrong("The secret behind `whsec_` is no base64.", "copy it whole from the sender") from None
        if short:
            raise _wrong("The secret is empty.", "copy it whole from the sender")
        return self


def _wrong(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("signature", "{message}", {"message": message, "hint": hint})
