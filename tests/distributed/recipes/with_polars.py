"""Polars: to Arrow and back, which copies next to nothing."""

import polars as pl

from hf_fillmask.arrow import FillMaskTable


def filled(df: pl.DataFrame) -> pl.DataFrame:
    fill = FillMaskTable("google-bert/bert-base-uncased")
    return pl.DataFrame(fill(df.to_arrow()))
