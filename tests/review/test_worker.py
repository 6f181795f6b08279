"""A request is handed over once it is whole; slow clients stop nobody."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from pipeline.review.bounds import MAX_BODY_BYTES
from pipeline.review.server import IncomingRequest
from support.review_client import client
from support.review_server import Served, environment_of

_N_SLOW, _SOON_S = 450, 10  # more than the server takes at a time; half of what it waits for one
GET = b"GET / HTTP/1.1\r\nHost: etude\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: etude\r\ncontent-length:  4\r\n\r\n"
LONG = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)

CASES: list[tuple[str, bytes, bool]] = [
    ("nothing", b"", False),
    ("half a head", GET[:20], False),
    ("a head but its last byte", GET[:-1], False),
    ("a head", GET, True),
    ("a head that announces a body", POST, False),
    ("half a body", POST + b"ab", False),
    ("a whole body", POST + b"abcd", True),
    ("a body and the next request", POST + b"abcd" + GET, True),
    ("a body that is too long, half of it", LONG + b"a" * 1000, False),
    ("a body that is too long, all of it", LONG + b"a" * (MAX_BODY_BYTES + 1), True),
]


@pytest.mark.parametrize(
    ("received", "is_whole"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@pytest.mark.parametrize("n_bytes", [1, 7, 1_000_000])
def test_a_request_is_whole_once_its_head_and_the_body_it_announces_are_there(
    received: bytes, is_whole: bool, n_bytes: int
) -> None:
    incoming = IncomingRequest()
    for at in range(0, min(len(received), 3_000), n_bytes):
        incoming.add(received[at : min(at + n_bytes, 3_000)])
    incoming.add(received[3_000:])
    assert incoming.is_whole is is_whole
    assert not incoming.refusal
    if not received.startswith(LONG):
        assert incoming.content() == received


def test_a_body_that_is_too_long_is_not_kept_and_closes_the_connection() -> None:
    incoming = IncomingRequest(LONG + b"a" * 500_000)
    assert incoming.content() == LONG.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def test_an_endless_head_and_a_body_of_unknown_length_are_refused() -> None:
    endless = IncomingRequest(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000)
    assert endless.is_whole and endless.refusal.startswith("431")
    assert IncomingRequest(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).refusal.startswith("411")


@contextlib.contextmanager
def slow_clients(served: Served, speak: Callable[[socket.socket], None]) -> Iterator[None]:
    """Many connections, each of which `speak` drives on and on."""
    address, is_over = (
        (urlsplit(served.address).hostname, urlsplit(served.address).port),
        threading.Event(),
    )
    sockets = [socket.create_connection(address) for _ in range(_N_SLOW)]

    def drive() -> None:
        while not is_over.wait(0.2):
            for one in sockets:
                with contextlib.suppress(OSError):
                    speak(one)

    driver = threading.Thread(target=drive)
    driver.start()
    try:
        time.sleep(1)  # all of them have been accepted
        yield
    finally:
        is_over.set()
        driver.join()
        for one in sockets:
            one.close()


SLOW: dict[str, tuple[bytes, bytes]] = {
    "that say nothing": (b"", b""),
    "that send a head a byte at a time": (
        b"GET /connexion HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
        b"a",
    ),
    "that send a body a byte at a time": (
        b"POST /connexion HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n\r\n",
        b"a",
    ),
    "that never take what they ask for": (
        b"",
        b"GET /static/review/vendor/pico.min.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_stop_nobody(served: Served, kind: str) -> None:
    client(served, "alix").get("/compte")  # a first page takes long where much else works
    first, more = SLOW[kind]
    begun: set[int] = set()

    def speak(one: socket.socket) -> None:
        one.setblocking(False)
        one.send(more if id(one) in begun or not first else first)
        begun.add(id(one))

    with slow_clients(served, speak):
        answers = [
            client(served, "alix").get("/compte", timeout=_SOON_S).status_code for _ in range(3)
        ]
    assert answers == [200] * 3


_WARM = """
import django
django.setup()
from pipeline.review import desks, state
assert desks.in_use() == [""]
state.warm()
run = state.snapshot()
assert {"proposed", "n_passages_of", "by_doubt"} <= vars(run).keys()
assert state.themes() is state.themes() and desks.in_use() == [""]
state.warm()
assert state.snapshot() is run
"""


@pytest.mark.slow
def test_what_the_first_pages_show_is_read_once_before_they_are_asked_for(served: Served) -> None:
    command = [sys.executable, "-c", _WARM]
    told = subprocess.run(
        command, env=environment_of(served.study), capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.slow
def test_pages_load_nothing_that_only_a_run_needs(served: Served) -> None:
    code = (
        "import django, sys; django.setup(); from django.urls import get_resolver as of; "
        "of().url_patterns; print(*{'spacy', 'sklearn', 'scipy', 'docx', 'PIL'} & set(sys.modules))"
    )
    environment = environment_of(served.study)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
