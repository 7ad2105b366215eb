"""`aggregator keys new`: the key once, and the entry that admits it."""

from __future__ import annotations

import re
import time

import pytest
import yaml

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.keys import KeyRing, read_entries


def test_a_new_key_is_admitted_by_its_entry(aggregator) -> None:
    """Stdout is a line for the file, stderr shows the key; together they admit, for as long as was said."""
    result = aggregator("keys", "new", "acme", "--scope", "orders.read", "--scope", "a b", "--for", "90d")
    assert result.exit_code == 0
    (key,) = re.findall(r"agk_\S+", result.stderr)
    assert key not in result.stdout
    ring = KeyRing(read_entries(yaml.safe_load(result.stdout)))
    caller = ring.caller(key.encode(), "partners", time.time())
    assert (caller.key, caller.scopes) == ("acme", ("orders.read", "a b"))
    with pytest.raises(Refused) as refused:
        ring.caller(key.encode(), "partners", time.time() + 91 * 86400)
    assert refused.value.reason is Reason.EXPIRED


def test_two_keys_differ_and_lie_in_one_file(aggregator) -> None:
    """The lines of two runs are one list, so that `>>` adds a key while the old one is good."""
    texts = [aggregator("keys", "new", "acme").stdout for _ in range(2)]
    entries = read_entries(yaml.safe_load("".join(texts)))
    assert [entry.name for entry in entries] == ["acme", "acme"]


@pytest.mark.parametrize("arguments", [("x", "--for", "soon"), ("x", "--for", "0s"), (" ",), ()])
def test_wrong_usage(aggregator, arguments: tuple[str, ...]) -> None:
    """What makes no key is said, with code 2."""
    result = aggregator("keys", "new", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
