"""A mail server and a web server of the tests' own, on this machine: they keep what they are given."""

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks enough SMTP for smtplib: EHLO, STARTTLS and AUTH PLAIN where given, MAIL, RCPT, DATA, QUIT."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, *, certificate: Path | None = None, password: str | None = None, refuses: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.certificate, self.password, self.refuses = certificate, password, refuses
        self.mails: list[tuple[list[str], bytes, bool]] = []  # to whom, what, whether encrypted

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.BaseRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.is_encrypted = False
        self._open(self.request)
        self._say("220 essai ESMTP")
        to: list[str] = []
        while line := self.lines.readline():
            words = line.decode().strip()
            verb = words.upper().split(" ", 1)[0]
            if verb == "EHLO":
                offers = ["AUTH PLAIN"] if self.server.password else []
                offers += ["STARTTLS"] if self.server.certificate and not self.is_encrypted else []
                for offer in ["essai", *offers]:
                    self._say(f"250-{offer}")
                self._say("250 OK")
            elif verb == "STARTTLS" and self.server.certificate:
                self._say("220 go")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.server.certificate)
                try:
                    self._open(context.wrap_socket(self.socket, server_side=True))
                except ssl.SSLError:
                    return
                self.is_encrypted = True
            elif verb == "AUTH":
                given = base64.b64decode(words.split()[-1]).decode().split("\0")[-1]
                self._say("235 ok" if given == self.server.password else "535 no")
            elif verb == "RCPT":
                to.append(words.partition(":")[2].strip("<> "))
                self._say("550 inconnu" if self.server.refuses else "250 ok")
            elif verb == "DATA":
                self._say("354 go")
                self.server.mails.append(
                    (to, b"".join(iter(self.lines.readline, b".\r\n")), self.is_encrypted)
                )
                to = []  # the next mail has its own
                self._say("250 ok")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _open(self, socket: Any) -> None:
        self.socket, self.lines = socket, socket.makefile("rb")

    def _say(self, line: str) -> None:
        self.socket.sendall(f"{line}\r\n".encode())


class Hook(http.server.ThreadingHTTPServer):
    """Keeps the JSON documents that are posted to it."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.status = status
        self.documents: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/prevenir"


class _Posted(http.server.BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.documents.append(
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        )
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def running(server: Any) -> Iterator[Any]:
    """Serve in a thread."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path) -> Path:
    """Write a certificate for 127.0.0.1 that signs itself, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "essai")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
