"""What was meant by a word for an address, where the key that says one has another name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aggregator.config.hints.vocabulary import keys_of, may_hold
from aggregator.fields import Settings

_LISTENED: Final = ("address", "tcp", "listen")
_HOMES: Final = (*_LISTENED, "url", "otlp", "token_url", "jwks", "server")
"""Keys that say where something is, in the order in which they are looked for; the first are listened at."""
_URLS: Final = frozenset({"url", "uri", "endpoint"})
_WORDS: Final = _URLS | {"listen", "bind", "host", "hostname", "addr", "address", "socket", "server", "port"}
_NOT_MEANT: Final = {
    "listen": _URLS | {"server"},
    "url": frozenset({"listen", "bind", "socket"}),
    "otlp": _URLS | {"listen", "bind", "socket", "server"},
    "token_url": _WORDS - _URLS,
    "jwks": _WORDS - _URLS,
    "server": _URLS | {"listen", "bind", "socket"},
}
"""Words for something else beside these keys."""
_ADDRESS: Final = re.compile(r"(?:\w+://)?((?:[\w.-]+|\*|\[[0-9a-fA-F:]+\])?:\d{1,5})/?", re.ASCII)
_PATH: Final = re.compile(r"[\w./-]+", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?", re.ASCII)
_PORT: Final = "9000"


def hint_for_address(here: type[Settings], word: str, siblings: Mapping[Any, Any], value: Any) -> str | None:
    """Return how to mend *word*, a key that *here* lacks, with *value* and among *siblings*; None for other words."""
    allowed = keys_of(here)
    if word not in _WORDS or not isinstance(value, str | int) or isinstance(value, bool):
        return None
    if word == "hostname" and "host" in allowed:
        return "did you mean `host`?"
    homes = (one for one in _HOMES if one in allowed and (one in _LISTENED or may_hold(here, (one,), str)))
    home = next(homes, None)
    if home is None:
        return "did you mean `path`?" if word in _URLS and "path" in allowed else None
    if word in _NOT_MEANT.get(home, ()) or (word == "port" and "prometheus" in allowed):
        return None
    if home == "url" and word == "host" and "hosts" in allowed and home not in siblings:
        return f"write `url: https://{value}`" if _HOST.fullmatch(str(value)) else "did you mean `url`?"
    if home == "url" and ((word == "host" and "hosts" in allowed) or (word == "server" and "resolve" in allowed)):
        return None
    if home in siblings:
        return f"write it into `{home}`, behind the host" if word == "port" else None
    if home in _LISTENED:
        return _listened(home, allowed, word, str(value), siblings)
    return f"write it into `{home}`, behind the host" if word == "port" else f"did you mean `{home}`?"


def _listened(home: str, allowed: tuple[str, ...], word: str, value: str, siblings: Mapping[Any, Any]) -> str:
    """Return the hint to say by *home* where is listened, with the address where it can be read off."""
    if word == "socket":
        if "unix" in allowed:
            return "did you mean `unix`?"
        return f"write `{home}: unix:{value}`" if _PATH.fullmatch(value) else f"did you mean `{home}`?"
    host, port = str(siblings.get("host", siblings.get("hostname", "127.0.0.1"))), str(siblings.get("port", _PORT))
    if word not in ("host", "hostname", "port"):
        found = _ADDRESS.fullmatch(value if ":" in value else f":{value}")
        if found is None:
            return f"did you mean `{home}`?"
        host, _, port = found[1].rpartition(":")
    host = host or "127.0.0.1"
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    text = f"{host}:{port}"
    return f'write `{home}: "{text}"`' if _ADDRESS.fullmatch(text) else f"did you mean `{home}`?"
