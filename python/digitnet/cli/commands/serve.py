"""`digitnet serve`."""

from __future__ import annotations

import argparse

from digitnet import serve
from digitnet.models import zoo


def add(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", help="a model saved by digitnet")
    p.add_argument(
        "--host",
        default="127.0.0.1",
        help="0.0.0.0 lets other machines in (default: %(default)s)",
    )
    p.add_argument("--port", type=int, default=8000, help="0: any that is free")
    p.add_argument("--max-bytes", type=int, help="largest body of a request")
    p.add_argument("--max-pixels", type=int, help="largest picture")
    p.add_argument("--batch", type=int, help="maximum of images in a request")
    p.add_argument(
        "--rate", type=float, help="maximum of requests a second of one client"
    )
    p.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which it may be called, beside --host and this machine's own; "
        "may be given several times",
    )
    for name in ("bytes", "pixels"):  # as they were called before
        p.add_argument(
            f"--most-{name}", dest=f"max_{name}", type=int, help=argparse.SUPPRESS
        )
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    options = {
        "max_bytes": args.max_bytes,
        "max_pixels": args.max_pixels,
        "batch": args.batch,
        "rate": args.rate,
    }
    limits = serve.Limits(
        **{name: value for name, value in options.items() if value is not None}
    )
    model = zoo.load(args.model)
    serve.serve(
        model,
        host=args.host,
        port=args.port,
        limits=limits,
        allow_hosts=args.allow_host,
    )
    return 0
