"""Change a valid file: its bytes, its text, the XML and headers of its container; the same chance gives the same file."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from lxml import etree

Change = Callable[[bytes, Random], bytes]

_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_WRITTEN = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"65536",
    b"2147483648",
    b"99999999999999999999",
    b"9" * 5000,
    b"\xc2\xb2",
    b"",
)
_SIGNS = (
    b"\x00",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x8c\x80",
    b"\r",
    b"\t",
    b"<",
    b"&",
    b'"',
    b"{",
    b"\\",
    b"[",
    b"%",
    b"|",
)
_ENCODINGS = ("cp1252", "mac_roman", "utf-16", "utf-16-be", "utf-32", "utf-7", "cp850")
_PARSER = etree.XMLParser(recover=True, no_network=True, resolve_entities=False)


def mutated(content: bytes, chance: Random, others: list[bytes]) -> bytes:
    """The file after one to four changes; `others` are files of the same format, to graft from."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        kind = chance.random()
        if content.startswith(b"PK\x03\x04") and kind < 0.75:
            content = _in_container(content, chance)
        elif content.lstrip()[:1] == b"<" and kind < 0.6:
            content = _in_xml(content, chance)
        elif content.startswith(b"\xd0\xcf\x11\xe0") and kind < 0.6:
            content = _in_compound(content, chance)
        elif kind < 0.05:
            content = _grafted(content, chance.choice(others), chance)
        else:
            content = chance.choice(_CHANGES)(content, chance)
    return content


def _place(content: bytes, chance: Random) -> int:
    return chance.randrange(len(content) + 1)


def _slice(content: bytes, chance: Random) -> tuple[int, int]:
    """A range of the file, mostly a short one."""
    start = _place(content, chance)
    return start, min(len(content), start + chance.choice((1, 2, 4, 16, 64, 512, 4096)))


def _grafted(content: bytes, other: bytes, chance: Random) -> bytes:
    return content[: _place(content, chance)] + other[_place(other, chance) :]


def _flipped(content: bytes, chance: Random) -> bytes:
    held = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8, 32))):
        if held:
            held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
    return bytes(held)


def _noisy(content: bytes, chance: Random) -> bytes:
    start, end = _slice(content, chance)
    return content[:start] + chance.randbytes(end - start) + content[end:]


def _cut(content: bytes, chance: Random) -> bytes:
    start, end = _slice(content, chance)
    return content[:start] + content[end:]


def _truncated(content: bytes, chance: Random) -> bytes:
    return content[: _place(content, chance)]


def _repeated(content: bytes, chance: Random) -> bytes:
    start, end = _slice(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 2, 10, 300)) + content[end:]


def _numbered(content: bytes, chance: Random) -> bytes:
    """A binary number written over."""
    kind = chance.choice(("<I", "<H", ">I", ">H"))
    size = struct.calcsize(kind)
    if len(content) < size:
        return content
    held, value = bytearray(content), chance.choice(_NUMBERS)
    struct.pack_into(
        kind,
        held,
        chance.randrange(len(held) - size + 1),
        value & (0xFFFFFFFF if size == 4 else 0xFFFF),
    )
    return bytes(held)


def _renumbered(content: bytes, chance: Random) -> bytes:
    """A number in digits written otherwise."""
    found = [*re.finditer(rb"\d+", content[:200_000])]
    if not found:
        return content
    one = chance.choice(found)
    return content[: one.start()] + chance.choice(_WRITTEN) + content[one.end() :]


def _signed(content: bytes, chance: Random) -> bytes:
    at = _place(content, chance)
    return (
        content[:at] + chance.choice(_SIGNS) * chance.choice((1, 1, 1, 2, 50, 2000)) + content[at:]
    )


def _relined(content: bytes, chance: Random) -> bytes:
    """Lines in another order, doubled or joined."""
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at : at + 1] = chance.choice(
        ([], [lines[at]] * 2, [lines[at]] * 200, [lines[at], lines[chance.randrange(len(lines))]])
    )
    return chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r", b"")).join(lines)


