"""The server's worker: a request goes to a thread once it has come whole, so that slow clients hold a socket and never a thread.

gunicorn's threaded worker reads a request in the thread that answers it: as many clients as there are threads, each sending a
byte now and then, stop everybody. Here the loop that accepts connections also gathers them, for 20 seconds at most.
"""

import contextlib
import re
import selectors
import socket
import struct
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from pipeline.review.bounds import MAX_BODY_BYTES

_WAIT_S = 20  # for a whole request, and for a client to take what it asked for
_MAX_HEAD_BYTES, _READ_BYTES = 64 * 1024, 64 * 1024
_SEND_BUFFER_BYTES = 1024 * 1024  # the system's, which then holds a whole page
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_IN_PARTS = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REFUSED = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Arriving:
    """A request of which some bytes have come.

    A body over `MAX_BODY_BYTES` is not kept: only its head is handed over, which the application refuses by its length.
    """

    def __init__(self, received: bytes = b"") -> None:
        self._bytes = bytearray()
        self._head_size = 0  # with the blank line; 0 while it has not come whole
        self._body_size = 0
        self._n_dropped = 0
        self.refusal = ""  # an HTTP status, for what is not even read
        self.take(received)

    def take(self, received: bytes) -> None:
        """Take in what has just come."""
        self._bytes += received
        if not self._head_size:
            self._read_head()
        if self._is_too_long and self._head_size:
            self._n_dropped += len(self._bytes) - self._head_size
            del self._bytes[self._head_size :]

    @property
    def is_whole(self) -> bool:
        """Whether nothing more is to be waited for."""
        n_body = len(self._bytes) - self._head_size + self._n_dropped
        return bool(self.refusal) or (self._head_size > 0 and n_body >= self._body_size)

    def handed_over(self) -> bytes:
        """Return what the application reads: the bytes as they came, or a head alone, after which the connection closes."""
        if not self._is_too_long:
            return bytes(self._bytes)
        first_line, _, rest = bytes(self._bytes).partition(b"\r\n")
        return first_line + b"\r\nConnection: close\r\n" + rest

    @property
    def _is_too_long(self) -> bool:
        return self._body_size > MAX_BODY_BYTES

    def _read_head(self) -> None:
        end = self._bytes.find(_HEAD_END)
        if (end if end >= 0 else len(self._bytes)) > _MAX_HEAD_BYTES:
            self.refusal = "431 Request Header Fields Too Large"
        elif end >= 0:
            self._head_size = end + len(_HEAD_END)
            head = bytes(self._bytes[: self._head_size])
            length = _LENGTH.search(head)
            self._body_size = int(length[1]) if length else 0
            self.refusal = "411 Length Required" if _IN_PARTS.search(head) else ""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, whose threads only see requests that have come whole."""

    def enqueue_req(self, conn: Any) -> None:
        """Wait for the whole request of a connection that was accepted, or that speaks again, then hand it over."""
        conn.arriving = Arriving(conn.parser.unreader.take_buffered() if conn.parser else b"")
        if conn.arriving.is_whole:
            self._hand_over(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + _WAIT_S
        self.pending_conns.append(conn)  # closed when its time is over, by murder_pending
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Any, client: socket.socket) -> None:
        try:
            received = client.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        conn.arriving.take(received)
        if received and not conn.arriving.is_whole:
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        if received:
            self._hand_over(conn)
        else:
            self._close(conn)

    def _hand_over(self, conn: Any) -> None:
        if conn.arriving.refusal:
            self._close(conn, _REFUSED.format(conn.arriving.refusal).encode())
            return
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _WAIT_S, 0))
        conn.init()
        conn.parser.unreader.unread(conn.arriving.handed_over())
        conn.data_ready = True
        super().enqueue_req(conn)

    def _close(self, conn: Any, last_words: bytes = b"") -> None:
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            conn.sock.send(last_words)
        conn.close()
