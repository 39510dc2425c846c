"""The pages and the API of a served model."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import re
import time
from typing import TYPE_CHECKING, Any

from digitnet import web
from digitnet._build_info import VERSION
from digitnet._utils.extras import extra_packages
from digitnet.models.base import BaseModel
from digitnet.serve.guard import POLICY, Guard, Limits
from digitnet.serve.hosts import Hosts
from digitnet.serve.intake import Refusal
from digitnet.serve.responses import Costs, respond
from digitnet.serve.workers import Workers

if TYPE_CHECKING:
    from fastapi import FastAPI

_FAST_SECONDS = 0.002  # what takes less is computed in the event loop
_SWAGGER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/"
_EXAMPLE = {
    "label": "7",
    "confidence": 0.99,
    "probabilities": {"1": 0.01, "7": 0.99},
}
# FastAPI's own checks do not touch the body: it is parsed once, in `intake`.
_PREDICT_DOCS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": [name],
                            "properties": {name: {"type": "array", "items": {}}},
                            "additionalProperties": False,
                        }
                        for name in ("image", "images")
                    ]
                },
                "example": {"image": [[0, 255], [255, 0]]},
            },
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def _fastapi() -> Any:
    with extra_packages("serve"):
        import fastapi
        import prometheus_client  # noqa: F401  (imported here, to say what is missing)
    return fastapi


class _Counts:
    """Requests and seconds, as Prometheus reads them; a registry of its own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = CollectorRegistry()
        self.requests = Counter(
            "digitnet_requests",
            "Requests by path and status",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "digitnet_request_seconds",
            "Seconds from a request's header to its response",
            ["path"],
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self.images = Counter(
            "digitnet_images", "Images classified", registry=self.registry
        )

    def count(
        self, paths: frozenset[str], path: str, status: int, spent: float
    ) -> None:
        # Unknown paths are one: a client cannot fill the memory with them.
        name = path if path in paths else "other"
        self.requests.labels(name, str(status)).inc()
        self.seconds.labels(name).observe(spent)


def make_app(
    model: BaseModel, limits: Limits | None = None, hosts: Hosts | None = None
) -> FastAPI:
    """The ASGI application: `/`, `/api/predict`, `/api/model`, `/api/health`, `/metrics`.

    Args:
        model: A trained model with classes.
        limits: What a request may be. Default: `Limits()`.
        hosts: `Hosts`, by which names it may be called. Default: any, for a server that
            checks them itself; `serve` gives its own.
    Raises:
        ImportError: FastAPI is not installed; names the extra.
        ValueError: a network that makes images.
    Example:
        >>> from fastapi.testclient import TestClient
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("linear", input_shape=(8, 8))
        >>> history = model.fit(train, epochs=1, progress=False)
        >>> client = TestClient(digitnet.serve.make_app(model))
        >>> image = test.images[0].tolist()
        >>> sorted(client.post("/api/predict", json={"image": image}).json())
        ['confidence', 'label', 'probabilities']
    """
    fastapi = _fastapi()
    model.require_classes("serve")
    limits = limits or Limits()
    counts = _Counts()
    app = fastapi.FastAPI(
        title=html.escape(f"digitnet: {model.name}"),
        version=VERSION,
        docs_url=None,
        redoc_url=None,
    )
    _add_pages(app, fastapi)
    _add_docs(app, fastapi)
    _add_about(app, model, limits, counts)
    _add_predict(app, fastapi, model, limits, counts)
    paths = frozenset(route.path for route in app.routes)
    app.add_middleware(
        Guard,
        limits=limits,
        counted=functools.partial(counts.count, paths),
        hosts=hosts,
    )
    return app  # type: ignore[no-any-return]


def _add_pages(app: Any, fastapi: Any) -> None:
    texts = {
        "/": (web.text("page.html"), "text/html"),
        "/style.css": (web.text("pad.css") + web.text("page.css"), "text/css"),
        "/page.js": (web.text("pad.js") + web.text("page.js"), "text/javascript"),
    }

    async def page(request: Any) -> Any:
        content, kind = texts[request.url.path]
        return fastapi.Response(content, media_type=kind)

    for path in texts:
        app.add_route(path, page, include_in_schema=False)


def _add_docs(app: Any, fastapi: Any) -> None:
    """The API's description, shown by Swagger UI, whose two files come from elsewhere."""
    from fastapi.openapi.docs import get_swagger_ui_html

    page = get_swagger_ui_html(
        openapi_url=app.openapi_url,
        title=app.title,
        swagger_js_url=_SWAGGER + "swagger-ui-bundle.js",
        swagger_css_url=_SWAGGER + "swagger-ui.css",
        swagger_favicon_url="data:,",
    ).body
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(s).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    policy = (
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
        f"script-src {_SWAGGER}swagger-ui-bundle.js {allowed}; "
        f"style-src {_SWAGGER}swagger-ui.css 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )

    async def docs(_: Any) -> Any:
        headers = {POLICY.decode(): policy}
        return fastapi.Response(page, media_type="text/html", headers=headers)

    app.add_route("/docs", docs, include_in_schema=False)


def _add_about(app: Any, model: BaseModel, limits: Limits, counts: _Counts) -> None:
    from fastapi import Response
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    started = time.monotonic()

    @app.get("/api/health")  # type: ignore[untyped-decorator]
    async def health() -> dict[str, Any]:
        """Whether the server runs."""
        return {"status": "ok", "seconds": round(time.monotonic() - started, 3)}

    @app.get("/api/model")  # type: ignore[untyped-decorator]
    async def about() -> dict[str, Any]:
        """Name, classes, shape and scale of images, limits."""
        return {
            "name": model.name,
            "classes": list(model.classes),
            "input_shape": list(model.input_shape),
            "max_value": model.max_value,
            "parameters": model.count_params(),
            "executor": model.summary().executor["name"],
            "digitnet": VERSION,
            "limits": _described_limits(limits),
        }

    @app.get("/metrics", response_class=Response)  # type: ignore[untyped-decorator]
    async def metrics() -> Any:
        """Counts and times, as Prometheus reads them."""
        return Response(
            generate_latest(counts.registry), media_type=CONTENT_TYPE_LATEST
        )


def _described_limits(limits: Limits) -> dict[str, float]:
    """By the names that clients of the API know."""
    return {
        "body_bytes": limits.max_bytes,
        "pixels": limits.max_pixels,
        "batch": limits.batch,
        "rate": limits.rate,
        "burst": limits.burst,
        "seconds": limits.seconds,
    }


def _add_predict(
    app: Any, fastapi: Any, model: BaseModel, limits: Limits, counts: _Counts
) -> None:
    from fastapi.responses import JSONResponse

    costs = Costs(model, limits)
    workers = Workers()

    async def predict(request: Any) -> Any:
        query = request.query_params
        kind = request.headers.get("content-type", "")
        body = await request.body()
        explain = query.get("explain") == "1"
        work = functools.partial(
            respond,
            model,
            body,
            kind,
            query.get("mode", query.get("way")),
            explain,
            limits,
        )
        seconds = costs.seconds(body, kind, explain)
        try:
            # Threads only where there is something to wait for: they cost more than a
            # small model's prediction.
            if seconds < _FAST_SECONDS:
                content, count = work()
            else:
                content, count = await workers.run(work, seconds)
        except Refusal as error:
            return JSONResponse({"detail": str(error)}, error.status)
        counts.images.inc(count)
        return fastapi.Response(content, media_type="application/json")

    predict.__annotations__ = {"request": fastapi.Request}
    app.router.add_api_route(
        "/api/predict",
        predict,
        methods=["POST"],
        response_model=None,
        summary="Classify one or several images",
        description="An image file's bytes, of any size, or raw pixels as JSON. "
        "`?mode=scan` finds, crops and centres a digit; `?mode=exact` takes the picture as it "
        "is; `?explain=1` adds what the model was given, and its saliency.",
        responses={
            200: {"content": {"application/json": {"example": _EXAMPLE}}},
            **{
                status: {"description": reason}
                for status, reason in (
                    (400, "no JSON, or no body"),
                    (408, "the body came too slowly"),
                    (413, "the body is too large"),
                    (422, "no picture, or numbers that the model cannot take"),
                    (429, "too many requests"),
                    (503, "too much waits already, or there is too little memory"),
                )
            },
        },
        openapi_extra=_PREDICT_DOCS,
    )
