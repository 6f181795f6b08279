"""Serve one study, or those of a folder, with gunicorn.

Threads take only complete requests: a slow client holds a socket, never a thread.
"""

import contextlib
import ctypes
import gc
import logging
import os
import re
import secrets
import selectors
import socket
import struct
import threading
import time
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from flows.copies import keep_copy
from pipeline.errors import AteliersError, StudyError, reason_of
from pipeline.review.bounds import MAX_BODY_BYTES, MAX_PIECE_BYTES, is_piece
from pipeline.study import Study

HOST = "127.0.0.1"
_N_THREADS, _N_CONNECTIONS = 8, 400
_N_WAITING = 300  # connections whose request is not complete; one more closes the oldest
_TIMEOUT_S = 60
_GOODBYE_S = 3  # for pages that follow a run, when the server stops
_COUNT_S = 60.0  # between counts of decisions
_WARM_S = 5  # between two looks for a new run
_M_ARENA_MAX = -8  # of malloc.h
_LOG = logging.getLogger(__name__)


def serve(
    root: Path,
    *,
    is_folder: bool,
    port: int,
    opens_browser: bool,
    on_address: Callable[[str, bool], None],
) -> None:
    """Serve the study in `root`, or the studies of that folder, on `port` until interrupted.

    `on_address` receives the address and whether it is a first access. One process with threads
    holds the tables once. Raises `StudyError` for a taken port or a folder that is no study.
    """
    root = root.resolve()
    if not is_folder:
        Study.open(root).check_decisions()  # fails in one line if the database is silent
    _check_port(port)
    is_first = prepare(root, is_folder=is_folder)
    address = f"{_origin(port)}/"
    if is_first:
        from django.conf import settings

        settings.FIRST_ACCESS_TOKEN = secrets.token_urlsafe(24)
        address += f"premier-acces?jeton={settings.FIRST_ACCESS_TOKEN}"
    on_address(address, is_first)
    _serve(port, on_ready=(lambda: webbrowser.open(address)) if opens_browser else None)


def invite(root: Path, name: str, *, is_folder: bool, port: int) -> tuple[str, bool]:
    """Return a new invitation's address, and whether `name` becomes an administrator.

    Whoever runs commands on the folder can recover an administrator. Raises `UsageError` for a name
    without account, or a closed one.
    """
    prepare(root.resolve(), is_folder=is_folder)
    from pipeline.review.roles import invite_again

    path, is_made = invite_again(name)
    return _origin(port) + path, is_made


def _origin(port: int) -> str:
    from pipeline.review.roles import public_origin

    return public_origin() or f"http://{HOST}:{port}"


def prepare(root: Path, *, is_folder: bool = False) -> bool:
    """Set Django up and return whether nobody has an account yet.

    Raises `StudyError` if the tables of accounts cannot be made or updated.
    """
    os.environ["ATELIERS_STUDIES" if is_folder else "ATELIERS_STUDY"] = str(root)
    os.environ.pop("ATELIERS_STUDY" if is_folder else "ATELIERS_STUDIES", None)
    # This pool returns memory to the system after reading tables.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ["DJANGO_SETTINGS_MODULE"] = "pipeline.review.settings"
    import django
    from django.core.management import call_command
    from django.db import DatabaseError

    django.setup()
    previous = os.umask(0o077)
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise StudyError(
            f"la base des comptes refuse ses tables ({str(error).strip().splitlines()[0]})",
            "une base où l'utilisateur peut créer des tables",
            "vérifier ses droits, puis recommencer",
        ) from error
    finally:
        os.umask(previous)
    from django.contrib.auth import get_user_model
    from django.db import connections

    is_first = not get_user_model().objects.exists()
    connections.close_all()
    return is_first


def _begin(_worker: ThreadWorker) -> None:
    _share_one_arena()
    for name, work in (("count", _count_decisions), ("warm", _keep_warm)):
        threading.Thread(target=work, daemon=True, name=name).start()


