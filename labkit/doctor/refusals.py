"""Why a WebSocket did not open, in a sentence, and what to do about it. Opens nothing itself."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from websockets.exceptions import (
    InvalidHandshake,
    InvalidHeader,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
    SecurityError,
)
from websockets.http11 import Response

NGINX = (
    "nginx needs proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and "
    'proxy_set_header Connection "upgrade"'
)
_PATH = "check the address and its path with who gave it to you"
_PROXY = "check the address of the proxy in your settings"
_NO_SERVER = "the way is open, and nothing answers behind it: start labkit serve echo there"
_DROPPED = (
    "something on the way drops the upgrade",
    f"{NGINX}; other proxies have to be told to let WebSockets pass",
)

#: What a server's HTTP status instead of 101 means, and what to do.
STATUSES = {
    200: (
        "a web page comes back: the way drops the upgrade, a sign-in page is in between, "
        "or no WebSocket server answers at this path",
        f"open the address in a browser and see what it is; {NGINX}",
    ),
    400: _DROPPED,
    401: ("it wants a password", "sign in first, or ask for an address with a token"),
    403: (
        "it does not let you in",
        "ask who runs it: your network, your Origin or a missing token",
    ),
    404: ("there is nothing at this path", _PATH),
    405: ("no WebSocket server answers at this path", _PATH),
    407: ("a proxy wants a password", "put it into the proxy's address: http://NAME:PASSWORD@HOST"),
    426: _DROPPED,
    501: ("no WebSocket server answers at this path", _PATH),
    502: ("the proxy does not reach the server", _NO_SERVER),
    503: ("the server is overloaded, or the proxy does not reach it", _NO_SERVER),
    504: ("the proxy waited for the server in vain", _NO_SERVER),
    505: ("a proxy on the way speaks HTTP/1.0 to the server, which has no upgrade", NGINX),
}


def explain(error: Exception, address: str, *, proxy: str | None = None) -> tuple[str, str]:
    """Return what went wrong when ``address`` was connected to by ``proxy``, and what to do."""
    parts = urlsplit(address)
    where = parts.netloc
    match error:
        case ConnectionRefusedError() | socket.gaierror() if proxy:
            # The proxy's address may hold a password.
            name = urlsplit(proxy).netloc.rpartition("@")[2]
            return f"your proxy {name} is not reached: {error.strerror}", _PROXY
        case InvalidProxyStatus(response=response):
            return (
                f"the proxy refuses the tunnel with HTTP {response.status_code}",
                "ask who runs the proxy to let WebSockets pass",
            )
        case ProxyError() | InvalidProxy():
            return f"the proxy fails: {error}", _PROXY
        case InvalidStatus(response=response):
            meaning, remedy = STATUSES.get(response.status_code, ("it does not upgrade", _PATH))
            return f"refused with HTTP {response.status_code}: {meaning}{_quote(response)}", remedy
        case InvalidURI(uri=target):
            return f"it sends you on to {target}, which is a web page", STATUSES[401][1]
        case SecurityError():
            return f"it sends you elsewhere: {error}", STATUSES[401][1]
        case InvalidHeader(name=name):
            return (
                f"the answer says 101 and its {name} header is missing or altered: {error}",
                "something on the way rewrites the handshake; try another network, or wss://",
            )
        case InvalidMessage():
            return _no_http(error, parts.scheme, where)
        case InvalidHandshake():
            return f"the handshake fails: {error}", _PATH
        case TimeoutError():
            return (
                f"{where} takes the connection and does not answer the upgrade",
                "a firewall swallows it, or the server hangs; try another network, or wss://",
            )
        case _:
            return _no_connection(error, parts.scheme, where)


def _no_connection(error: Exception, scheme: str, where: str) -> tuple[str, str]:
    match error:
        case ssl.SSLCertVerificationError(verify_message=message):
            return (
                f"the certificate of {where} is not one that this Python trusts: {message}",
                "a proxy that opens TLS shows such a one: ask for its CA certificate and set "
                "SSL_CERT_FILE to it; if the server made its own, ask for that",
            )
        case ssl.SSLError():
            return f"{where} does not speak TLS", "write ws:// instead of wss://, or check the port"
        case ConnectionResetError() | EOFError() if scheme == "wss":
            return (
                f"{where} breaks the connection off when TLS begins",
                "write ws:// instead of wss:// if the server has no TLS; else a firewall may do it",
            )
        case socket.gaierror():
            host = where.rpartition(":")[0] or where
            return f"no machine is known by the name {host}", "check the spelling, and the network"
        case ConnectionRefusedError():
            return f"nothing listens at {where}", "check the port; start labkit serve echo there"
        case ConnectionResetError() | EOFError():
            return f"{where} breaks the connection off", "a firewall may; try another network"
        case ImportError():
            return "your proxy is a SOCKS proxy", "pip install python-socks"
        case _:
            reason = str(error) or type(error).__name__
            return f"{where} is not reached: {reason}", "check the network, and the address"


def _no_http(error: BaseException, scheme: str, where: str) -> tuple[str, str]:
    if any(isinstance(cause, EOFError) for cause in _causes(error)):
        remedy = "a firewall may do that; try another network, or wss://"
        return f"{where} closes the connection without an answer to the upgrade", remedy
    if any("HTTP/1.0" in str(cause) for cause in _causes(error)):
        return f"a web server with HTTP/1.0 answers at {where}, which knows no WebSockets", _PATH
    remedy = "check the port" + ("; behind TLS, write wss://" if scheme == "ws" else "")
    return f"what answers at {where} is not HTTP", remedy


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _quote(response: Response) -> str:
    """Return what the server says of its refusal, if it is one line for people to read."""
    kind = response.headers.get("Content-Type", "")
    text = (response.body or b"").decode(errors="replace").strip().split("\n")[0]
    if not kind.startswith("text/plain") or not text or len(text) > 200:
        return ""
    return f" ({text})"
