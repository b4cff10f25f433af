"""hf_fillmask: fill masked sentences over the Hugging Face Inference API, cold starts included.

The layers, each importing only from those before it (a test holds this)::

    core   values, errors, request builder, cold-start plan, response decoder   standard library only, no I/O
    shell  transport, client, batch                                             httpx, httpcore, anyio, tenacity
    edges  sync facade, data frames, tables, command line, emulator             import the shell, never the reverse

Rule: what can be imported from here is public, and in docs/reference/api.md. All modules but `arrow`, `ray` and
`emulator` are private.
"""

from ._batch import BatchStream
from ._client import AsyncFillMaskClient
from ._errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    CreditsExhaustedError,
    CutAnswerError,
    DeadlineExceededError,
    DecodeError,
    EndpointPausedError,
    FillMaskError,
    GoneError,
    MaskNotFoundError,
    ModelLoadingError,
    ModelNotFoundError,
    MultipleMasksError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from ._frames import to_arrow, to_pandas, to_polars
from ._settings import CallOptions
from ._sync import FillMaskClient
from ._sync_stream import SyncBatchStream
from ._values import BatchItem, ColdStart, FillMaskResult, ModelInfo, Prediction
from ._version import __version__

__all__ = [
    "APIError",
    "AsyncFillMaskClient",
    "AuthenticationError",
    "BadRequestError",
    "BatchItem",
    "BatchStream",
    "CallOptions",
    "ColdStart",
    "ConnectError",
    "CreditsExhaustedError",
    "CutAnswerError",
    "DeadlineExceededError",
    "DecodeError",
    "EndpointPausedError",
    "FillMaskClient",
    "FillMaskError",
    "FillMaskResult",
    "GoneError",
    "MaskNotFoundError",
    "ModelInfo",
    "ModelLoadingError",
    "ModelNotFoundError",
    "MultipleMasksError",
    "PermissionDeniedError",
    "Prediction",
    "ProtocolError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "SyncBatchStream",
    "TransportError",
    "__version__",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