def _share_one_arena() -> None:
    """Let threads share glibc's heap: one each keeps a third more memory from the system."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 1)


def _give_memory_back() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _count_decisions() -> None:
    """Record every minute how many decisions each study has, to reveal losses, and copy them."""
    from pipeline.review.desks import studies

    while True:
        for _name, root in studies():
            try:
                study = Study.open(root)
                if study.note_decisions():
                    keep_copy(study)
            except AteliersError as error:  # silent database or folder: try next minute
                _LOG.warning(str(error))
        time.sleep(_COUNT_S)


def _keep_warm() -> None:
    """Read what the first pages show before anyone asks: at the start, then after each run."""
    from django.urls import get_resolver

    from pipeline.review import desks, state

    _ = get_resolver().url_patterns  # the views' modules
    while True:
        for name in desks.in_use():
            desks.enter(name)
            try:
                state.warm()
            except (AteliersError, OSError):  # the page that needs it says so
                continue
        _give_memory_back()
        time.sleep(_WARM_S)


def _check_port(port: int) -> None:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else "il ne peut exister"
            raise StudyError(
                f"le port {port} : {reason}",
                "un port libre",
                f"en choisir un autre avec --port, par exemple --port {port + 1}",
            ) from error


def _serve(port: int, *, on_ready: Callable[[], object] | None) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": f"{HOST}:{port}",
                "workers": 1,
                "worker_class": BufferingWorker,
                "worker_connections": _N_CONNECTIONS,
                "threads": _N_THREADS,
                "timeout": _TIMEOUT_S,
                "graceful_timeout": _GOODBYE_S,
                "accesslog": None,  # addresses quote searches
                "loglevel": "error",
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)
            self.cfg.set("pre_fork", lambda _server, _worker: gc.freeze())
            self.cfg.set("post_worker_init", _begin)
            if on_ready is not None:
                self.cfg.set("when_ready", lambda _server: on_ready())

        def load(self) -> Any:
            from django.core.wsgi import get_wsgi_application

            from pipeline.review.mount import StudiesHandler

            return StudiesHandler(get_wsgi_application())

    Application().run()


_WAIT_S = 20  # to receive a request, and to send an answer
_MAX_HEAD_BYTES, _READ_BYTES = 64 * 1024, 64 * 1024
_N_PIECES = 32  # of files, held at a time: 32 MiB
_SEND_BUFFER_BYTES = 1024 * 1024  # so that the system buffers a whole page
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_IN_PARTS = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REFUSED = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class IncomingRequest:
    """A request, complete or not.

    A body over `MAX_BODY_BYTES`, or `MAX_PIECE_BYTES` for a piece of a file, is dropped: the
    application refuses its length.
    """

    def __init__(self, received: bytes = b"") -> None:
        self._bytes = bytearray()
        self._head_size = 0  # with the blank line; 0 until complete
        self._body_size = 0
        self._n_dropped = 0
        self.is_piece = False
        self.refusal = ""  # HTTP status of a request refused unread
        self.add(received)

    def add(self, received: bytes) -> None:
        """Add the bytes just received."""
        self._bytes += received
        if not self._head_size:
            self._read_head()
        if self._is_too_long and self._head_size:
            self._n_dropped += len(self._bytes) - self._head_size
            del self._bytes[self._head_size :]

    @property
    def is_whole(self) -> bool:
        """Whether it is complete, or refused."""
        n_body = len(self._bytes) - self._head_size + self._n_dropped
        return bool(self.refusal) or (self._head_size > 0 and n_body >= self._body_size)

    def content(self) -> bytes:
        """Return the bytes, or a head alone, after which the connection closes."""
        if not self._is_too_long:
            return bytes(self._bytes)
        first_line, _, rest = bytes(self._bytes).partition(b"\r\n")
        return first_line + b"\r\nConnection: close\r\n" + rest

    @property
    def _is_too_long(self) -> bool:
        return self._body_size > (MAX_PIECE_BYTES if self.is_piece else MAX_BODY_BYTES)

    def _read_head(self) -> None:
        end = self._bytes.find(_HEAD_END)
        if (end if end >= 0 else len(self._bytes)) > _MAX_HEAD_BYTES:
            self.refusal = "431 Request Header Fields Too Large"
        elif end >= 0:
            self._head_size = end + len(_HEAD_END)
            head = bytes(self._bytes[: self._head_size])
            self.is_piece = is_piece(head)
            length = _LENGTH.search(head)
            self._body_size = int(length[1]) if length else 0
            self.refusal = "411 Length Required" if _IN_PARTS.search(head) else ""


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, for complete requests only."""

    def enqueue_req(self, conn: Any) -> None:
        """Give a thread the connection once its request is complete."""
        conn.incoming = IncomingRequest(
            conn.parser.unreader.take_buffered() if conn.parser else b""
        )
        if conn.incoming.is_whole:
            self._pass_on(conn)
            return
        if len(self.pending_conns) >= _N_WAITING:
            self._drop(self.pending_conns[0])
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + _WAIT_S
        self.pending_conns.append(conn)  # murder_pending closes it on timeout
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Any, client: socket.socket) -> None:
        if conn not in self.pending_conns:  # dropped since the poller saw it
            return
        try:
            received = client.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        conn.incoming.add(received)
        if conn.incoming.is_piece and self._n_pieces() > _N_PIECES:
            conn.incoming.refusal = "503 Service Unavailable"
        if received and not conn.incoming.is_whole:
            return
        if received:
            self._forget(conn)
            self._pass_on(conn)
        else:
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self._forget(conn)
        self._close(conn)

    def _forget(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _n_pieces(self) -> int:
        waiting = [conn for conn in self.pending_conns if hasattr(conn, "incoming")]
        return sum(conn.incoming.is_piece for conn in waiting)

    def _pass_on(self, conn: Any) -> None:
        if conn.incoming.refusal:
            self._close(conn, _REFUSED.format(conn.incoming.refusal).encode())
            return
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _WAIT_S, 0))
        conn.init()
        conn.parser.unreader.unread(conn.incoming.content())
        conn.data_ready = True
        super().enqueue_req(conn)

    def _close(self, conn: Any, answer: bytes = b"") -> None:
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            conn.sock.send(answer)
        conn.close()
