"""``GET /-/lately``: what has changed in the process lately, whoever looked."""

from __future__ import annotations

from typing import Any

from aggregator.server.generations.outcomes import Outcomes
from aggregator.telemetry.lately import LATELY
from aggregator.telemetry.redaction import Masker, redact_text

PATH = "/-/lately"


def lately_shown(secrets: frozenset[str], outcomes: Outcomes) -> list[dict[str, Any]]:
    """Return the last changes, the newest first, without *secrets* and those of the files that were refused."""
    masker = Masker(secrets | outcomes.refused_secrets)
    return LATELY.shown(lambda text: redact_text(masker(text)))
