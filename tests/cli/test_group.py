"""The command by itself: its greeting, its help, and what it says to mistakes, the user's and its own."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import click
import pytest

from aggregator.cli import group
from aggregator.errors import StartupError


def test_alone_it_says_what_to_try(aggregator) -> None:
    """Five lines: what it is, three commands, where to read on."""
    result = aggregator()
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 5
    assert all(f"aggregator {name}" in result.stdout for name in ("init", "check", "run", "--help", "reference"))


def test_version(aggregator) -> None:
    """`--version` names the program and a number."""
    assert aggregator("--version").stdout.startswith("aggregator 0.")


def test_help_lists_commands_and_exit_codes(aggregator) -> None:
    """Everything that a script needs to know is in the help."""
    shown = aggregator("--help").stdout
    for name in group.COMMANDS:
        assert f"\n  {name} " in shown
    assert all(f"\n    {code}  " in shown for code in range(4))


@pytest.mark.parametrize("name", [name for name in group.COMMANDS if name != "run"])
def test_every_command_documents_its_exit_codes(aggregator, name: str) -> None:
    """The help of each command ends with its exit codes."""
    result = aggregator(name, "--help")
    assert result.exit_code == 0
    assert "Exit codes: 0" in result.stdout


def test_a_mistyped_command_is_told_the_right_one(aggregator) -> None:
    """A near miss gets a did-you-mean and counts as wrong usage."""
    result = aggregator("chek")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: There is no command 'chek'. Did you mean `check`?\n")


def test_a_command_like_no_other_gets_no_guess(aggregator) -> None:
    """A far miss is only said to be unknown."""
    result = aggregator("qqqqqq")
    assert result.exit_code == 2
    assert "There is no command 'qqqqqq'.\n" in result.stderr


def test_a_bare_file_is_told_how_to_be_run(aggregator, routes_file: Path) -> None:
    """A file where a command belongs is answered with the command that serves it."""
    for name in ("routes.yaml", "nothing.yaml", "nothing.yml"):
        said = f"Error: There is no command '{name}'. Did you mean `aggregator run {name}`?\n"
        assert aggregator(name).stderr.endswith(said)
    routes_file.rename(routes_file.with_name("shop.conf"))
    assert aggregator("shop.conf").stderr.endswith("Did you mean `aggregator run shop.conf`?\n")


def test_what_is_wrong_outside_the_file_is_one_line(aggregator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start-up error is told without a traceback and ends with 1."""

    def fail(*_: object, **__: object) -> None:
        raise StartupError("The plug-in is not there.")

    monkeypatch.setattr("aggregator.config.reference.schema.schema_text", fail)
    result = aggregator("schema")
    assert (result.exit_code, result.stderr) == (1, "error: The plug-in is not there.\n")


def test_a_fault_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the program is said to be one, in two lines, and ends with 2."""
    monkeypatch.setattr("aggregator.config.reference.schema.schema_text", lambda _: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["aggregator", "schema"])
    monkeypatch.delenv("AGGREGATOR_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        group.main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "fault: ZeroDivisionError: division by zero\n"
        "This is a mistake of the program, not of your file; AGGREGATOR_DEBUG=1 shows where.\n"
    )


@pytest.mark.parametrize("is_hidden", [False, True])
def test_too_few_files_are_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_hidden: bool
) -> None:
    """Where the system lets the process open no more, it is said what to raise, also when tidying up fails by it."""

    def fail(_: object) -> str:
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        finally:
            if is_hidden:
                raise RuntimeError("Cannot close a running event loop")

    monkeypatch.setattr("aggregator.config.reference.schema.schema_text", fail)
    monkeypatch.setattr(sys, "argv", ["aggregator", "schema"])
    monkeypatch.delenv("AGGREGATOR_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        group.main()
    assert ended.value.code == 2
    said = "error: Too many open files: raise the limit (ulimit -n, LimitNOFILE=).\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "error: The output cannot be written: No space left on device.\n",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "a.yaml"), "fault: OSError: "),
        (OSError(errno.ENOENT, "No such file"), "fault: FileNotFoundError: "),
    ],
    ids=["output", "a file", "another error"],
)
def test_output_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, said: str
) -> None:
    """A full disk behind a pipe is told as that; of a file that has a name it is the file's."""

    def fail(_: object) -> str:
        raise error

    monkeypatch.setattr("aggregator.config.reference.schema.schema_text", fail)
    monkeypatch.setattr(group, "_drop_stdout", lambda: None)
    monkeypatch.setattr(sys, "argv", ["aggregator", "schema"])
    monkeypatch.delenv("AGGREGATOR_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        group.main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err[: len(said)]) == ("", said)


def test_a_fault_shows_its_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """With AGGREGATOR_DEBUG the exception is not caught."""
    monkeypatch.setattr("aggregator.config.reference.schema.schema_text", lambda _: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["aggregator", "schema"])
    monkeypatch.setenv("AGGREGATOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        group.main()


def test_a_process_that_only_checks_collects_no_garbage(routes_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` ends so soon that looking for garbage and tidying up are a waste; other commands do both."""
    turned_off: list[str] = []
    left: list[int] = []
    monkeypatch.setattr("gc.disable", lambda: turned_off.append(sys.argv[1]))
    monkeypatch.setattr("os._exit", left.append)
    for command in ("check", "routes"):
        monkeypatch.setattr(sys, "argv", ["aggregator", command])
        with pytest.raises(SystemExit):
            group.main()
    assert (turned_off, left) == (["check"], [0])


def test_a_terminal_that_cannot_show_an_arrow(routes_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the encoding has no arrows, they are replaced instead of ending the command."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["aggregator", "routes"])
    with pytest.raises(SystemExit) as ended:
        group.main()
    stream.flush()
    assert ended.value.code == 0
    assert b"? users" in stream.buffer.getvalue()


@pytest.mark.parametrize("words", ["check", "routes", "explain /users/1", "get /users/1"])
def test_the_loader_alone_says_what_cannot_be_read(aggregator, routes_file: Path, monkeypatch, words: str) -> None:
    """A file without the right to read it is a finding like any other, not wrong usage: nobody asks beforehand."""
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert aggregator(*words.split()).exit_code == 0


def test_an_unknown_command_is_none() -> None:
    """Completion and help may ask for any name."""
    assert group.cli.get_command(click.Context(group.cli), "nothing") is None
