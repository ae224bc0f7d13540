"""Keeps other web sites out of a dashboard, and its pages from contacting anybody else."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    # Vega's expressions are interpreted (vega-embed's option `ast`), so nothing needs 'unsafe-eval'.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Middleware that adds HEADERS to every answer and makes browsers revalidate cached copies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")  # ask each time; the answer may be 304
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server on that IP address."""
    ip = ip_address(address)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def allowed_hosts(host: str, address: str) -> list[str]:
    """The Host headers to accept.

    On a loopback address, only its own names: a site whose name resolves to 127.0.0.1 (DNS rebinding) is
    refused. On any other address, all names, because the machine's own are not known.

    Args:
        host: the name or address that was asked for.
        address: the IP address that it resolved to.
    """
    if not is_loopback(address):
        return ["*"]
    return [*LOOPBACK_NAMES, host.lower(), f"[{address}]" if ":" in address else address]
