"""A ``transform`` names a function of a module that the file declares as a plug-in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding

_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_FUNCTION = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")


def check_transforms(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about functions that cannot be found."""
    for path, reference in transforms(analysis):
        if path[: len(analysis.path)] == analysis.path:
            yield from _check(reference, path, around.settings.plugins)


def transforms(analysis: Analysis) -> Iterator[tuple[Steps, str]]:
    """Every ``transform`` with its place."""
    for call in analysis.calls:
        if call.settings.transform is not None:
            yield (*call.path, "transform"), call.settings.transform
    response = analysis.settings.response if analysis.settings is not None else None
    if response is not None and response.transform is not None:
        yield (*analysis.path, "response", "transform"), response.transform


def _check(reference: str, path: Steps, plugins: tuple[str, ...]) -> Iterator[Finding]:
    found = _FUNCTION.fullmatch(reference)
    if found is None:
        module, _, name = reference.rpartition(".")
        is_dotted = module and _MODULE.fullmatch(reference)
        hint = f"write `{module}:{name}`" if is_dotted else "write it like `my_plugin:clean`"
        yield Finding("bad-transform", "a transform is named `module:function`", path, hint)
    elif found["module"] not in plugins:
        hint = did_you_mean(found["module"], plugins) or f"declare it: `plugins: [{found['module']}]`"
        message = f"the plug-in `{found['module']}` is not declared"
        yield Finding("unknown-plugin", message, path, hint, text=found["module"], lacks=(("plugins",),))


def check_plugins(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about plug-ins that are no modules."""
    for index, name in enumerate(around.settings.plugins):
        if not _MODULE.fullmatch(name) or name.endswith(".py"):
            module = name.removesuffix(".py").strip("./").replace("/", ".")
            hint = f"write `{module}`" if _MODULE.fullmatch(module) else "write it like `my_plugin`"
            yield Finding("bad-plugin", "a plug-in is the name of a Python module", ("plugins", index), hint)
