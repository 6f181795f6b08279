"""Hostile mails and mailboxes, made on the spot: what each is and what must become of it."""

import base64

from hostile.case import READ, Case
from support.made_files import zipped

_HEAD = "From: Anne Riou <a@example.org>\nTo: b@example.org\nSubject: suite\nMIME-Version: 1.0\n"
_MAIL = "From anne@example.org Mon Jun  1 10:00:00 2026\nFrom: Anne <a@example.org>\nSubject: n\n\nun lavoir\n\n"


def _attached(name: str, content: bytes) -> str:
    packed = base64.b64encode(content).decode()
    return f'Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="{name}"\n\n{packed}'


def _multipart(parts: list[str]) -> bytes:
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f'{_HEAD}Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nvoir les notes jointes\n{body}--b--\n'.encode()


def _rfc822(depth: int) -> bytes:
    return (
        (_HEAD + "Content-Type: message/rfc822\n\n").encode() * depth
        + _HEAD.encode()
        + b"\nun lavoir\n"
    )


def _nested_multipart(depth: int) -> bytes:
    text = "Content-Type: text/plain\n\nun lavoir\n"
    for n in range(depth):
        text = f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n{text}--b{n}--\n'
    return (_HEAD + text).encode()


MAILS = (
    Case("cent mille.mbox", lambda: (_MAIL * 100_000).encode(), "messages", is_slow=True),
    Case("dix mille.mbox", lambda: (_MAIL * 10_000).encode(), "", is_slow=True),
    Case(
        "pieces.eml",
        lambda: _multipart([_attached(f"p{n}.txt", b"- un lavoir") for n in range(10_000)]),
        "",
        is_slow=True,
    ),
    Case("emboite.eml", lambda: _rfc822(1000), ""),
    Case("multipart.eml", lambda: _nested_multipart(1000), ""),
    Case(
        "bombe.eml",
        lambda: _multipart([_attached("a.docx", zipped({"word/document.xml": bytes(60_000_000)}))]),
        "bombe",
    ),
    Case(
        "bombes.eml",
        lambda: _multipart(
            [_attached(f"a{n}.zip", zipped({"a.txt": bytes(290_000)})) for n in range(60)]
        ),
        "",
    ),
    Case(
        "base64.eml",
        lambda: _multipart(
            ["Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + "A" * 20_000_000]
        ),
        "",
        is_slow=True,
    ),
    Case(
        "entetes.eml",
        lambda: (_HEAD + "".join(f"X-{n}: x\n" for n in range(100_000)) + "\nun lavoir\n").encode(),
        READ,
    ),
    Case(
        "plie.eml",
        lambda: (_HEAD + "X-Long: x" + "\n x" * 200_000 + "\n\nun lavoir\n").encode(),
        READ,
    ),
    Case(
        "destinataires.eml",
        lambda: (
            _HEAD
            + "Cc: "
            + ", ".join(f"a{n}@example.org" for n in range(50_000))
            + "\n\nun lavoir\n"
        ).encode(),
        "",
    ),
    Case(
        "adresses ouvertes.eml",
        lambda: (
            "From: "
            + "(" * 20_000
            + "\nTo: "
            + "<" * 20_000
            + "\nSubject: a\n\nun lavoir a restaurer\n"
        ).encode(),
        "",
    ),
    Case(
        "mots codes.eml",
        lambda: (
            "From: a@example.org\nTo: b@example.org\nSubject: "
            + "=?utf-8?b?w6k=?= " * 20_000
            + "\n\nun lavoir\n"
        ).encode(),
        READ,
    ),
    Case(
        "jeu nul.eml",
        lambda: (
            _HEAD.replace("suite", "=?a\x00b?q?suite?=")
            + 'Content-Type: text/plain; charset="a\x00b"\n\nun lavoir \xe9\n'
        ).encode("latin-1"),
        READ,
    ),
    Case(
        "jeu inconnu.eml",
        lambda: (
            _HEAD + 'Content-Type: text/plain; charset="\x01rot13"\n\nun lavoir \xe9\n'
        ).encode("latin-1"),
        READ,
    ),
    Case(
        "jeu rot13.eml",
        lambda: (_HEAD + "Content-Type: text/plain; charset=rot13\n\nun lavoir \xe9\n").encode(
            "latin-1"
        ),
        READ,
    ),
    Case(
        "jeu zlib.eml",
        lambda: (_HEAD + "Content-Type: text/plain; charset=zlib\n\nun lavoir \xe9\n").encode(
            "latin-1"
        ),
        READ,
    ),
    Case(
        "sans borne.eml",
        lambda: (_HEAD + "Content-Type: multipart/mixed\n\nun lavoir\n").encode(),
        "",
    ),
    Case(
        "borne vide.eml",
        lambda: (
            _HEAD + 'Content-Type: multipart/mixed; boundary=""\n\n' + "--\n\nun lavoir\n" * 20_000
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "type faux.eml",
        lambda: (
            _HEAD
            + "Content-Type: multipart/alternative\nContent-Transfer-Encoding: x-uuencode\n\nun lavoir\n"
        ).encode(),
        "",
    ),
    Case(
        "uu.eml",
        lambda: (
            _HEAD
            + "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n"
            + "#86)C\n" * 100_000
            + "end\n"
        ).encode(),
        "",
    ),
    Case(
        "noms.eml",
        lambda: _multipart(
            [
                _attached("../../../etc/passwd.txt", b"- un lavoir"),
                _attached("a\u202etxt.exe", b"- un four"),
                _attached("n" * 50_000 + ".txt", b"- un bus"),
            ]
        ),
        READ,
    ),
    Case(
        "rfc2231.eml",
        lambda: _multipart(
            [
                "Content-Type: text/plain\nContent-Disposition: attachment; "
                + "; ".join(f"filename*{n}=a" for n in range(5000))
                + "\n\n- un lavoir"
            ]
        ),
        "",
    ),
    Case(
        "html profond.eml",
        lambda: (
            _HEAD
            + "Content-Type: text/html\n\n"
            + "<div><blockquote type=cite>" * 50_000
            + "un lavoir"
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "citations.eml",
        lambda: (
            _HEAD
            + "\nun lavoir\n"
            + "Le 1 juin 2026, Anne <a@example.org> a écrit :\n> un four\n" * 20_000
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "transferts.eml",
        lambda: (
            _HEAD
            + "\nun lavoir\n"
            + "---------- Forwarded message ---------\nDe : Anne <a@example.org>\nObjet : x\n\nun four\n"
            * 5_000
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "souple.eml",
        lambda: (
            _HEAD + "Content-Type: text/plain; format=flowed\n\n" + "un lavoir \n" * 200_000
        ).encode(),
        "",
    ),
)
