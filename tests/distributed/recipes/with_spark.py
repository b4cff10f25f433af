"""Spark: `mapInArrow` hands a partition's record batches to a function, one after the other."""

from pyspark.sql import DataFrame

from hf_fillmask.arrow import FillMaskTable

OUTCOME = """
    masks array<array<struct<score: double, token: bigint, token_str: string, sequence: string>>>,
    error string, status bigint, attempts bigint
"""


def filled(df: DataFrame) -> DataFrame:
    fill = FillMaskTable("google-bert/bert-base-uncased", max_connections=4)
    columns = ", ".join(f"`{column.name}` {column.dataType.simpleString()}" for column in df.schema)
    return df.coalesce(8).mapInArrow(fill.iter_batches, f"{columns}, {OUTCOME}")
