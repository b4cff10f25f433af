"""A local server that speaks the fill-mask API, cold starts and errors and all, without network, weights or account.

`create_app` makes the ASGI application; mount it in process through `httpx.ASGITransport`, or on a real socket:

    with serving(create_app(load_seconds=0.5)) as base_url:
        ...

`FillMaskEmulator` is both of them in one object, to script and to look into: for tests of applications, as the pytest
fixture ``fill_mask_emulator``.

What it says was learnt by counting words in a few thousand sentences, or in a corpus of yours.
"""

from ._app import create_app
from ._kit import FillMaskEmulator
from ._received import Received
from ._serving import run, serving

__all__ = ["FillMaskEmulator", "Received", "create_app", "run", "serving"]
