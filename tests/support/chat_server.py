"""A real HTTP server on this machine that speaks /v1/chat/completions, and misbehaves where a test's script says so."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline.grid.codes import Grid

Passage = dict[str, Any]
Answer = "str | int | tuple[int, dict[str, str]] | None"


@dataclass
class Seen:
    """A request as it came: its body, headers, and the passages in it."""

    body: dict[str, Any]
    raw: bytes
    headers: dict[str, str]
    passages: list[Passage]

    @property
    def texts(self) -> list[str]:
        return [passage["texte"] for passage in self.passages]


Behaviour = Callable[
    [Seen], Any
]  # content of the answer; a status, or one with headers; bytes to send as they are; None hangs up


@dataclass
class ChatServer:
    """`url` to write in etude.toml; `seen`: every request in order; `script`: how the next requests are answered, then `usual`."""

    usual: Behaviour
    script: list[Behaviour] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    @property
    def texts(self) -> list[str]:
        """Every passage asked, in order of arrival, again for each time."""
        return [text for request in self.seen for text in request.texts]


@contextmanager
def serving(usual: Behaviour, script: Sequence[Behaviour] = ()) -> Iterator[ChatServer]:
    server = ChatServer(usual, list(script))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            lines = body["messages"][-1]["content"].splitlines()[1:]
            request = Seen(body, raw, dict(self.headers), [json.loads(line) for line in lines])
            with lock:
                server.seen.append(request)
                behaviour = server.script.pop(0) if server.script else server.usual
            self.answer(behaviour(request) if self.path == "/v1/chat/completions" else 404)

        def answer(self, told: Any) -> None:
            if told is None:
                self.connection.close()
                return
            status, headers = (
                (told, {})
                if isinstance(told, int)
                else told
                if isinstance(told, tuple)
                else (200, {})
            )
            usage = {"prompt_tokens": 1000, "completion_tokens": 100}
            completion = {
                "choices": [
                    {"message": {"role": "assistant", "content": told}, "finish_reason": "stop"}
                ],
                "usage": usage,
            }
            content = (
                told
                if isinstance(told, bytes)
                else json.dumps(completion if status == 200 else {"error": "non"}).encode()
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # whoever hung up did so on purpose
            pass

    with Quiet(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(
            target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def coded(grid: Grid, passage: Passage) -> dict[str, Any]:
    """A right answer for a passage, always the same: a posture on the whole text, a rubrique on its first word."""
    text = passage["texte"]
    postures, rubriques = grid.axis("posture"), grid.axis("rubrique")
    tags = [{"code": rubriques[len(text) % len(rubriques)].code, "citation": text.split()[0]}]
    answer = {"numero": passage["numero"], "codes": tags}
    return answer | (
        {"posture": {"code": postures[len(text) % len(postures)].code, "citation": text}}
        if postures
        else {}
    )


def honest(grid: Grid) -> Behaviour:
    """Answers every passage rightly."""
    return lambda request: json.dumps(
        {"passages": [coded(grid, passage) for passage in request.passages]}, ensure_ascii=False
    )


def altered(grid: Grid, change: Callable[[list[dict[str, Any]]], None]) -> Behaviour:
    """Answers rightly but for what `change` does to the list of answers."""

    def answer(request: Seen) -> str:
        answers = [coded(grid, passage) for passage in request.passages]
        change(answers)
        return json.dumps({"passages": answers}, ensure_ascii=False)

    return answer
