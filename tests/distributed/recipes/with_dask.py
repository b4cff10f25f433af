"""Dask: a function for `map_partitions`, from pandas to Arrow and back."""

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
from dask.dataframe.utils import make_meta

from hf_fillmask.arrow import FillMaskTable

fill = FillMaskTable("google-bert/bert-base-uncased", max_connections=8)


def filled_part(part: pd.DataFrame) -> pd.DataFrame:
    return fill(pa.Table.from_pandas(part)).to_pandas(types_mapper=pd.ArrowDtype)


def filled(ddf: dd.DataFrame) -> dd.DataFrame:
    return ddf.map_partitions(filled_part, meta=filled_part(make_meta(ddf)))
