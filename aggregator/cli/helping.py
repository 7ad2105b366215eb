"""What a command says of itself: its help begins with examples, and words of the file complete in a shell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from aggregator.config.loading import Config


class ExampleCommand(click.Command):
    """A command whose help begins with *examples*, as people read it: each a command line, with what it does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read *args*. Raises ``UsageError`` for a file as the last word where only ``--config`` names one."""
        if self._ends_with_a_file(args):
            raise click.UsageError(
                f"{args[-1]} is taken for a file, which is named by an option: `-c {args[-1]}`.", ctx
            )
        return super().parse_args(ctx, args)

    def _ends_with_a_file(self, args: list[str]) -> bool:
        options = {name: one for one in self.params if isinstance(one, click.Option) for name in one.opts}
        if not args or args[-1].startswith("-") or not args[-1].endswith((".yaml", ".yml")):
            return False
        before = options.get(args[-2]) if len(args) > 1 else None
        return any(one.name == "file" for one in options.values()) and (before is None or before.is_flag)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then what click writes."""
        for line, meaning in self.examples:
            formatter.write(f"  {line}\n      {meaning}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)


def complete_endpoint(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Return the endpoints that begin with *incomplete*: paths once it begins with a slash, else whole keys.

    The file is the one that the command line names; one that has problems completes nothing.
    """
    config = _config_of(ctx)
    keys = [] if config is None else [endpoint.key for endpoint in config.endpoints]
    words = [key.partition(" ")[2] for key in keys] if incomplete.startswith("/") else keys
    return _beginning_with(incomplete, words)


def complete_upstream(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Return the upstreams that begin with *incomplete*."""
    config = _config_of(ctx)
    return [] if config is None else _beginning_with(incomplete, config.settings.upstreams)


def complete_switched(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what `switch` may be told of next: upstreams, endpoints, or the parts and effects of an endpoint."""
    kind, named = ctx.params.get("kind"), tuple(ctx.params.get("names") or ())
    if kind == "upstream":
        return complete_upstream(ctx, param, incomplete)
    if not named and kind != "effect":
        return complete_endpoint(ctx, param, incomplete)
    from aggregator.plan.analysis.walking import placed_parts
    from aggregator.plan.compiler import compile_plan

    config = _config_of(ctx)
    endpoints = () if config is None else compile_plan(config).endpoints
    if not named:
        every = _beginning_with(incomplete, [effect.name for one in endpoints for effect in one.effects])
        return [*complete_endpoint(ctx, param, incomplete), *every]
    meant = [one for one in endpoints if one.key == named[0]][:1]
    parts = [place for one in meant for place, _ in placed_parts(one.fan)]
    effects = [effect.name for one in meant for effect in one.effects]
    return _beginning_with(incomplete, effects if kind == "effect" else parts)


def _beginning_with(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _config_of(ctx: click.Context) -> Config | None:
    from aggregator.config.loading import load_config
    from aggregator.errors import AggregatorError

    path = ctx.params.get("config") or ctx.params.get("path") or ctx.params.get("file") or "routes.yaml"
    try:
        return load_config(Path(path))
    except AggregatorError:
        return None
