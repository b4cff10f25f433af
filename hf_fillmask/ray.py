"""Fill-mask over a Ray Data dataset, for those who have outgrown one machine (extra ``ray``).

Rule: Ray schedules, restarts and remembers; all that is ours is the table callable and the sharing out of the limits.
"""

from __future__ import annotations

from typing import Any

from ._checks import count
from ._extras import needed
from .arrow import FillMaskTable

__all__ = ["fill_mask_dataset"]

_CPUS = 0.25  # of a worker: it waits for answers most of the time, and should not keep others from a core


def fill_mask_dataset(
    ds: Any,
    model: str,
    *,
    column: str,
    workers: int,
    max_connections: int,
    requests_per_second: float | None = None,
    rows_per_block: int = 2000,
    checkpoint: Any = None,
    **options: Any,
) -> Any:
    """Return a dataset with the columns of `FillMaskTable` beside those of `ds`, same rows, same order; it is lazy.

    Args:
        ds: A `ray.data.Dataset`; neither it nor Ray's current context is changed.
        model: Hub id or the full URL of an endpoint.
        column: The column of texts.
        workers: How many processes fill; a fixed pool of actors.
        max_connections: Requests in flight of the whole job; each worker gets its share, rounded down, at least one.
        requests_per_second: Cap on the requests that the whole job begins; each worker gets its share.
        rows_per_block: Most rows a block: what a worker that was killed repeats, and what a checkpoint saves at a time.
        checkpoint: Ray's own `ray.data.checkpoint.CheckpointConfig`, or a dict of its arguments. Ray remembers the rows
            of a job that begins with reading files and ends with writing files, and leaves them out the next time.
        options: The other options of `FillMaskTable`.

    A `token=` is a TypeError: set HF_TOKEN where the workers run. Fewer connections than workers are a ValueError, and
    a missing Ray is an ImportError. A worker raises what would fail every row, and the job ends with it.
    """
    data = needed("ray.data", extra="ray")
    if count("max_connections", max_connections) < count("workers", workers):
        raise ValueError(f"max_connections={max_connections} is not enough for {workers} workers: each needs one")
    rate = None if requests_per_second is None else requests_per_second / workers
    share: dict[str, Any] = {"max_connections": max_connections // workers, "requests_per_second": rate}
    table = FillMaskTable(model, column, **share, **options)
    blocks = _own(data, ds, checkpoint).repartition(target_num_rows_per_block=count("rows_per_block", rows_per_block))
    return blocks.map_batches(
        FillMaskTable,
        fn_constructor_kwargs=table.configuration(),
        compute=data.ActorPoolStrategy(size=workers),
        num_cpus=_CPUS,
        batch_size=None,
        batch_format="pyarrow",
    )


def _own(data: Any, ds: Any, checkpoint: Any) -> Any:
    """Copy a dataset together with its context, which all that is made of it would share, and set ours."""
    own = data.Dataset.copy(ds, _deep_copy=True)
    own.context.execution_options.preserve_order = True
    if checkpoint is not None:
        own.context.checkpoint_config = checkpoint
    return own
