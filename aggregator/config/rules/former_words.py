"""A comparison with a cause names a cause; one with a former word would silently never hold again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.causes import RENAMED
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import occurrences
from aggregator.diagnostics.finding import Elsewhere, Finding

_FORMER = re.compile(rf"(?P<quote>['\"])(?P<word>{'|'.join(map(re.escape, RENAMED))})(?P=quote)")


def check_former_words(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about former names of causes as texts in expressions that read a ``cause``."""
    for use in analysis.uses:
        reads_cause = any(reference[-1] == "cause" for reference in use.references)
        for former in _FORMER.finditer(use.text) if reads_cause else ():
            word = former["word"]
            message = f"no cause is called `{word}` any more, so this never holds"
            hint = f"write `{RENAMED[word].value}`"
            if use.via is not None:
                yield Finding("former-word", message, use.via, hint, related=(Elsewhere(use.path, "here", text=word),))
            else:
                number = occurrences(use.text, word, former.start("word"))
                yield Finding("former-word", message, use.path, hint, text=word, occurrence=number)
