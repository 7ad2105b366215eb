"""What came of reloads: which refusals are news, which stand, what is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiler import compile_plan
from aggregator.plan.types import Plan
from aggregator.server.generations.outcomes import Outcomes
from aggregator.server.generations.reload import Verdict

WRONG = "version: 1\nendpoints: {GET /a: {respond: {bodies: 1}}}\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of a small file."""
    (tmp_path / "routes.yaml").write_text("version: 1\nendpoints: {GET /a: {respond: {body: 1}}}\n")
    return compile_plan(load_config(tmp_path / "routes.yaml"))


def refusal(folder: Path, text: str) -> ConfigError:
    """Return what keeps a file that says *text* from being loaded."""
    (folder / "routes.yaml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(folder / "routes.yaml")
    return refused.value


def test_the_same_problems_are_news_once(plan: Plan, tmp_path: Path) -> None:
    """A saved file is noticed more than once; unless somebody asks, it is refused, and counted, once."""
    outcomes, error = Outcomes(plan), refusal(tmp_path, WRONG)
    verdicts = [outcomes.refuse_problems(1, error, "", asked=asked).verdict for asked in (False, False, True)]
    assert verdicts == [Verdict.REFUSED, Verdict.UNCHANGED, Verdict.REFUSED]
    assert outcomes.refused == 2


def test_the_same_problems_of_another_text_are_news(plan: Plan, tmp_path: Path) -> None:
    """Who changes another line and leaves the mistake is told again: the frame shows what stands there now."""
    outcomes = Outcomes(plan)
    for text in (WRONG, f"{WRONG}# a note\n"):
        assert outcomes.refuse_problems(1, refusal(tmp_path, text), "", asked=False).verdict is Verdict.REFUSED


def test_a_refusal_stands_until_the_files_are_right(plan: Plan) -> None:
    """Another generation ends it, and so does going back to what is served."""
    outcomes = Outcomes(plan)
    outcomes.refuse(1, "no")
    assert outcomes.last_refusal is not None
    outcomes.unchanged(1, asked=False)
    assert outcomes.last_refusal is None
    outcomes.refuse(1, "no")
    outcomes.swapped(2, plan, 0.1, said="Served.")
    assert (outcomes.last_refusal, outcomes.applied, outcomes.refused) == (None, 1, 2)
