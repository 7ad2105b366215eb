"""What a command says of itself: its help begins with examples, and words of the file complete in a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


class ExampleCommand(click.Command):
    """A command whose help begins with *examples*, as people read it: each a command line, with what it does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

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
    path = ctx.params.get("config") or ctx.params.get("path") or "routes.yaml"
    keys = _endpoint_keys(Path(path))
    words = [key.partition(" ")[2] for key in keys] if incomplete.startswith("/") else keys
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _endpoint_keys(path: Path) -> list[str]:
    from aggregator.config.loading import load_config
    from aggregator.errors import AggregatorError

    try:
        return [endpoint.key for endpoint in load_config(path).endpoints]
    except AggregatorError:
        return []
