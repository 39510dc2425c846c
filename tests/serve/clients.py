"""Servers of their own, and connections without a library between."""

import contextlib
import socket
import subprocess
import sys
from urllib.parse import urlsplit


@contextlib.contextmanager
def server_process(stick, stderr=None, waiting=384, connections=512, **limits):
    """Address and process of a server of its own, with these limits."""
    code = (
        "import digitnet\n"
        "from digitnet.serve import Limits, run\n"
        f"run._WAITING, run._CONNECTIONS = {waiting}, {connections}\n"
        f"model = digitnet.models.load({str(stick)!r})\n"
        f"run.serve(model, port=0, limits=Limits(**{limits!r}), allow_hosts=['my.name'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as process:
        try:
            address = process.stdout.readline().split(" at ")[1].split(" ")[0]
            yield address, process
        finally:
            process.terminate()


@contextlib.contextmanager
def served(stick, stderr=None, **options):
    """The address of a server of its own."""
    with server_process(stick, stderr, **options) as (address, _):
        yield address


def raw(address):
    """A connection that sends and reads bytes."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)
