"""Several files as one configuration: what is read, in which order, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aggregator.config.text.document import ParseCache
from aggregator.config.text.including import Tree, read_tree
from aggregator.diagnostics import render_text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that names are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(files: dict[str, str]) -> None:
    """Write texts by path."""
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def tree(**files: str) -> Tree:
    """The tree of ``routes.yaml``; a name of *files* is a path without its suffix, ``__`` for a slash."""
    write({f"{name.replace('__', '/')}.yaml": text for name, text in files.items()})
    return read_tree(Path("routes.yaml"))


def shown(read: Tree) -> str:
    """The problems of a tree, rendered."""
    return render_text(read.diagnostics, read.sources)


def test_a_file_alone_is_a_tree_of_one(folder: Path) -> None:
    """The root needs no ``include``."""
    read = tree(routes="version: 1\n")
    assert [document.file for document in read.documents] == ["routes.yaml"]
    assert (read.files, read.folders, read.diagnostics) == ((Path("routes.yaml"),), (), ())


def test_files_are_read_depth_first_and_named_from_the_root(folder: Path) -> None:
    """Names are relative to the file that says them; each file is read once, patterns in order of names."""
    read = tree(
        routes="include: [shared/all.yaml, 'routes.d/*.yaml', shared/users.yaml]\nendpoints:\n  GET /0: x\n",
        shared__all="include: users.yaml\nupstreams:\n  a: {}\n",
        shared__users="upstreams:\n  b: {}\n",
        routes__d="no: 1",
        **{"routes.d__2": "endpoints:\n  GET /2: x\n", "routes.d__1": "endpoints:\n  GET /1: x\n"},
    )
    names = ["routes.yaml", "shared/all.yaml", "shared/users.yaml", "routes.d/1.yaml", "routes.d/2.yaml"]
    assert shown(read) == ""
    assert [document.file for document in read.documents] == names
    assert list(read.paths) == list(read.sources) == names
    assert read.files == tuple(map(Path, names))
    assert read.folders == (Path("routes.d"),)
    assert [section.value for section in read.sections("upstreams")] == [{"a": {}}, {"b": {}}]
    assert [endpoint.key for endpoint in read.endpoints()] == ["GET /0", "GET /1", "GET /2"]


def test_names_begin_with_the_root_as_it_was_typed(folder: Path) -> None:
    """An operator who says ``conf/routes.yaml`` can click on ``conf/x.yaml``; ``..`` is resolved."""
    write({"conf/routes.yaml": "include: ../x.yaml\n", "x.yaml": "include: conf/y.yaml\n", "conf/y.yaml": "x-a: 1\n"})
    read = read_tree(Path("conf/routes.yaml"))
    assert list(read.sources) == ["conf/routes.yaml", "x.yaml", "conf/y.yaml"]
    absolute = read_tree(folder / "conf" / "routes.yaml")
    assert list(absolute.sources)[1] == str(folder / "x.yaml")


def test_a_pattern_may_match_the_file_that_says_it(folder: Path) -> None:
    """``include: "*.yaml"`` means the others, for every file that says it."""
    read = tree(routes="include: '*.yaml'\n", a="include: '*.yaml'\n", b="x-b: 1\n")
    assert shown(read) == ""
    assert [document.file for document in read.documents] == ["routes.yaml", "a.yaml", "b.yaml"]


def test_the_same_name_in_two_files_is_refused_and_both_places_named(folder: Path) -> None:
    """Upstreams, groups and endpoints: each kind has its own names."""
    read = tree(
        routes="include: more.yaml\nupstreams:\n  users: {}\ngroups: {a: {}}\nendpoints:\n  GET /users: x\n",
        more="upstreams:\n  a: {}\n  users: {}\ngroups: {users: {}}\nendpoints:\n  GET /users: y\n",
    )
    assert shown(read) == (
        "more.yaml:3:3 error[duplicate-key] `users` is declared in two files\n"
        "  |\n"
        "3 |   users: {}\n"
        "  |   ^^^^^\n"
        "  ::: routes.yaml:3:3\n"
        "  |\n"
        "3 |   users: {}\n"
        "  |   ----- first here\n"
        "  = hint: keep one of the two, or rename one\n"
        "\n"
        "more.yaml:6:3 error[duplicate-key] `GET /users` is declared in two files\n"
        "  |\n"
        "6 |   GET /users: y\n"
        "  |   ^^^^^^^^^^\n"
        "  ::: routes.yaml:6:3\n"
        "  |\n"
        "6 |   GET /users: x\n"
        "  |   ---------- first here\n"
        "  = hint: keep one of the two, or rename one"
    )


def test_names_of_the_wrong_type_are_left_to_the_model(folder: Path) -> None:
    """Nothing is compared where there are no names."""
    assert shown(tree(routes="include: a.yaml\nupstreams: [a]\n", a="upstreams: 3\n")) == ""


@pytest.mark.parametrize("key", ["server", "client", "defaults", "background"])
def test_only_the_root_speaks_for_the_whole_server(folder: Path, key: str) -> None:
    """One file says how the process runs; ``version`` and notes may stand in any."""
    read = tree(routes="include: a.yaml\nserver: {}\n", a=f"version: 1\nx-a: 1\n{key}: {{}}\n")
    assert shown(read).startswith(f"a.yaml:3:1 error[root-only] `{key}` may only stand in the root file")
    assert len(read.diagnostics) == 1


@pytest.mark.parametrize(
    ("include", "code", "says"),
    [
        ("gone.yaml", "include-missing", "there is no file `gone.yaml`\n"),
        ("uesrs.yaml", "include-missing", "= hint: did you mean `users.yaml`?"),
        ("gone/users.yaml", "include-missing", "there is no file `gone/users.yaml`"),
        ("gone/*.yaml", "include-missing", "`gone/*.yaml` matches no file"),
        ("folder", "include-missing", "= hint: write `folder/*.yaml`"),
        ("fold*", "include-missing", "`fold*` matches no file"),
        ("locked.yaml", "file-unreadable", "`locked.yaml` cannot be read: Permission denied"),
        ("3", "include-type", "`include` takes the names of files"),
        ("{a: b}", "include-type", "= hint: write `include: [upstreams.yaml, routes.d/*.yaml]`"),
        ("''", "include-type", "`include` takes the names of files"),
        (r'"a\0b"', "include-type", "`include` takes the names of files"),
        (r'"*\0"', "include-type", "`include` takes the names of files"),
    ],
)
def test_what_cannot_be_included_is_underlined(folder: Path, include: str, code: str, says: str) -> None:
    """At the name, in a list as well as alone."""

    def read_bytes(path: Path) -> bytes:
        if path.name == "locked.yaml":
            raise PermissionError(13, "Permission denied")
        return path.read_bytes()

    write({"users.yaml": "x-a: 1\n", "folder/note.txt": ""})
    for text, column in ((f"include: {include}\n", 10), (f"include:\n  - users.yaml\n  - {include}\n", 5)):
        write({"routes.yaml": text})
        read = read_tree(Path("routes.yaml"), read_bytes)
        (problem,) = read.diagnostics
        assert (problem.code, problem.position.column) == (code, column)
        assert says in shown(read) + "\n"


def test_files_that_include_each_other_are_refused(folder: Path) -> None:
    """The message shows the circle."""
    read = tree(routes="include: a.yaml\n", a="include: b.yaml\n", b="include: [a.yaml]\n")
    assert "b.yaml:1:11 error[include-cycle] the files include each other: a.yaml → b.yaml → a.yaml" in shown(read)
    assert len(read.diagnostics) == 1
    assert "routes.yaml → routes.yaml" in shown(tree(routes="include: ./routes.yaml\n"))


def test_every_file_is_checked_even_when_one_cannot_be_read(folder: Path) -> None:
    """All problems of all files come together, in the order of the files."""
    read = tree(routes="include: [a.yaml, b.yaml]\nx: yes\n", a="a: [\n", b="b: no\n")
    assert [problem.position.file for problem in read.diagnostics] == ["routes.yaml", "a.yaml", "b.yaml"]
    assert [document.file for document in read.documents] == ["routes.yaml", "b.yaml"]
    assert "1 | a: [" in shown(read)


def test_what_is_missing_is_watched_too(folder: Path) -> None:
    """A file that appears later, or one more in a folder of a pattern, is a change."""
    read = tree(routes="include: [gone.yaml, 'sub/x*/**/*.yaml', '*.yml']\n")
    assert read.files == (Path("routes.yaml"), Path("gone.yaml"))
    assert read.folders == (Path("sub"), Path())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "gone.yaml",
            "gone.yaml:1:1 error[file-missing] there is no such file\n  = hint: `aggregator init` writes a first one",
        ),
        (
            "folder",
            (
                "folder:1:1 error[file-unreadable] this is a directory\n"
                "  = hint: name the file in it, such as `folder/routes.yaml`"
            ),
        ),
        (
            "routes.yaml/x",
            (
                "routes.yaml/x:1:1 error[file-unreadable] the file cannot be read: Not a directory\n"
                "  = hint: correct its path"
            ),
        ),
    ],
)
def test_a_root_that_cannot_be_read_gets_one_clear_message(folder: Path, name: str, says: str) -> None:
    """No document, no traceback."""
    write({"folder/x": "", "routes.yaml": ""})
    read = read_tree(Path(name))
    assert (read.documents, shown(read)) == ((), says)
    assert read.files == (Path(name),)


@pytest.mark.parametrize(
    ("content", "frame"),
    [
        (b"a: 1\nb: \xff\n", "2 | b: \ufffd\n  |    ^\n"),
        ("a: 1\n".encode("utf-16"), "routes.yaml:1:1 error[encoding] the file is UTF-16 or UTF-32, not UTF-8\n"),
        (b"a" * (9 * 1024 * 1024), "routes.yaml:1:1 error[file-too-large]"),
    ],
)
def test_a_file_that_is_not_text_is_quoted_as_far_as_it_can_be(folder: Path, content: bytes, frame: str) -> None:
    """What cannot be shown is not; the rest of the line still tells where it is."""
    Path("routes.yaml").write_bytes(content)
    assert frame in shown(read_tree(Path("routes.yaml"))) + "\n"


def test_a_cache_serves_all_files(folder: Path) -> None:
    """Equal pieces of two files are two pieces: each keeps its own places."""
    cache = ParseCache()
    write({"routes.yaml": "include: a.yaml\nx-a: 1\n", "a.yaml": "# note\nx-a: 1\n"})
    for _ in range(2):
        read = read_tree(Path("routes.yaml"), cache=cache)
        assert [section.key_position.line for section in read.sections("x-a")] == [2, 2]
        assert [section.file for section in read.sections("x-a")] == ["routes.yaml", "a.yaml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_read_when_somebody_writes(folder: Path) -> None:
    """`check <(generate)` works; a pipe that nobody writes into is a problem instead of a wait without an end."""
    os.mkfifo("pipe")
    assert "pipe:1:1 error[file-unreadable] the file cannot be read: it is a pipe, and nobody writes into it" in (
        shown(read_tree(Path("pipe")))
    )
    reader, writer = os.pipe()
    os.write(writer, b"version: 1\n")
    os.close(writer)
    read = read_tree(Path(f"/dev/fd/{reader}"))
    os.close(reader)
    assert (shown(read), len(read.documents)) == ("", 1)
