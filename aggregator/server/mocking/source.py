"""The file of a mock alone, read by the same rules as when an upstream names it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregator.config.loading import Loader
from aggregator.diagnostics import Source
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.policies.mock.plan import MockPlan

_AROUND = """\
version: 1
upstreams: {{mock: {{mock: {{file: {path}}}}}}}
endpoints: {{GET /: {{call: mock:/}}}}
"""
_ROOT = ".aggregator-mock.yaml"


class MockSource:
    """The mock in the file *path*, as it stands there now."""

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self.files = (path,)
        self.sources: Mapping[str, Source] = {}
        self._path = path
        self._env = env

    def load(self) -> MockPlan:
        """Return the mock. Raises ConfigError with every problem of its file."""
        with TemporaryDirectory() as folder:
            # beside the root under its own name, so that problems call the file as the operator does
            root = Path(folder) / _ROOT
            (Path(folder) / self._path.name).symlink_to(self._path.absolute())
            root.write_text(_AROUND.format(path=json.dumps(self._path.name)), encoding="utf-8")
            loader = Loader(root, self._env, str(self._path.parent / _ROOT))
            try:
                plan = compile_plan(loader.load())
            finally:
                self.sources = loader.sources
        mock = plan.upstreams[0].mock
        assert mock is not None
        return mock
