"""Files that are not what their name says."""

import bz2
import gzip
import io
import lzma
import random
import tarfile

from hostile.case import READ, Case
from support.made_files import docx, pdf, shown, w_p, xlsx

_ARCHIVE = "archive autre que .zip"


def _tar(mode: str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo("../../note.txt")
        entry.size = 9
        archive.addfile(entry, io.BytesIO(b"un lavoir"))
    return held.getvalue()


LIES = (
    Case("programme.docx", lambda: b"MZ\x90\x00" + random.Random(1).randbytes(50_000), "format inconnu"),
    Case("elf.pdf", lambda: b"\x7fELF" + random.Random(2).randbytes(50_000), "format inconnu"),
    Case("hasard.txt", lambda: random.Random(3).randbytes(200_000), "format inconnu|binaire"),
    Case("document.txt", lambda: docx(w_p("un lavoir")), READ),
    Case("page.docx", lambda: pdf([shown(50, 50, "un lavoir a restaurer")]), READ),
    Case("photo.pdf", lambda: b"\x89PNG\r\n\x1a\n" + bytes(1000), "image"),
    Case("photo.txt", lambda: b"\xff\xd8\xff\xe0" + bytes(1000), "image"),
    Case("vide.docx", lambda: b"", "vide"),
    Case("un octet.docx", lambda: b"P", ""),
    Case("signature.docx", lambda: b"PK\x03\x04", "abîmé"),
    Case("signature.pdf", lambda: b"%PDF-", "abîmé"),
    Case("signature.doc", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "format inconnu|abîmé"),
    Case("classeur.docx", lambda: xlsx({"a": [["un lavoir", "Figeac"]]}), READ),
    Case("page.pdf", lambda: b"<!doctype html><html><body><p>un lavoir</p></body></html>", READ),
    Case("page.xls", lambda: b"<html><body><table><tr><td>un lavoir<td>Figeac</table></body></html>", READ),
    Case("texte riche.doc", lambda: b"{\\rtf1\\ansi un lavoir\\par}", READ),
    Case("texte.docx", lambda: b"un lavoir a restaurer", READ),
    Case("pdf.csv", lambda: pdf([shown(50, 50, "un lavoir a restaurer")]), READ),
    Case("note.gz", lambda: gzip.compress(b"un lavoir"), _ARCHIVE),
    Case("bombe.gz", lambda: gzip.compress(bytes(100_000_000)), _ARCHIVE),
    Case("bombe.txt", lambda: gzip.compress(bytes(100_000_000)), _ARCHIVE),
    Case("note.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(500), _ARCHIVE),
    Case("note.rar", lambda: b"Rar!\x1a\x07\x01\x00" + bytes(500), _ARCHIVE),
    Case("note.tar", lambda: _tar("w"), _ARCHIVE),
    Case("note.tar.gz", lambda: _tar("w:gz"), _ARCHIVE),
    Case("note.bz2", lambda: bz2.compress(b"un lavoir"), _ARCHIVE),
    Case("note.xz", lambda: lzma.compress(b"un lavoir"), _ARCHIVE),
    Case("son.docx", lambda: b"ID3\x04" + bytes(1000), "sonore"),
    Case("film.txt", lambda: b"\x00\x00\x00\x20ftypisom" + bytes(1000), "vidéo"),
    Case("raccourci.docx", lambda: b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(500), "format inconnu"),
    Case("winmail.dat", lambda: b"\x78\x9f\x3e\x22" + bytes(500), "winmail"),
    Case("facture\u202etxt.exe", lambda: b"MZ" + bytes(500), "format inconnu"),
)  # fmt: skip
