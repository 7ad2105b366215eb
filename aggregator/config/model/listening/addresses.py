"""Where the server listens."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aggregator.edge.addresses import LONGEST_UNIX, Address, UnixAddress, parse_tcp
from aggregator.fields import Settings

_UNIX = "unix:"
_FORM = "write it like `0.0.0.0:8080`, `[::1]:8080` or `unix:/run/api.sock`"


def _mode(value: Any) -> Any:
    """Return the permission bits that *value* writes as ``660``, ``0660`` or ``"0o660"``."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    digits = value.removeprefix("0o") if isinstance(value, str) else ""
    if 3 <= len(digits) <= 4 and set(digits) <= set("01234567") and int(digits, 8) <= 0o777:
        return int(digits, 8)
    raise PydanticCustomError("bad-mode", "These are not permissions.", {"hint": "write them like 660, as chmod does"})


FileMode = Annotated[
    int,
    BeforeValidator(_mode),
    WithJsonSchema({"type": ["integer", "string"], "pattern": "^(0o?)?[0-7]{3}$", "examples": [660, "0600"]}),
]
"""Permission bits, written as chmod takes them."""


def _tcp(text: str) -> str:
    try:
        parse_tcp(text)
    except ValueError as error:
        hint = f"write `127.0.0.1:{text}`" if text.isdecimal() else _FORM
        message = str(error)[:1].upper() + str(error)[1:] + "."
        raise PydanticCustomError("bad-address", "{why}", {"why": message, "hint": hint, "form": _FORM}) from None
    return text


def _path(text: str) -> str:
    if not text.startswith("/"):
        hint = "begin it with `/`, as in `/run/api.sock`"
        raise PydanticCustomError("unix-socket", "The path of a Unix socket begins with `/`.", {"hint": hint})
    if len(text.encode()) > LONGEST_UNIX or "\0" in text:
        message = f"The path of a Unix socket has at most {LONGEST_UNIX} bytes."
        raise PydanticCustomError("unix-socket", message, {"hint": "choose a shorter one"})
    return text


class AddressSettings(Settings):
    """One address. A text is the same in short: `host:port`, or `unix:` and a path."""

    tcp: Annotated[str, AfterValidator(_tcp)] | None = Field(
        None, description="Host and port; port 0 picks a free one.", examples=["0.0.0.0:8080"]
    )
    unix: Annotated[str, AfterValidator(_path)] | None = Field(
        None, description="Path of a Unix socket; a stale one is replaced.", examples=["/run/api.sock"]
    )
    mode: FileMode = Field(660, validate_default=True, description="Permissions of the Unix socket.", examples=[660])
    owner: str | None = Field(
        None, description="User, or `user:group`, that the Unix socket belongs to.", examples=["api:www-data"]
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.tcp is None) == (self.unix is None):
            raise PydanticCustomError("bad-address", "An address has either `tcp` or `unix`.", {"hint": _FORM})
        if self.tcp is not None and self.model_fields_set & {"mode", "owner"}:
            hint = "leave `mode` and `owner` out"
            raise PydanticCustomError("bad-address", "An address of TCP has no permissions.", {"hint": hint})
        return self

    @property
    def address(self) -> Address:
        """The address as data."""
        if self.tcp is not None:
            return parse_tcp(self.tcp)
        assert self.unix is not None
        owner, _, group = (self.owner or "").partition(":")
        return UnixAddress(self.unix, self.mode, owner or None, group or None)


def short_address(value: Any) -> Any:
    """Return the settings that the text *value* stands for; anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    return {"unix": value.removeprefix(_UNIX)} if value.startswith(_UNIX) else {"tcp": value}


AddressSetting = Annotated[
    AddressSettings, BeforeValidator(short_address, json_schema_input_type=str | AddressSettings)
]
"""An address to listen on."""


def _several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Addresses = Annotated[
    tuple[AddressSetting, ...],
    BeforeValidator(_several, json_schema_input_type=str | AddressSettings | list[str | AddressSettings]),
]
"""Addresses to listen on, one or several."""
