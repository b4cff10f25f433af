"""How long a server asks its callers to wait."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask._retry_after import number, retry_after

NOW = 1445412480.0  # Wed, 21 Oct 2015 07:28:00 GMT
LATER = "Wed, 21 Oct 2015 07:28:30 GMT"
PIECES = st.sampled_from([
    *("Mon,", "31", "Feb", "2024", "24:61:61", "GMT", "+9999", "-0000", "99999999999", "(", ")", '"', ";", ","),
    *("r=0", "t=5", ";r=", ";t=", "0" * 5000, "9" * 400, "1e400", "nan", "-1", "٣", "²", " ", "\t", "\x00", "."),
])  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": LATER}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 09:28:30 +0200"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 -0000"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api"; t=55.5; r=0'}, 55.5),
        ({"ratelimit": '"api";r=3;t=55'}, None),
        ({"ratelimit": '"api";r=0'}, None),
        ({"ratelimit": '"api";t=55'}, None),
        ({"ratelimit": '"a";r=0;t=5, "b";r=0;t=55, "c";r=1;t=500'}, 55.0),
        ({"retry-after": "9", "ratelimit": '"api";r=0;t=55'}, 9.0),
        ({"retry-after": "soon", "ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": f'"api";r={"0" * 5000};t=55'}, 55.0),
        ({"ratelimit": f'"api";r={"9" * 5000};t=55'}, None),
        ({"ratelimit": f'"api";r=0;t={"9" * 400}'}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": "Mon, 31 Feb 2024 00:00:00 GMT"}, None),
        ({"retry-after": "Fri, 01 Jan 99999 00:00:00 GMT"}, None),
        ({"retry-after": ""}, None),
    ],
    ids=[
        "nothing",
        "seconds",
        "fraction",
        "zero",
        "date",
        "date-of-a-zone",
        "date-without-a-zone",
        "past",
        "milliseconds-first",
        "milliseconds-unreadable",
        "window",
        "window-other-order",
        "window-not-used-up",
        "window-without-end",
        "window-without-rest",
        "several-windows",
        "seconds-before-window",
        "unreadable-before-window",
        "many-zeros",
        "many-nines",
        "endless-window",
        "negative",
        "infinite",
        "nan",
        "many-digits",
        "no-such-day",
        "no-such-year",
        "empty",
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """The advice is read from three headers, in their order; what cannot be read is no advice."""
    assert expected == retry_after(headers, NOW)


def test_the_clock_is_the_default() -> None:
    """Without an argument a date is measured against the clock."""
    ahead = retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"})
    assert ahead == pytest.approx(4096250880 - time.time(), abs=60)


HEADERS = st.text() | st.lists(PIECES, max_size=9).map("".join) | st.lists(PIECES, max_size=9).map(" ".join)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "ratelimit"]), HEADERS))
def test_any_header_is_a_number_or_nothing(headers: dict[str, str]) -> None:
    """Half a date, half a window, endless digits: the advice is a finite number that is not negative, or None."""
    seconds = retry_after(headers, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (0.25, 0.25),
        ("20.0", 20.0),
        (0, 0.0),
        (True, None),
        (None, None),
        ([1], None),
        ({}, None),
        ("", None),
        ("soon", None),
        (-1, None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
    ],
    ids=repr,
)
def test_number(value: object, expected: float | None) -> None:
    """A finite number that is not negative is read from JSON and from headers; nothing else is one."""
    assert expected == number(value)
