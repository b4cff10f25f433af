"""Hugging Face datasets: a callable for `map`, which gets and gives Arrow tables."""

from datasets import Dataset

from hf_fillmask.arrow import FillMaskTable

MODEL = "google-bert/bert-base-uncased"


def filled(ds: Dataset) -> Dataset:
    fill = FillMaskTable(MODEL, max_connections=32)
    return ds.with_format("arrow").map(fill, batched=True, batch_size=2000).with_format(None)
