"""Files of certificates that are looked at again and again: their content is parsed once, and looked at each time."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from aggregator.transport import TlsSettings
from aggregator.transport.tls.files import unusable_file


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the paths of the files that OpenSSL parses from now on."""
    paths: list[str] = []

    class Noting(ssl.SSLContext):
        def load_verify_locations(self, cafile=None, capath=None, cadata=None) -> None:
            paths.append(str(cafile))
            super().load_verify_locations(cafile, capath, cadata)

    monkeypatch.setattr(ssl, "SSLContext", Noting)
    return paths


def test_a_file_that_stays_is_parsed_once(tmp_path: Path, parsed: list[str]) -> None:
    """However often it is looked at; one whose content is another is parsed anew."""
    file = tmp_path / "ca.pem"
    settings = TlsSettings(ca_file=str(file))
    for _ in range(2):
        trustme.CA().cert_pem.write_to_path(file)
        for _ in range(3):
            assert unusable_file(settings) is None
    assert parsed == [str(file)] * 2


def test_a_file_that_is_damaged_meanwhile_is_told(tmp_path: Path) -> None:
    """Each time, until it is whole again."""
    file = tmp_path / "ca.pem"
    settings = TlsSettings(ca_file=str(file))
    good = trustme.CA().cert_pem.bytes()
    for content, is_good in ((good, True), (good.replace(b"\nM", b"\n!", 1), False), (good, True)):
        file.write_bytes(content)
        for _ in range(2):
            assert (unusable_file(settings) is None) is is_good
