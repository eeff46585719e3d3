"""The rules of access: the Host header, the origin of a page, and the token."""

import hmac
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from lfw_jax.serving.refusal import RefusedError

TOKEN = "LFW_JAX_TOKEN"
"""The environment variable of the token."""

SHORTEST_TOKEN = 16
"""The fewest characters of a token."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Return true if a host is this machine alone.

    Args:
      host: a name or an address.

    Raises:
      OSError: the name has no address.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)


def allowed_hosts(host: str, public_host: str = "") -> frozenset[str] | None:
    """Return the names under which clients may call a service, against DNS rebinding; None for all names.

    A service on all addresses has all names of its machine, which it cannot know. It has a token, which the page of another site
    cannot send.

    Args:
      host: the host that the service listens on.
      public_host: the host of a proxy in front, and its port if it is in URLs; "" for no proxy.
    """
    others = {_name(public_host)} if public_host else set[str]()
    return None if host in ("0.0.0.0", "::", "") else _LOOPBACK | {host.lower()} | others


def check_host(header: str, allowed: Collection[str] | None) -> None:
    """Check the Host header of a request.

    Args:
      header: its value.
      allowed: the allowed names; None for all.

    Raises:
      RefusedError: another name.
    """
    if allowed is not None and _name(header) not in allowed:
        raise RefusedError(400, "unknown_host", "The Host header names another host than this service listens on.")


def check_origin(origin: str | None, site: str | None, hosts: Collection[str]) -> None:
    """Refuse a request that a page of another site sends.

    Args:
      origin: the Origin header; None without one, as from programs.
      site: the Sec-Fetch-Site header; None without one.
      hosts: the Host header, and the public host if there is one, in lower case.

    Raises:
      RefusedError: the page is of another site.
    """
    try:
        foreign = origin is not None and urlsplit(origin).netloc.lower() not in hosts
    except ValueError:  # not a URL
        foreign = True
    if foreign or site == "cross-site":
        raise RefusedError(403, "cross_origin", "The request comes from a page of another site.")


def check_token(header: str | None, token: str) -> None:
    """Check the Authorization header of a request, in constant time.

    Args:
      header: its value; None without one.
      token: the token of the service.

    Raises:
      RefusedError: no token, or another one.
    """
    given = (header or "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise RefusedError(
            401,
            "unauthorised",
            "Send the token of the service: Authorization: Bearer …",
            {"WWW-Authenticate": "Bearer"},
        )


def _name(header: str) -> str:
    """Return the host of a Host header without its port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""
