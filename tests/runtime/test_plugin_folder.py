"""The folder of the configuration as a place of modules: for plug-ins, and for nobody who has none."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aggregator.runtime.plugins.functions import Plugins


def test_a_file_beside_the_configuration_hides_no_library_where_there_is_no_plug_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script called `dns.py` there would be run in place of the library that is imported when a name is looked up."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "script_beside.py").write_text("raise SystemExit('It was run.')\n")
    (tmp_path / "plugin_beside.py").write_text("def shape(value):\n    return value\n")
    plugins = Plugins(tmp_path)
    plugins.load([])
    assert find_spec("script_beside") is None
    plugins.load(["plugin_beside"])
    assert find_spec("script_beside") is not None
    assert sys.path[0] == str(tmp_path)
    plugins.close()
    del sys.modules["plugin_beside"]
