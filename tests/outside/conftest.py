"""Tests that need more than Python: run by ``scripts/test-outside`` and ``scripts/test-deploy``, which install what they need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .language_server import LanguageServer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVER = HERE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"

collect_ignore_glob = [] if os.environ.get("AGGREGATOR_OUTSIDE") else ["test_*.py"]
# These take minutes: `scripts/test-deploy` runs them.
collect_ignore = [] if os.environ.get("AGGREGATOR_OUTSIDE") == "deploy" else ["test_manifests.py", "test_packages.py"]


@pytest.fixture(scope="session")
def editor() -> Iterator[LanguageServer]:
    """An editor that knows the schema of this project."""
    with LanguageServer(["node", str(SERVER), "--stdio"], ROOT / "routes.schema.json") as server:
        yield server
