"""A declarative API aggregator: routes.yaml in, FastAPI application out.

::

    from aggregator import create_app

    app = create_app("routes.yaml")

What is named here is loaded when it is first used, so that ``import aggregator`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregator.config.loading import Config, load_config
    from aggregator.errors import AggregatorError, CallError, Cause, ConfigError, ExpressionError, StartupError
    from aggregator.plan.compiler import compile_plan
    from aggregator.server.application.app import create_app

__all__ = [
    "AggregatorError",
    "CallError",
    "Cause",
    "Config",
    "ConfigError",
    "ExpressionError",
    "StartupError",
    "compile_plan",
    "create_app",
    "load_config",
]

_HOMES = {
    "Config": "aggregator.config.loading",
    "compile_plan": "aggregator.plan.compiler",
    "create_app": "aggregator.server.application.app",
    "load_config": "aggregator.config.loading",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "aggregator.errors")), name)


def __dir__() -> list[str]:
    """Name what is public."""
    return sorted(__all__)
