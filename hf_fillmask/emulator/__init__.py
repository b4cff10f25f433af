"""A local server that speaks the fill-mask API, cold starts and errors and all, without network, weights or account.

`create_app` makes the ASGI application; mount it in process through `httpx.ASGITransport`, or on a real socket:

    with serving(create_app(load_seconds=0.5)) as base_url:
        ...

What it says was learnt by counting words in a few thousand sentences, or in a corpus of yours.
"""

from ._app import create_app
from ._serving import run, serving

__all__ = ["create_app", "run", "serving"]
