"""`hf-fillmask batch`: from a file of texts to a file of results, which a kill at any moment does not spoil.

Rule: every file on disk is whole or can be told from a whole one, at every moment.

The way of a row: `_input` reads it (`_rows`, `_tables`: how each format is read) → `_feed` hands its text to the
client's stream, once for equal texts → `_desk` takes what came of it, counts and orders → `_sink` writes its line
(`_record`). Around it: `_output` opens what is there (`_scan`, `_manifest`), `_tidy` leaves one row an input, and
`_run` ties all together.
"""

from ._command import batch

__all__ = ["batch"]
