"""JSON lines: valid and harmless in whatever encoding."""

from __future__ import annotations

import io
import json
import sys

import pytest

from hf_fillmask.cli._lines import write_line

TEXTS = {
    "plain": ("é 😀", "utf-8", '{"t": "é 😀"}'),
    "encoding": ("é 😀", "latin-1", '{"t": "\\u00e9 \\ud83d\\ude00"}'),
    "fits": ("é", "latin-1", '{"t": "é"}'),
    "surrogate": ("\udcff", "utf-8", '{"t": "\\udcff"}'),
    "c1 control": ("\x9b2J", "utf-8", '{"t": "\\u009b2J"}'),
    "separator": ("a\u2028b", "utf-8", '{"t": "a\\u2028b"}'),
    "turned": ("\u202ea", "utf-8", '{"t": "\\u202ea"}'),
}


@pytest.mark.parametrize(("text", "encoding", "line"), TEXTS.values(), ids=TEXTS)
def test_a_line(monkeypatch: pytest.MonkeyPatch, text: str, encoding: str, line: str) -> None:
    """A line is JSON as it stands, written readably where that is safe, and gives the text back."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", out)
    write_line({"t": text})
    assert written.getvalue().decode(encoding) == f"{line}\n"
    assert json.loads(written.getvalue().decode(encoding)) == {"t": text}
