"""What an unquoted scalar means, and which ones are refused because YAML 1.1 and 1.2 disagree."""

from __future__ import annotations

import pytest

from aggregator.config.text.scalars import Doubt, read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("2.", 2.0),
        ("1.5e+3", 1500.0),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_both_versions_agree_on_these_values(text: str, value: object) -> None:
    """The core schema of YAML 1.2, as far as YAML 1.1 reads the same."""
    read = read_plain(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "users:/x",
        "10s",
        "1.2.3",
        "127.0.0.1:8000",
        "y",
        "n",
        "nope",
        "offer",
        "-",
        "+",
        ".",
        "-x",
        "1_a",
        "8000:80",
        "=",
    ],
)
def test_these_are_simply_text(text: str) -> None:
    """Durations, versions, addresses and single letters need no quotes."""
    assert read_plain(text) == text


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("yes", "`yes` is true in YAML 1.1 and a text in YAML 1.2", 'write `true`, or `"yes"` for the text'),
        ("OFF", "`OFF` is false in YAML 1.1 and a text in YAML 1.2", 'write `false`, or `"OFF"` for the text'),
        ("012", "`012` is 10 in YAML 1.1 and 12 in YAML 1.2", 'write `12`, or `"012"` for the text'),
        ("-08", "`-08` is a text in YAML 1.1 and -8 in YAML 1.2", 'write `-8`, or `"-08"` for the text'),
        ("0o14", "`0o14` is a text in YAML 1.1 and 12 in YAML 1.2", 'write `12`, or `"0o14"` for the text'),
        ("0b11", "`0b11` is 3 in YAML 1.1 and a text in YAML 1.2", 'write `3`, or `"0b11"` for the text'),
        ("-0xF", "`-0xF` is -15 in YAML 1.1 and a text in YAML 1.2", 'write `-15`, or `"-0xF"` for the text'),
        ("1_000", "`1_000` is 1000 in YAML 1.1 and a text in YAML 1.2", 'write `1000`, or `"1_000"` for the text'),
        ("1_0.5", "`1_0.5` is 10.5 in YAML 1.1 and a text in YAML 1.2", 'write `10.5`, or `"1_0.5"` for the text'),
        ("1:30", "`1:30` is the number 90 in YAML 1.1 and a text in YAML 1.2", 'write `"1:30"`'),
        ("-1:00.5", "`-1:00.5` is the number -60.5 in YAML 1.1 and a text in YAML 1.2", 'write `"-1:00.5"`'),
        ("1e3", "`1e3` is a text in YAML 1.1 and 1000.0 in YAML 1.2", 'write `1000.0`, or `"1e3"` for the text'),
        ("2027-01-31", "`2027-01-31` is a date in YAML 1.1 and a text in YAML 1.2", 'write `"2027-01-31"`'),
        (
            "2027-1-1 0:00:00 Z",
            "`2027-1-1 0:00:00 Z` is a time in YAML 1.1 and a text in YAML 1.2",
            'write `"2027-1-1 0:00:00 Z"`',
        ),
        (".inf", "`.inf` is not a number that JSON can hold", "quote it for the text"),
        ("1.0e+999", "`1.0e+999` is not a number that JSON can hold", "quote it for the text"),
        ("9" * 5000, f"`{'9' * 40}…` is not a number that JSON can hold", "quote it for the text"),
    ],
)
def test_what_two_readers_take_for_two_things_is_refused(text: str, message: str, hint: str) -> None:
    """The message says both readings, the hint how to write each."""
    read = read_plain(text)
    assert isinstance(read, Doubt)
    assert (read.message, read.hint) == (message, hint)


@pytest.mark.parametrize("text", ["0b_", "0x_", "1" * 301 + "x", "-" * 5000, "1:" * 200 + "1", "1e" + "9" * 400])
def test_no_scalar_is_too_odd_to_be_read(text: str) -> None:
    """Half numbers and endless ones are text or refused, but never an error of ours."""
    assert isinstance(read_plain(text), str | Doubt)
