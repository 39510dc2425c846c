"""Model serving: a page to draw on and a JSON API.

`digitnet serve model.safetensors` from a shell; `make_app(model)` for a server of one's own.
"""

from digitnet.serve.app import make_app
from digitnet.serve.guard import Limits
from digitnet.serve.hosts import Hosts
from digitnet.serve.run import serve

__all__ = ["Hosts", "Limits", "make_app", "serve"]
