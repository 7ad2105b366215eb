"""The public names of the package: all there, and none loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import aggregator


@pytest.mark.parametrize("name", aggregator.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """What ``__all__`` promises exists, with a docstring."""
    assert getattr(aggregator, name).__doc__
    assert name in dir(aggregator)


def test_other_names_do_not_exist() -> None:
    """A name that is not public is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        aggregator.nothing  # noqa: B018


@pytest.mark.processes
def test_importing_the_package_loads_nothing() -> None:
    """``import aggregator`` alone brings neither FastAPI nor pydantic."""
    code = "import sys, aggregator; print(sorted({'fastapi', 'pydantic', 'httpx', 'yaml'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
