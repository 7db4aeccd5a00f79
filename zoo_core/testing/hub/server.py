"""The server: threads, connections, what was asked, and the switches for tests."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import parse_qs

from zoo_core.errors import SettingError, shown
from zoo_core.testing.hub.access import Access
from zoo_core.testing.hub.blobs import CHUNK
from zoo_core.testing.hub.exchange import FilePart, Reply, Request, refusal_reply
from zoo_core.testing.hub.faults import ArmedFault, Cut, Fault, Faults, spoiled
from zoo_core.testing.hub.refusals import Refusal
from zoo_core.testing.hub.routes import Routes
from zoo_core.testing.hub.store import Store
from zoo_core.testing.hub.transport import BodyStream

LOOPBACK = ("127.0.0.1", "localhost")


@dataclass
class RequestRecord:
    """A request that came. ``status`` is 0 while, and if, it has no answer; bytes are those of the two bodies.

    ``host`` is the server's name as the client wrote it; ``path`` has no query, so that no signature is in it.
    """

    method: str
    host: str
    path: str
    has_authorization: bool
    status: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class HubServer:
    """A Hub that runs between ``with`` and its end, or between :meth:`start` and :meth:`close`.

    Arguments:
        folder: where repositories are kept; made if absent, and found again by the next server.
        port: 0 for any that is free.
        tokens: token -> user name; None: any token is good, and public repositories may be written without one.
        redirect: LFS files are fetched from a second host name, as from the Hub's storage; loopback only.
        host: the address to listen at.

    Raises:
        SettingError: the folder cannot be written, the address cannot be had, or ``redirect`` is off loopback.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        tokens: Mapping[str, str] | None = None,
        redirect: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        if redirect and host not in LOOPBACK:
            raise SettingError(f"redirecting works between {' and '.join(LOOPBACK)}, not at {shown(host)}")
        try:
            self._store = Store(Path(folder))
        except OSError as error:
            reason = shown(error.strerror or error)
            raise SettingError(f"{shown(folder)} cannot be written: {reason}", hint="choose another folder") from None
        self.loopback = host in LOOPBACK
        self.access = Access(tokens)
        self.faults = Faults()
        self._records: list[RequestRecord] = []
        self.routes = Routes(self._store, self.access, self._second_host if redirect else None)
        try:
            self._http = _Listener((host, port), self)
        except (OSError, OverflowError) as error:
            raise SettingError(
                f"{shown(host)}:{port} cannot be had: {shown(getattr(error, 'strerror', None) or error)}",
                hint="choose another --port or --host",
            ) from None
        name = socket.gethostname() if host in ("", "0.0.0.0") else host
        self.endpoint = f"http://{name}:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="hub", daemon=True)

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests so far, in the order in which they came."""
        return list(self._records)

    def clear(self) -> None:
        """Forget requests, and take faults back."""
        self._records.clear()
        self.faults.clear()

    def fault(self, fault: Fault) -> ArmedFault:
        """Set ``fault``: until it is removed, or, in a ``with``, until the block ends."""
        return self.faults.arm(fault)

    def set_gated(self, repo: str, users: Iterable[str] = ()) -> None:
        """Let only ``users``, and the user whose namespace it is in, download files of ``repo``."""
        self._store.change(repo, gated=True, gated_users=list(users))

    def set_private(self, repo: str, private: bool = True) -> None:
        """Hide ``repo`` from all but those who may write it."""
        self._store.change(repo, private=private)

    def record(self, record: RequestRecord) -> None:
        """Remember a request."""
        self._records.append(record)

    def start(self) -> HubServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop: open connections are closed, and the port is free again."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def _second_host(self, request: Request) -> str:
        name = LOOPBACK[request.headers.get("host", "").startswith(LOOPBACK[0])]
        return f"http://{name}:{self._http.server_address[1]}"

    def __enter__(self) -> HubServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], hub: HubServer) -> None:
        self.hub = hub
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        # Kept-alive connections would otherwise be answered after the end, by their threads.
        self.stopping.set()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:  # type: ignore[override]
        error = sys.exception()
        if not isinstance(error, (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "zoo-hub"
    sys_version = ""
    disable_nagle_algorithm = True  # headers and body go out at once
    rbufsize = CHUNK
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: ``requests`` has it, and addresses may carry signatures."""

    def _serve(self) -> None:
        path = self.path.partition("?")[0]
        record = RequestRecord(self.command, self.headers.get("Host", ""), path, "Authorization" in self.headers)
        hub = self.server.hub
        hub.record(record)
        fault = hub.faults.hitting(f"{self.command} {path}")
        try:
            self._exchange(record, fault)
        except (Cut, ConnectionError):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _exchange(self, record: RequestRecord, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "refuse":
            raise Cut
        length = self._body_length()
        cut = fault.after_bytes if fault and kind == "cut" else None
        wrong = fault.after_bytes if fault and kind == "wrong-bytes" else None
        has_body = length != 0
        if wrong is not None and has_body and length is not None:
            wrong = min(wrong, length - 1)

        def received(count: int) -> None:
            record.bytes_received += count

        stream = BodyStream(self.rfile, length, received, cut if has_body else None, wrong if has_body else None)
        body = io.BufferedReader(stream, CHUNK)
        if fault and kind == "status":
            reply = refusal_reply(Refusal(fault.status, "a fault on purpose", headers=fault.headers))
        else:
            reply = self._answer(record, body)
        while not stream.ended and body.read(CHUNK):
            pass  # what nobody has read of the body stands before the next request
        if fault and kind == "slow":
            self.server.stopping.wait(fault.seconds)
        if cut is not None and (has_body or self.command == "HEAD" or not reply.length):
            raise Cut
        self._send(reply, record, *((None, None) if has_body else (cut, wrong)))

    def _body_length(self) -> int | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return None
        given = self.headers.get("Content-Length", "0")
        if not given.isascii() or not given.isdigit():
            self.close_connection = True
            return 0
        return int(given)

    def _answer(self, record: RequestRecord, body: BinaryIO) -> Reply:
        hub = self.server.hub
        query = parse_qs(self.path.partition("?")[2])
        try:
            self._refuse_browsers(record)
            headers = {name.lower(): value for name, value in self.headers.items()}
            base = f"http://{record.host}" if record.host else hub.endpoint
            user = hub.access.user(self.headers.get("Authorization"))
            return hub.routes.answer(Request(self.command, record.path, query, headers, body, base, user))
        except Refusal as refusal:
            return refusal_reply(refusal)
        except (ConnectionError, Cut):
            raise
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return refusal_reply(Refusal(507 if full else 500, f"the server's disk: {error.strerror}"))

    def _refuse_browsers(self, record: RequestRecord) -> None:
        """A page that somebody looks at must not write to the Hub on their machine, under whatever name it reaches it."""
        name = record.host.rpartition(":")[0] or record.host
        if self.headers.get("Origin") is not None or (self.server.hub.loopback and name not in LOOPBACK):
            raise Refusal(403, "this server answers the Hub's client only, by the name it was started under")

    def _send(self, reply: Reply, record: RequestRecord, cut: int | None, wrong: int | None) -> None:
        record.status = reply.status
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(reply.length)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        stop = reply.length if cut is None else min(cut, reply.length)
        if wrong is not None:
            wrong = min(wrong, reply.length - 1)
        place = 0
        with _opened(reply) as read:
            while place < stop and (chunk := read(min(CHUNK, stop - place))):
                # Counted first: who has the last byte may look at the record.
                record.bytes_sent += len(chunk)
                self.wfile.write(spoiled(chunk, place, wrong))
                place += len(chunk)
        if stop < reply.length:
            raise Cut


@contextlib.contextmanager
def _opened(reply: Reply) -> Iterator[Callable[[int], bytes]]:
    if isinstance(reply.body, FilePart):
        with reply.body.path.open("rb") as file:
            file.seek(reply.body.start)
            yield file.read
    else:
        yield io.BytesIO(reply.body).read
