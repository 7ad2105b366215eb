"""Tests see what is seen from outside: which of them still look at private members is listed, and the list shrinks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
NO_SECRETS = {"_replace", "_asdict", "_fields", "_getframe", "_exit"}
"""Names that begin with an underscore and are documented."""
LOOKS: dict[str, int] = {
    "demo/test_demo_services.py": 2,
    "identity/test_remembered.py": 2,
    "policies/credentials/test_called_with_tokens.py": 1,
    "policies/degrade/test_degradation.py": 1,
    "policies/hosts/test_resolving.py": 3,
    "policies/test_shared_purges.py": 2,
    "runtime/io/test_plugin_threads.py": 3,
    "runtime/io/test_shared_client.py": 6,
    "server/conftest.py": 1,
    "server/test_connection_idle.py": 1,
    "server/test_floods.py": 1,
    "server/test_framing_attacks.py": 3,
    "server/test_lifespan.py": 6,
    "server/test_metrics_pushed.py": 2,
    "server/test_plugins_served.py": 2,
    "server/test_reloads.py": 4,
    "telemetry/test_watchdog.py": 3,
    "transport/conftest.py": 1,
    "transport/http2/test_http2_calls.py": 1,
    "transport/test_client_door.py": 1,
    "transport/test_keepalive.py": 1,
    "transport/tls/test_tls_transport.py": 2,
}
"""How often each file reads a private member of another object, at most: to be made smaller, never larger."""


MAY_LOOK = re.compile(r"(?<!\bself)(?<!\bcls)\s*\.\s*_(?!_)")
"""Where a file may name such a member: most have no such place, and need no syntax tree."""


def looks_in(file: Path) -> Iterator[str]:
    """Yield each private member of another object that *file* names."""
    text = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if MAY_LOOK.search(text) else ():
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        if node.attr not in NO_SECRETS and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
            yield ast.unparse(node)


def test_private_members_are_left_alone() -> None:
    """A test of another file asks what is public, and one that is listed looks no oftener than it did.

    Where a test needs a look inside, the class gets a public member with a docstring, or the claim another form.
    """
    found = {str(file.relative_to(TESTS)): list(looks_in(file)) for file in TESTS.rglob("*.py")}
    assert {name: looks for name, looks in found.items() if len(looks) > LOOKS.get(name, 0)} == {}


def test_the_list_names_what_is_there() -> None:
    """A file that is gone cannot come back to what it was allowed."""
    assert [name for name in LOOKS if not (TESTS / name).is_file()] == []
