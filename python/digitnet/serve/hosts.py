"""Who a request is for and from whom: names of this server, and pages of other sites.

A page of another site may make a browser send requests here. It cannot read the answers,
unless its own name leads here (DNS rebinding): then the Host header has that name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from digitnet._utils.text import shortened

Headers = Iterable[tuple[bytes, bytes]]

LOCAL = ("localhost", "127.0.0.1", "::1")
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  (compared, not listened to)
_OWN_SITES = ("same-origin", "none")


class Hosts:
    """The names by which a server may be called.

    Args:
        names: Names and addresses, without port.
        addresses: Any address too: a page's name that leads here is none.
    Example:
        >>> from digitnet.serve.hosts import Hosts
        >>> Hosts(["localhost"]).refusal([(b"host", b"evil.example:8000")])
        "expected a request to localhost, got Host 'evil.example:8000'"
    """

    def __init__(self, names: Sequence[str], *, addresses: bool = False) -> None:
        self.names = tuple(dict.fromkeys(_plain(name) for name in names))
        self.addresses = addresses

    @classmethod
    def of(cls, host: str, others: Sequence[str] = ()) -> Hosts:
        """Of a server that listens to `host` and is called by other names too."""
        wild = host in _WILDCARDS
        return cls([*LOCAL, *([] if wild else [host]), *others], addresses=wild)

    def refusal(self, headers: Headers) -> str | None:
        """Why a request with these headers is not for this server; None if it is."""
        given = [value for name, value in headers if name == b"host"]
        text = b",".join(given).decode("latin-1")
        name = host_of(text)
        allowed = name is not None and (
            name in self.names or (self.addresses and _is_address(name))
        )
        if allowed and len(given) == 1:
            return None
        return (
            f"expected a request to {' or '.join(self.names)}, got Host "
            f"'{shortened(text)}'"
        )


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that a page of another site made the request."""
    values = dict(headers)
    site = values.get(b"sec-fetch-site")
    if site is not None:
        return site.decode("latin-1").strip().lower() not in _OWN_SITES
    origin = values.get(b"origin")
    if origin is None:  # no browser
        return False
    try:
        netloc = urlsplit(origin.decode("latin-1")).netloc
    except ValueError:
        return True
    return netloc.lower() != values.get(b"host", b"").decode("latin-1").strip().lower()


def host_of(text: str) -> str | None:
    """The name or address of a Host header, without port; None if it is none."""
    try:
        parts = urlsplit(f"//{text.strip()}")
        _ = parts.port  # or it is no number
    except ValueError:
        return None
    odd = parts.path or parts.query or parts.fragment or parts.username is not None
    return None if odd or not parts.hostname else _plain(parts.hostname)


def _plain(name: str) -> str:
    name = name.strip().lower().removesuffix(".")
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
