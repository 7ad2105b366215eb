"""Lines of the log in whole, as each format writes them: no more, no less, at the exact bounds."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from aggregator.telemetry.formatting import CombinedFormatter, JsonFormatter, TextFormatter
from aggregator.telemetry.redaction import MASK, Masker
from aggregator.telemetry.requests import AnswerLine, RequestLine, Seen

MASKER = Masker(["hunter2"])
MOST = 4096


def line(level: int = logging.INFO, seen: Seen | None = None, **said: Any) -> RequestLine:
    """Return a line about an answer, which has what is *said*."""
    return RequestLine(level, "Answered.", 0.25, {"status": 200, "size": 7}, said, seen)


@pytest.mark.parametrize(
    ("seen", "known", "said", "written"),
    [
        (Seen("GET", "/x"), {}, {"client": "192.0.2.1"}, '192.0.2.1 - - [TIME] "GET /x HTTP/1.1" 200 7 "-" "-"'),
        (Seen("GET", "/x"), {}, {}, '- - - [TIME] "GET /x HTTP/1.1" 200 7 "-" "-"'),
        (Seen("POST", "/x", "a=1&token=t", "Ada L", "https://r.test/?sig=s", "curl"), {"status": 201, "size": 0},
         {"client": "192.0.2.1"},
         f'192.0.2.1 - Ada_L [TIME] "POST /x?a=1&token={MASK} HTTP/1.1" 201 - "https://r.test/?sig={MASK}" "curl"'),
        (Seen("GET", '/a"b\\c\n', user="hunter2 x", agent='"'), {}, {"client": "a"},
         f'a - {MASK}_x [TIME] "GET /a\\"b\\\\c\\n HTTP/1.1" 200 7 "-" "\\""'),
    ],
)  # fmt: skip
def test_a_combined_line_is_whole(seen: Seen, known: dict[str, Any], said: dict[str, Any], written: str) -> None:
    """What is not there is a dash; no field can end where it does not."""
    told = line(seen=seen, **said)
    told.known |= known
    before, _, rest = CombinedFormatter(MASKER).request(told).partition("[")
    moment, _, after = rest.partition("]")
    assert f"{before}[TIME]{after}" == f"{written}\n"
    assert len(moment) == len("01/Jan/1970:00:00:00 +0000")


@pytest.mark.parametrize(("level", "word"), [(logging.INFO, "INFO"), (logging.WARNING, "WARNING")])
def test_a_line_about_an_answer_is_the_same_in_each_format(level: int, word: str) -> None:
    """A level, a sentence, what we know of it, then what was said; values with spaces are quoted, secrets are not there."""
    told = line(level, path="/a b", key="hunter2", token="abc", url="http://u:p@h/", plain="")
    text = TextFormatter(MASKER).request(told)
    data = f'status=200 size=7 path="/a b" key={MASK} token={MASK} url=http://{MASK}@h/ plain=""'
    assert text[len("1970-01-01 00:00:00") :] == f".250 {word:<7} Answered.  {data}\n"
    assert CombinedFormatter(MASKER).request(told) == text  # of what was no request it says as much
    assert json.loads(JsonFormatter(MASKER).request(told)) == {
        "ts": "1970-01-01T00:00:00.250Z", "level": word.lower(), "logger": "aggregator.request", "message": "Answered.",
        "status": 200, "size": 7, "path": "/a b", "key": MASK, "token": MASK, "url": f"http://{MASK}@h/", "plain": "",
    }  # fmt: skip


@pytest.mark.parametrize("length", [MOST - 1, MOST, MOST + 1])
def test_so_much_of_a_text_is_written(length: int) -> None:
    """4096 characters; of a longer one it is said how long it is. In a sentence, a field, a list and a line alike."""
    text = "x" * length
    shown = text if length <= MOST else f"{text[:MOST]}… ({length} characters)"
    record = logging.makeLogRecord({"msg": text, "levelname": "INFO", "name": "aggregator.x", "created": 0.0})
    record.fields = {"plain": text, "many": [text], "with=": f"={text[1:]}"}
    found = json.loads(JsonFormatter(MASKER).format(record))
    assert found == {
        "ts": "1970-01-01T00:00:00.000Z", "level": "info", "logger": "aggregator.x", "message": shown,
        "plain": shown, "many": [shown], "with=": f"={shown[1:]}",
    }  # fmt: skip
    told = json.loads(JsonFormatter(MASKER).request(line(path=text)))
    answers = JsonFormatter(MASKER).answers([AnswerLine(0.25, 200, 0.1, 7, "", "GET /x", text, "1", "a")])
    assert told["path"] == json.loads(answers)["path"] == shown


@pytest.mark.parametrize(
    ("name", "written"), [("aggregator.x", ""), ("aggregatorx", " logger=aggregatorx"), ("other", " logger=other")]
)
@pytest.mark.parametrize("colour", [False, True])
def test_a_line_of_others_says_whose_it_is(name: str, written: str, colour: bool) -> None:
    """Ours need not. In colour, level and time and names are set apart, and nothing else is changed."""
    record = logging.makeLogRecord({"msg": "Said.", "levelname": "ERROR", "name": name, "created": 0.0})
    plain = TextFormatter(MASKER).format(record)
    assert plain[len("1970-01-01 00:00:00.000") :] == f" ERROR   Said.{written and ' '}{written}"
    shown = TextFormatter(MASKER, colour=True).format(record)
    assert shown.startswith(f"\x1b[2m{plain[:23]}\x1b[0m \x1b[31mERROR  \x1b[0m Said.")
    for code in ("\x1b[2m", "\x1b[0m", "\x1b[31m"):
        shown = shown.replace(code, "")
    assert shown == plain


def test_an_exception_is_a_field() -> None:
    """The last one: its type and what it says, or its type alone; where stacks are shown, each frame is a text."""
    for error, said in ((ValueError("bad hunter2"), f"ValueError: bad {MASK}"), (KeyError(), "KeyError")):
        record = logging.makeLogRecord({"msg": "Failed.", "exc_info": (type(error), error, None)})
        record.fields = {"a": 1}
        assert list(JsonFormatter(MASKER).fields(record).items()) == [("a", 1), ("error", said)]
    try:
        raise ValueError("x")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "Failed.", "exc_info": (ValueError, error, error.__traceback__)})
    fields = JsonFormatter(MASKER, stacks=True).fields(record)
    assert list(fields) == ["error", "stack"]
    assert "test_an_exception_is_a_field" in fields["stack"][0]


@pytest.mark.parametrize("arguments", [(1,), ("a", "b")])
def test_a_sentence_whose_arguments_do_not_fit_is_shown_without_them(arguments: tuple[Any, ...]) -> None:
    """A fault of whoever logs is no reason to lose the line."""
    record = logging.makeLogRecord({"msg": "Said %d and hunter2", "args": arguments})
    assert TextFormatter(MASKER).message(record) == (
        f"Said 1 and {MASK}" if arguments == (1,) else f"Said %d and {MASK}"
    )  # fmt: skip