def _recoded(content: bytes, chance: Random) -> bytes:
    return content.decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


_CHANGES: tuple[Change, ...] = (
    _flipped, _flipped, _noisy, _cut, _truncated, _repeated, _numbered, _renumbered, _renumbered, _signed, _relined, _recoded,
)  # fmt: skip


def _in_container(content: bytes, chance: Random) -> bytes:
    """One entry of a zip container changed, its headers made anew; now and then an entry is lost, renamed or doubled."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as held:
            entries = {
                info.filename: held.read(info)
                for info in held.infolist()
                if info.file_size < 2_000_000
            }
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ):
        return _flipped(content, chance)
    if not entries:
        return content
    name, kind = chance.choice(sorted(entries)), chance.random()
    if kind < 0.05:
        del entries[name]
    elif kind < 0.1:
        entries[chance.choice(("../x", "word/document.xml", "content.xml", "a" * 300))] = (
            entries.pop(name)
        )
    elif entries[name].lstrip()[:1] == b"<" and kind < 0.8:
        entries[name] = _in_xml(entries[name], chance)
    else:
        entries[name] = mutated(entries[name], chance, [*entries.values()])
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for entry, held_bytes in entries.items():
            made.writestr(
                zipfile.ZipInfo(entry),
                held_bytes,
                zipfile.ZIP_STORED if entry == "mimetype" else zipfile.ZIP_DEFLATED,
            )
    return written.getvalue()


def _in_xml(content: bytes, chance: Random) -> bytes:
    """The tree of an XML file changed: elements doubled, lost, moved, put in each other; attributes and texts otherwise."""
    try:
        root = etree.fromstring(content, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return chance.choice(_CHANGES)(content, chance)
    if root is None:
        return content
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    try:
        for _ in range(chance.choice((1, 1, 2, 5))):
            _change_element(chance.choice(elements), elements, chance)
    except (
        etree.XMLSyntaxError,
        ValueError,
    ):  # a name or text that an earlier change made impossible
        return chance.choice(_CHANGES)(content, chance)
    return etree.tostring(root)


def _change_element(
    element: etree._Element, elements: list[etree._Element], chance: Random
) -> None:
    parent, kind = element.getparent(), chance.randrange(8)
    if kind == 0 and parent is not None:
        for _ in range(chance.choice((1, 1, 3, 60))):
            parent.append(_copied(element))
    elif kind == 1 and parent is not None:
        parent.remove(element)
    elif kind == 2:
        chance.choice(elements).append(_copied(element))
    elif kind == 3:
        inside = element
        for _ in range(chance.choice((1, 5, 60, 260))):
            inside = etree.SubElement(inside, element.tag, dict(element.attrib))
    elif kind == 4 and element.attrib:
        element.set(
            chance.choice(sorted(map(str, element.attrib))), chance.choice(_WRITTEN).decode()
        )
    elif kind == 5 and element.attrib:
        del element.attrib[chance.choice(sorted(map(str, element.attrib)))]
    elif kind == 6:
        element.tag = chance.choice(elements).tag
    else:
        element.text = chance.choice(
            ("", "9" * 5000, "\u202eun four", "x" * 70_000, "Q1 :", "²", " ", "-1")
        )


def _copied(element: etree._Element) -> etree._Element:
    return etree.fromstring(etree.tostring(element, with_tail=False), _PARSER)


def _in_compound(content: bytes, chance: Random) -> bytes:
    """A number of the header, table of sectors or directory of a compound file changed."""
    held = bytearray(content)
    if len(held) < 1024:
        return _flipped(content, chance)
    table, directory = (512 * (1 + struct.unpack_from("<I", held, at)[0]) for at in (76, 48))
    start = chance.choice((24, table, directory, directory))
    at = start + 4 * chance.randrange(128 if start != 24 else 13)
    if at + 4 <= len(held):
        struct.pack_into(
            "<I", held, at, chance.choice((*_NUMBERS, chance.randrange(40), chance.randrange(40)))
        )
    return bytes(held)
