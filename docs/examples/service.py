"""A web service that fills masks: one client for all requests, open while the service runs.

    uvicorn --app-dir docs/examples service:app --port 8080
    curl -G http://127.0.0.1:8080/fill --data-urlencode 'text=Paris is the capital of {mask}.'

The client is made when the service starts and not at import: each worker process has its own.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse

from hf_fillmask import (
    AsyncFillMaskClient,
    BadRequestError,
    DeadlineExceededError,
    FillMaskError,
    MaskNotFoundError,
    ModelLoadingError,
    RateLimitError,
)

PATIENCE = 15.0  # seconds that whoever calls us is willing to wait


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    """Open the client, and close it when the service ends."""
    async with AsyncFillMaskClient("google-bert/bert-base-uncased", timeout=10) as client:
        yield {"client": client}


def shared_client(request: Request) -> AsyncFillMaskClient:
    """Hand the one client to a route."""
    client: AsyncFillMaskClient = request.state.client
    return client


Client = Annotated[AsyncFillMaskClient, Depends(shared_client)]
TopK = Annotated[int, Query(ge=1, le=50)]
app = FastAPI(title="Fill the mask", lifespan=lifespan)


@app.exception_handler(FillMaskError)
async def refused(_: Request, error: FillMaskError) -> JSONResponse:
    """Answer 422 where the caller can mend it, 503 where time does, and 502 where we must."""
    match error:
        case MaskNotFoundError() | BadRequestError():
            return JSONResponse({"error": error.message}, 422)
        case ModelLoadingError() | DeadlineExceededError() | RateLimitError():
            # Giving up hands the wake-up of a cold model over to the next caller who waits.
            return JSONResponse({"error": "busy, try again"}, 503, {"retry-after": "20"})
        case _:
            return JSONResponse({"error": "the model cannot be asked"}, 502)


@app.get("/fill")
async def fill(text: str, client: Client, top_k: TopK = 3) -> dict[str, Any]:
    """Give the best words for each mask of `text`."""
    result = await client.fill_mask(text, top_k=top_k, deadline=PATIENCE)
    words = [[prediction.word for prediction in mask] for mask in result.masks]
    return {"filled": result.filled(), "words": words}


@app.post("/fill-all")
async def fill_all(texts: list[str], client: Client) -> list[str | None]:
    """Fill many texts; None stands for one that cannot be filled."""
    results = await client.fill_mask_batch(texts, return_errors=True, deadline=PATIENCE)
    return [None if isinstance(each, FillMaskError) else each.filled() for each in results]
