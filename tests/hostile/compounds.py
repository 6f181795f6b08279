"""Hostile OLE compound files (.doc, .xls, .msg), made on the spot: what each is and what must become of it."""

import struct
from collections.abc import Callable, Iterator

from hostile.case import READ, Case
from support.made_files import compound, doc, msg, msg_properties, ole, xls

_SUBJECT, _BODY, _RTF, _METHOD = 0x0037, 0x1000, 0x1009, 0x3705
_ANY = f"{READ}|abîmé|interrompue|sans texte|format inconnu|mémoire|mot de passe"
_NOTE = "Le lavoir de Figeac est à restaurer."


def _word() -> bytes:
    return doc([_NOTE] * 50)


def _excel() -> bytes:
    return xls([["idée", "commune"], *[[_NOTE, "Figeac"]] * 40])


def _outlook() -> bytes:
    return msg({_SUBJECT: "suite", _BODY: _NOTE * 300})


_WHOLE: dict[str, Callable[[], bytes]] = {"doc": _word, "xls": _excel, "msg": _outlook}


def _set(content: bytes, place: int, kind: str, value: int) -> bytes:
    """The file with a number written over what stands at `place`."""
    held = bytearray(content)
    struct.pack_into(kind, held, place, value)
    return bytes(held)


def _sector(content: bytes, place: int) -> int:
    """Where the sector begins whose number stands at `place` of the header."""
    return 512 * (1 + struct.unpack_from("<I", content, place)[0])


def _all_entries(content: bytes, offset: int, kind: str, value: int) -> bytes:
    """The file with one field of each entry of its directory set, but for the root's."""
    start = _sector(content, 48)
    for entry in range(1, 4):
        content = _set(content, start + 128 * entry + offset, kind, value)
    return content


def _looping(content: bytes) -> bytes:
    """The file whose sectors all follow one another in a ring."""
    table = _sector(content, 76)
    for number in range(40):
        if struct.unpack_from("<I", content, table + 4 * number)[0] == 0xFFFFFFFE:
            content = _set(content, table + 4 * number, "<I", 0)
    return content


_SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "secteurs en boucle": _looping,
    "secteur qui se suit": lambda content: _set(content, _sector(content, 76), "<I", 0),
    "repertoire en boucle": lambda content: _set(
        content, 48, "<I", struct.unpack_from("<I", content, 76)[0]
    ),
    "voisins en boucle": lambda content: _all_entries(content, 72, "<I", 1),
    "enfant de soi": lambda content: _all_entries(content, 76, "<I", 0),
    "taille enorme": lambda content: _all_entries(content, 120, "<Q", 2**62),
    "taille de 2 Go": lambda content: _all_entries(content, 120, "<Q", 2**31 - 1),
    "debut lointain": lambda content: _all_entries(content, 116, "<I", 0x0FFFFFF0),
    "tables innombrables": lambda content: _set(
        _set(content, 44, "<I", 0xFFFFFFFF), 72, "<I", 0xFFFFFFFF
    ),
    "tables de tables": lambda content: _set(content, 68, "<I", 0),
    "secteurs immenses": lambda content: _set(content, 30, "<H", 31),
    "secteurs minuscules": lambda content: _set(content, 30, "<H", 0),
    "petits secteurs immenses": lambda content: _set(content, 32, "<H", 31),
    "coupe": lambda content: content[: len(content) // 2],
    "coupe tot": lambda content: content[:700],
    "noms": lambda content: _all_entries(content, 64, "<H", 0xFFFF),
}


def _spoilt() -> Iterator[Case]:
    """Each way of spoiling a file, for each format."""
    for kind, make in _WHOLE.items():
        for name, spoil in _SPOILT.items():
            yield Case(f"{name}.{kind}", lambda make=make, spoil=spoil: spoil(make()), _ANY)


def _fib(place: int, kind: str, value: int) -> bytes:
    """A Word document one number of whose header, at `place`, lies."""
    return _set(_word(), 512 + place, kind, value)


def _records(*records: tuple[int, bytes]) -> bytes:
    """A workbook stream of these records after the opening ones."""
    opening = struct.pack("<HHHHHHII", 0x0809, 16, 0x0600, 0x0005, 0, 0, 0, 0)
    return ole(
        {
            "Workbook": opening
            + b"".join(
                struct.pack("<HH", kind, len(content)) + content for kind, content in records
            )
        }
    )


def _far_cells(n_cells: int) -> bytes:
    """A sheet with `n_cells` numbers, the last one in its last corner."""
    held = _excel()
    place = held.index(struct.pack("<HH", 0x0204, 9 + 2 * len(_NOTE)))
    for number in range(n_cells):
        at = place + number * (13 + 2 * len(_NOTE) + 13 + 12)
        held = _set(_set(held, at + 4, "<H", 65535), at + 6, "<H", 255)
    return held


