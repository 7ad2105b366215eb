"""Credentials in ``/-/config``: the scheme of each upstream and the state of its tokens, never a secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.policies.credentials.plan import CredentialsPlan
from aggregator.policies.registry import Registry


def credentials_member(
    upstreams: Iterable[tuple[str, CredentialsPlan | None]], states: Registry
) -> dict[str, dict[str, Any]]:
    """Return by the names of *upstreams* their schemes, and the state of a token that is fetched for all calls."""
    found = {name: {"scheme": plan.scheme} for name, plan in upstreams if plan is not None}
    for name, member in found.items():
        tokens = states.find("tokens", name)
        if tokens is not None:
            member.update(tokens.describe())
    return found
