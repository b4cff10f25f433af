"""Daft: a class whose batch method fills a column, in batches of 2,000 rows."""

import daft
import pyarrow as pa

from hf_fillmask.arrow import FillMaskTable

MODEL = "google-bert/bert-base-uncased"
OUTCOME = pa.struct(list(FillMaskTable(MODEL).schema(pa.schema([]))))


@daft.cls(max_concurrency=2)
class Filler:
    def __init__(self) -> None:
        self.fill = FillMaskTable(MODEL, max_connections=16)  # of each of the two

    @daft.method.batch(return_dtype=daft.DataType.from_arrow_type(OUTCOME), unnest=True, batch_size=2000)
    def outcome(self, text: daft.Series) -> pa.Array:
        batch = pa.RecordBatch.from_pydict({"text": text.to_arrow()})
        return self.fill(batch).select(OUTCOME.names).to_struct_array()


def filled(df: daft.DataFrame) -> daft.DataFrame:
    return df.select("*", Filler().outcome(df["text"]))
