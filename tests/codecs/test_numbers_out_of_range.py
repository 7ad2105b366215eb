"""A number that no float holds is an error, in a short text as in a long one."""

from __future__ import annotations

import pytest

from aggregator.codecs import json
from aggregator.errors import CallError


@pytest.mark.parametrize("count", [0, 3000])
@pytest.mark.parametrize("number", [b"1e399", b"-1E+310"])
def test_a_number_out_of_range_is_an_error(count: int, number: bytes) -> None:
    """It does not become infinite, which no answer could hold; the largest that there are stay."""
    before = b"[" + b"1," * count
    with pytest.raises(CallError, match="too large to be read"):
        json.decode(before + number + b"]")
    assert json.decode(before + b"1e308]")[-1] == 1e308
