"""The files that ``tls`` names: looked at when the file is loaded, found beside it, and a part of what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from aggregator.config.loading import Config, load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiler import compile_plan
from aggregator.transport import TlsSettings
from aggregator.transport.tls import files as tls_files

ROUTES = """
version: 1
upstreams:
  one: {{url: https://one.test, tls: {tls}}}
  other: {{url: https://other.test}}
endpoints:
  GET /one: {{call: one:/}}
  GET /other: {{call: other:/}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with authorities, a certificate, its key, and files that are none of these."""
    ca, tls = trustme.CA(), tmp_path / "tls"
    tls.mkdir()
    ca.cert_pem.write_to_path(tls / "ca.pem")
    for name in ("us", "them"):
        leaf = ca.issue_cert(name)
        leaf.cert_chain_pems[0].write_to_path(tls / f"{name}.crt")
        leaf.private_key_pem.write_to_path(tls / f"{name}.key")
    (tls / "words").write_text("hello")
    return tmp_path


def load(folder: Path, tls: str, **env: str) -> Config:
    """Load a file whose upstream has *tls*, from another folder than the working directory."""
    (folder / "routes.yaml").write_text(ROUTES.format(tls=tls))
    return load_config(folder / "routes.yaml", env)


WRONG = {
    "{ca: tls/none.pem}": ("tls/none.pem", "cannot be read: no such file or directory", "begins in the folder"),
    "{ca: tls/words}": ("tls/words", "holds no certificate in PEM form", "openssl x509"),
    "{cert: tls/words, key: tls/us.key}": ("tls/words", "holds no certificate in PEM form", "openssl x509"),
    "{cert: tls/us.crt}": ("tls/us.crt", "holds no key in PEM form", "with `key`"),
    "{cert: tls/us.crt, key: tls/words}": ("tls/words", "holds no key in PEM form", "openssl pkey"),
    "{cert: tls/us.crt, key: tls/them.key}": ("tls/them.key", "holds the key of another certificate", "made with"),
    "{ca: tls}": ("tls", "is no regular file", "name a file"),
    '{ca: "${file:tls/words}"}': ("${file:tls/words}", "cannot be read: no such file or directory", "the path itself"),
    '{ca: "${WHERE}/none.pem"}': ("${WHERE}/none.pem", "cannot be read: no such file or directory", "correct"),
}


@pytest.mark.parametrize("tls", WRONG)
def test_files_that_cannot_be_used(folder: Path, tls: str) -> None:
    """`check` names the file as it is written, where it is written, with what is wrong and what to do."""
    written, why, hint = WRONG[tls]
    with pytest.raises(ConfigError) as caught:
        load(folder, tls, WHERE="secret-place")
    (one,) = caught.value.diagnostics
    assert (one.code, one.position.line, one.message) == ("tls-file", 4, f"the file `{written}` {why}")
    assert hint in (one.hint or "")
    text = (folder / "routes.yaml").read_text().splitlines()[3]
    assert text[one.position.column - 1 :].lstrip('"').startswith(written)


def test_files_are_looked_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many upstreams share them: to read all public authorities takes a thirtieth of a second."""
    looked_at: list[TlsSettings] = []
    unusable = tls_files.unusable_file
    monkeypatch.setattr(tls_files, "unusable_file", lambda files: looked_at.append(files) or unusable(files))
    shared = "{ca: tls/ca.pem}}\n  more: {url: https://more.test, tls: {ca: tls/ca.pem}"
    config = load(folder, shared)
    assert len(looked_at) == 1
    assert config.tls_digests["one"] == config.tls_digests["more"]


def test_a_path_that_is_not_known(folder: Path) -> None:
    """A variable that is not set is the problem, not the file that is missing for it."""
    with pytest.raises(ConfigError) as caught:
        load(folder, '{ca: "${WHERE}/ca.pem"}')
    assert [one.code for one in caught.value.diagnostics] == ["unset-variable"]


@pytest.mark.parametrize("tls", ["tls/ca.pem", "[tls/ca.pem]", "{ca: 1}", "{ca: [tls/ca.pem]}"])
def test_what_names_no_file(folder: Path, tls: str) -> None:
    """Another kind of value is no path; what is wrong with it the models say."""
    with pytest.raises(ConfigError) as caught:
        load(folder, tls)
    assert [one.code for one in caught.value.diagnostics] == ["wrong-type"]


def test_paths_begin_in_the_folder_of_the_file(folder: Path) -> None:
    """Wherever the program is started, and whichever file names them; all of them are watched."""
    inner = folder / "tls" / "upstreams.yaml"
    inner.write_text("upstreams: {in: {url: https://in.test, tls: {cert: us.crt, key: us.key}}}\n")
    (folder / "routes.yaml").write_text(
        ROUTES.format(tls="{ca: tls/ca.pem}") + "  GET /in: {call: in:/}\ninclude: [tls/upstreams.yaml]\n"
    )
    config = load_config(folder / "routes.yaml", {})
    settings = {upstream.name: upstream.pool.tls for upstream in compile_plan(config).upstreams}
    assert settings["one"].ca_file == str(folder / "tls" / "ca.pem")
    assert (settings["in"].cert_file, settings["in"].key_file) == (
        str(folder / "tls" / "us.crt"), str(folder / "tls" / "us.key"),
    )  # fmt: skip
    named = {folder / "tls" / name for name in ("ca.pem", "us.crt", "us.key")}
    assert named <= set(config.files)


def test_what_files_hold_is_a_part_of_the_configuration(folder: Path) -> None:
    """Other contents change the digests of what rests on them, and of nothing else; and tell the pools apart."""
    before = load(folder, "{ca: tls/ca.pem}")
    same = load(folder, "{ca: tls/ca.pem}")
    trustme.CA().cert_pem.write_to_path(folder / "tls" / "ca.pem")
    after = load(folder, "{ca: tls/ca.pem}")
    assert (same.digest, same.tls_digests) == (before.digest, before.tls_digests)
    assert after.digest != before.digest
    changed = [one.digest != two.digest for one, two in zip(before.endpoints, after.endpoints, strict=True)]
    assert changed == [True, False]
    pools = [compile_plan(config).upstreams[0].pool for config in (before, same, after)]
    assert (pools[0] == pools[1], pools[0] == pools[2]) == (True, False)
    assert set(before.tls_digests) == {"one"}


def test_the_files_of_the_store_are_found_beside_the_file(folder: Path) -> None:
    """What they hold is a part of the plan, so that a renewal opens the store anew."""
    pytest.importorskip("redis")
    text = "version: 1\nstore: {url: rediss://cache.test, tls: {ca: tls/ca.pem, cert: tls/us.crt, key: tls/us.key}}\n"
    (folder / "routes.yaml").write_text(f"{text}endpoints: {{}}\n")
    before = compile_plan(load_config(folder / "routes.yaml", {})).store
    trust = before.address.trust
    assert (trust.ca, trust.key) == (str(folder / "tls/ca.pem"), str(folder / "tls/us.key"))
    trustme.CA().cert_pem.write_to_path(folder / "tls/ca.pem")
    assert compile_plan(load_config(folder / "routes.yaml", {})).store != before
