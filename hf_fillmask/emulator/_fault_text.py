"""The text that scripts a fault: ``503x2``, ``429:retry-after=3``, ``latency=0.2``; for ``--fault`` and `create_app`.

    FAULT   = WHAT [ "x" TIMES ] { ":" OPTION "=" VALUE }
    WHAT    = STATUS | "cut" | "stall" | "reset" | "latency=" SECONDS | "cold" [ "=" SECONDS ]
    TIMES   = a number of requests, or "*" for all of them; left out, once, but all for "latency"
    OPTION  = "model" | "retry-after" (of a STATUS; seconds) | "body" (of a STATUS; the last, it goes to the end)

Pure: a text in, a frozen value or a ValueError that tells the grammar out.
"""

import re

from ._faults import Break, Cold, Fault, Latency, Scripted, answer_of, seconds_of

__all__ = ["parsed"]

_FAULT = re.compile(
    r"(?P<what>[^=x:]+)(?:=(?P<value>[^x:]*))?(?:x(?P<times>[^:]*))?(?P<options>(?::.*)?)", re.ASCII | re.DOTALL
)
_BODY = re.compile(r"(?:^|:)body=", re.ASCII)
_GRAMMAR = (
    "a fault is a status, cut, stall, reset, latency=SECONDS, cold or cold=SECONDS; xTIMES may follow (x* for all), "
    "then :model=ID, and for a status :retry-after=SECONDS and :body=TEXT; "
    "for example 503x2, 429:retry-after=3, latency=0.2, 418:body=tea"
)


def parsed(text: str) -> Scripted:
    """Read one fault.

    Raises:
        ValueError: it is none; the message says what is wrong with it, and how faults are written.
    """
    found = _FAULT.fullmatch(text)
    try:
        if found is None:
            raise ValueError("there is no such fault")
        options = _options(found["options"][1:])
        model = options.pop("model", None)
        fault = _what(found["what"], found["value"], options)
        if options:
            raise ValueError(f"{found['what']} takes no {next(iter(options))}")
        return Scripted(fault, _times(found["times"], fault), model)
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be read: {error}; {_GRAMMAR}") from None


def _what(what: str, value: str | None, options: dict[str, str]) -> Fault | Latency | Cold:
    """Make the fault, and take out of `options` what belongs to it."""
    if what == "latency":
        return Latency(seconds_of("latency", value))
    if what == "cold":
        return Cold(None if value is None else seconds_of("cold", value))
    if value is not None:
        raise ValueError(f"{what} takes no value")
    if what.isdecimal():
        advice = options.pop("retry-after", None)
        headers = {} if advice is None else {"retry-after": f"{seconds_of('retry-after', advice):g}"}
        return answer_of(int(what), options.pop("body", None), headers)
    if what not in [each.value for each in Break]:
        raise ValueError("there is no such fault")
    return Break(what)


def _options(text: str) -> dict[str, str]:
    """Cut the options at their colons; the body, in which there may be more of them, goes to the end."""
    body = _BODY.search(text)
    options = {} if body is None else {"body": text[body.end() :]}
    for option in filter(None, (text if body is None else text[: body.start()]).split(":")):
        name, _, value = option.partition("=")
        if not value:
            raise ValueError(f"{option!r} is no OPTION=VALUE")
        options[name] = value
    return options


def _times(text: str | None, fault: Fault | Latency | Cold) -> int | None:
    if text is None:
        return None if isinstance(fault, (Latency, Cold)) else 1
    if isinstance(fault, Cold):
        raise ValueError("cold takes no number of times")
    if text == "*":
        return None
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("what follows the x is no number of times")
    return int(text)
