"""The picture of a result in a notebook, as a real browser draws it: its bars, measured in pixels."""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
import zlib
from itertools import groupby
from pathlib import Path

import pytest

from hf_fillmask import FillMaskResult, Prediction

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--force-device-scale-factor=1", "--window-size=600,400"),
)
BAR = (255, 157, 0)
TRACK = 160  # pixels that a probability of 1 takes
SCORES = (0.75, 0.5, 0.1, 3e-11, math.nan)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

Pixel = tuple[int, ...]


def picture_of(html: str, background: str, folder: Path) -> list[list[Pixel]]:
    """Let the browser draw a page, and return its rows of pixels."""
    page, picture = folder / "page.html", folder / "page.png"
    page.write_text(f'<!doctype html><meta charset="utf-8"><body style="background:{background}">{html}')
    command = [str(BROWSER), *OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}"]
    subprocess.run([*command, page.as_uri()], capture_output=True, check=False, timeout=120)
    if not picture.exists():
        pytest.skip("the browser takes no pictures here")
    return pixels(picture.read_bytes())


def pixels(png: bytes) -> list[list[Pixel]]:
    """Unpack a PNG with 8 bits a channel that is not interlaced, which is what the browser writes."""
    width, height, _, kind = struct.unpack(">IIBB", png[16:26])
    size = {2: 3, 6: 4}[kind]
    raw = zlib.decompress(b"".join(chunks(png)))
    above, rows = bytearray(width * size), []
    for start in range(0, len(raw), width * size + 1):
        line = bytearray(raw[start + 1 : start + 1 + width * size])
        unfilter(raw[start], line, above, size)
        rows.append([tuple(line[at : at + 3]) for at in range(0, len(line), size)])
        above = line
    assert len(rows) == height
    return rows


def chunks(png: bytes) -> list[bytes]:
    """Return the chunks of a PNG that hold the pixels."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            found.append(png[at + 8 : at + 8 + length])
        at += length + 12
    return found


def unfilter(kind: int, line: bytearray, above: bytearray, size: int) -> None:
    """Undo, in place, what a PNG does to a line before it is packed."""
    for at in range(len(line)):
        left, corner = (line[at - size], above[at - size]) if at >= size else (0, 0)
        up = above[at]
        guess = (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]
        line[at] = (line[at] + guess) & 0xFF


def paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour that is nearest to what the three of them say."""
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


def bars(rows: list[list[Pixel]]) -> list[int]:
    """Return the widths of the bars, from top to bottom, in pixels."""
    widest = [max((len(list(run)) for color, run in groupby(row) if color == BAR), default=0) for row in rows]
    return [max(band) for there, band in ((there, list(band)) for there, band in groupby(widest, bool)) if there]


@pytest.mark.parametrize("background", ["#ffffff", "#111111"], ids=["white", "dark"])
def test_the_bars_are_as_wide_as_the_scores(background: str, tmp_path: Path) -> None:
    """On white and on dark, each prediction has a bar of its share of the track; what is next to nothing has none."""
    mask = tuple(Prediction(score, 1, "word", "a word") for score in SCORES)
    result = FillMaskResult((mask,), "a [MASK]", "org/model")
    rows = picture_of(result._repr_html_(), background, tmp_path)
    assert bars(rows) == pytest.approx([TRACK * score for score in SCORES[:3]], abs=1)
    tracks = {color for row in rows for color, run in groupby(row) if len(list(run)) == TRACK}
    assert len(tracks) == 1  # of the two predictions without a bar
    assert tracks.pop() != rows[-1][-1]