def _nested(depth: int) -> bytes:
    """A message in a message in a message."""
    inner: dict[str, object] = dict(msg_properties({_SUBJECT: "au fond", _BODY: _NOTE}, header=24))
    for _ in range(depth):
        attachment = {**msg_properties({}, {_METHOD: 5}), "__substg1.0_3701000D": inner}
        inner = {
            **msg_properties({_SUBJECT: "suite", _BODY: _NOTE}, header=24),
            "__attach_version1.0_#00000000": attachment,
        }
    return compound({**inner, **msg_properties({_SUBJECT: "suite", _BODY: _NOTE}, header=32)})  # type: ignore[dict-item]


def _attachments(n_files: int, content: bytes) -> bytes:
    held = {
        f"__attach_version1.0_#{n:08X}": msg_properties(
            {0x3707: f"p{n}.txt", 0x3701: content}, {_METHOD: 1}
        )
        for n in range(n_files)
    }
    return msg({_SUBJECT: "suite", _BODY: _NOTE}, folders=held)


COMPOUNDS = (
    *_spoilt(),
    Case("chiffre.doc", lambda: doc([_NOTE], is_encrypted=True), "mot de passe|abîmé"),
    Case("morceaux lointains.doc", lambda: _fib(0x9A + 33 * 8, "<I", 0x7FFFFFFF), _ANY),
    Case("morceaux immenses.doc", lambda: _fib(0x9A + 33 * 8 + 4, "<I", 0xFFFFFFFF), _ANY),
    Case("texte immense.doc", lambda: _fib(0x40 + 12, "<I", 0x7FFFFFFF), _ANY),
    Case("entete immense.doc", lambda: _fib(0x98, "<H", 0xFFFF), _ANY),
    Case("lettres perdues.doc", lambda: _fib(0x18, "<I", 0xFFFFFFF0), _ANY),
    Case("vide.doc", lambda: ole({"WordDocument": bytes(5000)}), "abîmé|sans texte|interrompue"),
    Case(
        "hasard.doc",
        lambda: ole(
            {
                "WordDocument": b"\xec\xa5" + bytes(range(256)) * 40,
                "1Table": bytes(range(255, -1, -1)) * 20,
            }
        ),
        _ANY,
    ),
    Case(
        "feuille lointaine.xls",
        lambda: _records(
            (0x0085, struct.pack("<IBB", 0xFFFFFFFF, 0, 0) + b"\x01\x00a"), (0x0A, b"")
        ),
        _ANY,
    ),
    Case(
        "chaines innombrables.xls",
        lambda: _records(
            (0x00FC, struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) + b"\x05\x00\x00abcde"), (0x0A, b"")
        ),
        _ANY,
    ),
    Case(
        "chaine immense.xls",
        lambda: _records(
            (0x00FC, struct.pack("<II", 1, 1) + b"\xff\xff\x0d" + b"\xff" * 20),
            (0x3C, b""),
            (0x0A, b""),
        ),
        _ANY,
    ),
    Case("cellules lointaines.xls", lambda: _far_cells(1), f"{_ANY}|cellules|lignes"),
    Case("sans fin.xls", lambda: _records(*[(0x0809, bytes(16))] * 200), _ANY),
    Case("vide.xls", lambda: ole({"Workbook": bytes(5000)}), "abîmé|sans texte|interrompue"),
    Case("diaporama.ppt", lambda: ole({"PowerPoint Document": bytes(5000)}), "ancien diaporama"),
    Case("inconnu.doc", lambda: ole({"Inconnu": bytes(5000)}), "format inconnu"),
    Case("chiffre.xlsx", lambda: ole({"EncryptedPackage": bytes(5000)}), "mot de passe"),
    Case("messages emboites.msg", lambda: _nested(9), f"{READ}|emboît"),
    Case("pieces.msg", lambda: _attachments(60, b"- un four\n"), READ),
    Case(
        "page de code.msg",
        lambda: msg({_SUBJECT: "suite", _BODY: _NOTE}, numbers={0x3FFD: 99999}),
        READ,
    ),
    Case(
        "texte enrichi immense.msg",
        lambda: msg({_RTF: struct.pack("<II4sI", 12, 0xFFFFFFFF, b"LZFu", 0)}),
        "abîmé|sans texte",
    ),
    Case(
        "texte enrichi en boucle.msg",
        lambda: msg({_RTF: struct.pack("<II4sI", 5000, 5000, b"LZFu", 0) + b"\xff\x00\x0f" * 1600}),
        f"{READ}|abîmé|sans texte",
    ),
)
