"""Every way in which a file changes is noticed: written, replaced, linked anew, included, mounted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aggregator.errors import ConfigError
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import Verdict
from aggregator.server.generations.settling import stamp
from aggregator.server.generations.watching import _folders
from aggregator.server.process import serving

ONE = "endpoints: {GET /n: {respond: {body: 1}}}"


def version(number):
    """Return a whole file."""
    return f"version: 1\nendpoints: {{GET /n: {{respond: {{body: {number}}}}}}}\n"


@pytest.fixture
def served(stage):
    """A server that watches; ``expect(n)`` waits until it serves version *n*."""
    gateway = stage.gateway(version(1), watch=True)
    assert gateway.get("/n").json == 1
    gateway.expect = lambda number: stage.until(lambda: gateway.get("/n").json == number)
    return gateway


@pytest.mark.long
def test_a_file_is_written_in_place(served):
    """As most editors and scripts do."""
    for number in (2, 3):
        served.path.write_text(version(number))
        served.expect(number)


@pytest.mark.long
def test_a_file_is_replaced(served):
    """As careful editors and tools of deployment do: a new file is renamed over the old one."""
    for number in (2, 3):
        fresh = served.path.with_suffix(".tmp")
        fresh.write_text(version(number))
        os.replace(fresh, served.path)
        served.expect(number)


@pytest.mark.long
def test_a_file_goes_and_comes_back(served, stage):
    """While it is away the old configuration stays."""
    served.path.unlink()
    stage.until(lambda: served.reloads)
    assert served.get("/n").json == 1
    served.path.write_text(version(2))
    served.expect(2)


@pytest.mark.long
def test_a_half_written_file_is_read_again_when_it_is_whole(served, stage):
    """The refusal of the half is forgotten with the whole."""
    served.path.write_text(version(2)[:25])
    stage.until(lambda: served.reloads)
    served.path.write_text(version(2))
    served.expect(2)
    assert served.get("/-/config").json["last_refusal"] is None


@pytest.mark.long
def test_a_mounted_volume_changes_by_its_links(stage, tmp_path):
    """As Kubernetes does with a ConfigMap: ..data is a link to a folder, and is replaced as a whole."""
    mount = tmp_path / "etc"
    for number in (1, 2, 3):
        (mount / f"..{number}").mkdir(parents=True)
        (mount / f"..{number}" / "routes.yaml").write_text(version(number))
    (mount / "..data").symlink_to("..1")
    (mount / "routes.yaml").symlink_to("..data/routes.yaml")
    stage.folder = tmp_path
    (tmp_path / "routes0.yaml").symlink_to(mount / "routes.yaml")
    gateway = stage.gateway(version(1), watch=True)
    for number in (2, 3):
        (mount / "..tmp").symlink_to(f"..{number}")
        os.replace(mount / "..tmp", mount / "..data")
        stage.until(lambda n=number: gateway.get("/n").json == n)


@pytest.mark.long
def test_links_in_a_circle_are_no_end(served, stage):
    """Nor is a folder that goes and comes back: the watch goes on."""
    link = served.path.with_suffix(".link")
    link.symlink_to(served.path)
    os.replace(link, served.path)
    stage.until(lambda: served.reloads)
    served.path.unlink()
    served.path.write_text(version(2))
    served.expect(2)
    away = served.path.parent.rename(served.path.parent.with_name("away"))
    stage.until(lambda: len(served.reloads) == 3)
    away.rename(served.path.parent)
    served.path.write_text(version(3))
    served.expect(3)


def test_the_folder_that_was_current_may_be_replaced(tmp_path, monkeypatch):
    """The file is found by its whole path, whatever becomes of the folder, and called what the operator called it."""
    folder = tmp_path / "conf"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("routes.yaml").write_text(version(1))
    files = PlanFiles(Path("routes.yaml"))
    folder.rename(tmp_path / "old")
    folder.mkdir()
    (folder / "routes.yaml").write_text("version: 2\n")
    with pytest.raises(ConfigError, match=r"^routes\.yaml:1:10: "):
        files.load()


def test_without_a_current_folder_files_are_not_found(tmp_path, monkeypatch):
    """And that is all: nothing fails that only wants to know where to look."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="there is no such file"):
        PlanFiles(Path("routes.yaml")).load()
    assert _folders([Path("routes.yaml")]) == frozenset()


