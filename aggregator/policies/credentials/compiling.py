"""From settings to the plan of credentials; and what texts cannot be sent as one."""

from __future__ import annotations

import base64
import re

from aggregator.policies.credentials.plan import ConstantPlan, CredentialsPlan, Secret
from aggregator.policies.credentials.settings import CredentialSettings, LoginSettings

is_token = re.compile(r"[!-~]+").fullmatch
"""Whether a text can be sent as a token: visible ASCII (RFC 6749 Appendix A.12)."""


def compile_credentials(settings: CredentialSettings) -> CredentialsPlan:
    """Return the plan of *settings*, which hold one scheme."""
    if settings.bearer is not None:
        return ConstantPlan("bearer", Secret(f"Bearer {settings.bearer}"))
    assert settings.basic is not None
    return ConstantPlan("basic", Secret(f"Basic {_basic(settings.basic)}"))


def _basic(login: LoginSettings) -> str:
    """Return name and password as RFC 7617 writes them, in UTF-8."""
    return base64.b64encode(f"{login.user}:{login.password}".encode()).decode("ascii")
