"""The ``server.admin`` of a file, although other parts of it are wrong; for commands that look for a process.

A process serves the last good configuration while its file is wrong, and that is when it is asked most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aggregator.config.files.tls_files import find_tls_files
from aggregator.config.model.listening.admin import AdminSettings
from aggregator.config.model.server import ServerSettings
from aggregator.config.text.document import read_document
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.config.text.yaml_text import read_file, source_of
from aggregator.config.validation.salvage import salvage
from aggregator.config.variables.expansion import expand

_SERVER = re.compile(r"^server:[^\n]*\n?(?:(?:[ \t\r#}\]][^\n]*)?\n)*(?:[ \t}\]][^\n]*\Z)?", re.MULTILINE)
_NEEDED = frozenset({(), ("address",), ("tls",)})
"""Without these nobody can be asked; a secret may come from the environment, and nothing else matters to who asks."""


def read_admin(path: Path, env: Mapping[str, str] | None = None) -> AdminSettings | None:
    """Return what ``server.admin`` of *path* says, without what is wrong in it, such as a secret that is not there.

    None where the file or the section cannot be read, or says not how the address is reached. *env* stands for the
    environment.
    """
    section = _server_of(path)
    if section is None:
        return None
    filled = expand(section, os.environ if env is None else env, path.parent)
    found = find_tls_files(section, filled.value, path.parent)
    problems = (*filled.diagnostics, *found.diagnostics)
    return _settings(found.value, {one.path[1:] for one in problems})


def _server_of(path: Path) -> Section | None:
    """Return the section ``server`` of *path*; of a file that is no YAML, what looks like it."""
    try:
        content = read_file(path)
    except OSError:
        return None
    document, _ = read_document(content, str(path))
    if document is None:
        blocks = _SERVER.findall(source_of(content, str(path)).text)
        document = read_document(blocks[0], str(path))[0] if len(blocks) == 1 else None
    return None if document is None else document.sections.get("server")


def _settings(server: Any, unfilled: set[Steps]) -> AdminSettings | None:
    """Return the settings of ``admin`` in *server*, without the places that are *unfilled*."""
    admin = server.get("admin") if isinstance(server, dict) else None
    lost = {path[1:] for path in unfilled if path[:1] == ("admin",)}
    if admin is None or () in lost:
        return None
    if isinstance(admin, dict):
        admin = {key: value for key, value in admin.items() if (key,) not in lost}
    settings: ServerSettings | None
    try:
        settings = ServerSettings.model_validate({"admin": admin})
    except ValidationError as error:
        settings, holes = salvage(ServerSettings, {"admin": admin}, error)
        lost |= {path[1:] for path in holes}
    return None if settings is None or any(path[:1] in _NEEDED for path in lost) else settings.admin