@pytest.mark.long
def test_included_files_are_watched_and_new_ones_found(stage):
    """A file that an include names, one that a pattern comes to match, and one that goes."""
    folder = stage.folder / "more"
    folder.mkdir()
    (folder / "a.yaml").write_text("endpoints: {GET /a: {respond: {body: 1}}}")
    gateway = stage.gateway("include: [more/*.yaml]\n" + ONE, watch=True)
    (folder / "a.yaml").write_text("endpoints: {GET /a: {respond: {body: 22}}}")
    stage.until(lambda: gateway.get("/a").json == 22)
    (folder / "b.yaml").write_text("endpoints: {GET /b: {respond: {body: 3}}}")
    stage.until(lambda: gateway.get("/b").status == 200)
    (folder / "a.yaml").unlink()
    stage.until(lambda: gateway.get("/a").status == 404)


def test_files_with_secrets_are_watched(stage):
    """A value that comes from a file changes with it."""
    secret = stage.folder / "secret"
    secret.write_text("first-value")
    text = 'upstreams: {up: {url: "${UP}", headers: {x-key: "${file:secret}"}}}\nendpoints: {GET /a: {call: up:/a}}'
    upstream = stage.upstream()
    upstream["/a"] = lambda request: stage.reply({"key": request["x-key"]})
    gateway = stage.gateway(text, upstream, watch=True)
    assert gateway.get("/a").json == {"key": "first-value"}
    secret.write_text("second-value")
    stage.until(lambda: gateway.get("/a").json == {"key": "second-value"})


def test_what_is_noisy_beside_the_file_is_ignored(served, stage):
    """Other files in the folder cause no reload."""
    stage.until(lambda: True)
    for number in range(20):
        (served.path.parent / f"other{number}").write_text("x")
    served.path.write_text(version(2))
    served.expect(2)
    assert len(served.reloads) == 1


def test_where_nothing_can_be_watched_files_are_looked_at(stage, monkeypatch):
    """A system without watches left is told of once, and saving still works, a second later at most."""
    import watchfiles

    def none_left(*args, **options):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(watchfiles, "awatch", none_left)
    gateway = stage.gateway(version(1), watch=True)
    gateway.path.write_text(version(2))
    stage.until(lambda: gateway.get("/n").json == 2)
    assert gateway.said("Files cannot be watched; they are looked at every second.")


def test_a_stamp_tells_states_apart(tmp_path):
    """A file that is missing, there, changed or replaced has another stamp each time."""
    file = tmp_path / "f"
    stamps = [stamp([file])]
    file.write_text("1")
    stamps.append(stamp([file]))
    file.write_text("22")
    stamps.append(stamp([file]))
    other = tmp_path / "g"
    other.write_text("22")
    os.replace(other, file)
    stamps.append(stamp([file]))
    assert len(set(stamps)) == 4
    assert stamp([file]) == stamps[-1]


@pytest.mark.long
def test_a_name_that_no_file_can_have(stage):
    """It is refused, and watching goes on: the next saves are noticed."""
    gateway = stage.gateway(version(1), watch=True)
    wrong = 'upstreams: {up: {url: "https://up.test", tls: {ca: "a\\0b"}}}\n' + version(2)
    gateway.replace(wrong)
    stage.until(lambda: gateway.reloads)
    assert gateway.reloads[0].verdict is Verdict.REFUSED
    for number in (3, 4):  # the first of them may be noticed by those who looked before
        gateway.replace(wrong.replace("body: 2", f"body: 2{number}"))
        stage.until(lambda: len(gateway.reloads) >= number - 1)  # noqa: B023
    gateway.replace(version(5))
    stage.until(lambda: gateway.get("/n").json == 5)


def test_an_end_of_watching_is_told(stage, monkeypatch):
    """Should a fault of ours end it, the log says so, and the server serves on."""

    async def broken(*_):
        raise RuntimeError("a fault")

    monkeypatch.setattr(serving, "watch_files", broken)
    gateway = stage.gateway(version(1), watch=True)
    stage.until(lambda: gateway.said("Files are not loaded again, by a fault of the program."))
    assert gateway.get("/n").json == 1
