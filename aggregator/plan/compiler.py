"""``compile_plan``: a configuration as a plan. The only part of ``plan`` that callers outside need to know."""

from __future__ import annotations

from aggregator.plan.compiling.compiler import Compiler, compile_plan

__all__ = ["Compiler", "compile_plan"]
