"""A web server in this process, on the loopback interface, that does what a test tells it to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request that came: its method, path and headers, whose names are in small letters."""

    method: str
    path: str
    headers: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    """Leaves each answer to the function `server.answer`, and notes each request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_any(self) -> None:
        """Answer a request."""
        self.server.requests.append(
            Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        )
        self.server.answer(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_CONNECT = handle_any

    def take(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def send(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """Send a whole answer; `length` is the announced length of the body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


class Server(ThreadingHTTPServer):
    """The server, and the requests that have come so far; no thread of it is left when it is closed."""

    daemon_threads = False

    def __init__(self, answer: Callable[[Handler], None], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.tls = tls
        self.requests: list[Request] = []
        self._connections: list[socket.socket] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client: Any) -> None:
        """Remember the connection, over which a client may ask for more until it is closed."""
        self._connections.append(request)
        super().process_request(request, client)

    def server_close(self) -> None:
        """Close the connections that are open still, and wait for their threads."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def finish_request(self, request: Any, client: Any) -> None:
        """Speak TLS first, if the server does, in the thread of the request."""
        super().finish_request(self.tls.wrap_socket(request, server_side=True) if self.tls else request, client)

    def handle_error(self, *_: object) -> None:
        """Be silent about clients that hang up, as some tests have them do."""


@contextlib.contextmanager
def serve(answer: Callable[[Handler], None], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that runs while the block does."""
    with Server(answer, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
