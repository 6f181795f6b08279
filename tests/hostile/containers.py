"""Hostile zip containers, made on the spot: what each is and what must become of it."""

import struct

from hostile.case import READ, Case
from hostile.raw_zip import Entry, body_of, raw_zip, with_entries, word
from support.made_files import docx, odt, ole, w_p, zipped

_DAMAGED, _BOMB, _PASSWORD = "abîmé", "bombe", "mot de passe"
_GOOD = body_of(w_p("un lavoir"))
_SEALED = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry></m:manifest>'


def _overlapping(n_entries: int) -> bytes:
    """Every name of the directory points at the same ten million zeroes, as in Fifield's bombs."""
    content = bytes(10_000_000)
    first = Entry(b"0.txt", content)
    others = [Entry(f"{n}.txt".encode(), content, offset=0) for n in range(1, n_entries)]
    return raw_zip([first, *others])


def _nested(content: bytes, depth: int, name: str = "dedans.zip") -> bytes:
    for _ in range(depth):
        content = zipped({name: content})
    return content


def _names() -> bytes:
    names = [
        b"../../../tmp/dehors.txt",
        b"/etc/cron.d/x.txt",
        b"..\\..\\dehors.txt",
        b"C:\\Windows\\x.txt",
        b"a\x00b.txt",
        b"note.txt",
    ]
    return raw_zip([Entry(name, b"- un lavoir a restaurer") for name in names])


CONTAINERS = (
    Case("ratio.docx", lambda: zipped({"word/document.xml": bytes(60_000_000)}), _BOMB),
    Case(
        "ratio enorme.zip", lambda: zipped({"zeros.txt": bytes(400_000_000)}), _BOMB, is_slow=True
    ),
    Case(
        "nombre.docx",
        lambda: zipped({"word/document.xml": _GOOD} | {f"word/{n}.xml": "" for n in range(15_000)}),
        _BOMB,
    ),
    Case("nombre.zip", lambda: zipped({f"{n}.txt": "x" for n in range(15_000)}), _BOMB),
    Case("emboite.zip", lambda: _nested(b"- un lavoir", 12), "emboît"),
    Case(
        "emboite large.zip",
        lambda: zipped({f"{n}.zip": _nested(bytes(1_000_000), 1, "z.txt") for n in range(300)}),
        "binaire|format inconnu",
        is_slow=True,
    ),
    Case("recouvert.zip", lambda: _overlapping(200), _BOMB),
    Case("recouvert peu.zip", lambda: _overlapping(20), f"{_DAMAGED}|{_BOMB}|format inconnu"),
    Case(
        "taille menteuse.docx",
        lambda: word(_GOOD + " " * 50_000_000, size=200, local_size=200),
        _DAMAGED,
    ),
    Case("taille locale menteuse.docx", lambda: word(_GOOD, local_size=2**31), READ),
    Case("nom local menteur.docx", lambda: word(_GOOD, local_name=b"../../ailleurs.xml"), _DAMAGED),
    Case("somme fausse.docx", lambda: word(_GOOD, crc=1), _DAMAGED),
    Case("methode inconnue.docx", lambda: word(_GOOD, method=99), _DAMAGED),
    Case(
        "zip64 menteur.docx",
        lambda: word(_GOOD, size=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, 2**62)),
        f"{_BOMB}|{_DAMAGED}",
    ),
    Case(
        "extra abime.docx",
        lambda: word(_GOOD, extra=b"\x01\x00\xff\xff" + bytes(60_000)),
        f"{READ}|{_DAMAGED}",
    ),
    Case(
        "commentaire.docx",
        lambda: raw_zip(
            [Entry(b"word/document.xml", _GOOD.encode())], comment=b"PK\x05\x06" * 16_000
        ),
        f"{READ}|{_DAMAGED}",
    ),
    Case(
        "compte menteur.docx",
        lambda: raw_zip([Entry(b"word/document.xml", _GOOD.encode())], n_entries=60_000),
        f"{READ}|{_DAMAGED}",
    ),
    Case(
        "devant.docx",
        lambda: b"PK\x03\x04" + bytes(1000) + docx(w_p("un lavoir")),
        f"{READ}|{_DAMAGED}",
    ),
    Case("coupe.docx", lambda: docx(w_p("un lavoir") * 500)[:-200], _DAMAGED),
    Case("coupe.zip", lambda: zipped({"a.txt": "un lavoir"})[:-30], _DAMAGED),
    Case(
        "deux corps.docx",
        lambda: raw_zip(
            [Entry(b"word/document.xml", _GOOD.encode()), Entry(b"word/document.xml", b"<x")]
        ),
        f"{READ}|{_DAMAGED}",
    ),
    Case("chemins.zip", _names, "dangereux"),
    Case(
        "lien.zip",
        lambda: raw_zip([Entry(b"note.txt", b"/etc/passwd", attributes=0o120777 << 16)]),
        "raccourci",
    ),
    Case("chiffre.zip", lambda: raw_zip([Entry(b"note.txt", b"x" * 40, flags=1)]), _PASSWORD),
    Case(
        "chiffre.docx",
        lambda: ole({"EncryptedPackage": bytes(5000), "EncryptionInfo": bytes(200)}),
        _PASSWORD,
    ),
    Case(
        "chiffre.odt",
        lambda: with_entries(
            odt("<text:p>x</text:p>"), {"META-INF/manifest.xml": _SEALED, "content.xml": "\x8f\x01"}
        ),
        _PASSWORD,
    ),
    Case("vide.zip", lambda: zipped({}), "archive|abîmé|format inconnu"),
    Case(
        "exe.zip",
        lambda: zipped({"facture.pdf.exe": b"MZ" + bytes(500), "lisez-moi.txt": "un lavoir"}),
        "format inconnu",
    ),
)
