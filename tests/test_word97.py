"""Old Word documents: those that LibreOffice wrote, and what Word alone writes, made by hand with the structures of [MS-DOC]."""

import random
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, Limits, RawBlock
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.word97 import read_word97, without_field_codes
from pipeline.ingest.sandbox import read_files
from pipeline.settings.sections import IngestSettings
from support.made_files import doc, ole

FILES = Path(__file__).parent / "word97"
START = 1024  # where the text begins
Format = tuple[int, int, bytes]  # from a character to another, half-open, and its changes
Pieces = Sequence[
    tuple[str, bool, int]
]  # text, whether it takes one byte a character, and the change of the whole piece


def change(which: int, operand: bytes | int) -> bytes:
    """One change; a number is an operand of one byte."""
    return struct.pack("<H", which) + (bytes([operand]) if isinstance(operand, int) else operand)


DELETED, HIDDEN, BOLD, NOT_AS_STYLE = (
    change(0x0800, 1),
    change(0x083C, 1),
    change(0x0835, 1),
    change(0x0835, 0x81),
)
IN_TABLE, ROW_END = change(0x2416, 1), change(0x2416, 1) + change(0x2417, 1)
IN_INNER = IN_TABLE + change(0x6649, struct.pack("<I", 2))
INNER_CELL_END, INNER_ROW_END = (
    IN_INNER + change(0x244B, 1),
    IN_INNER + change(0x244B, 1) + change(0x244C, 1),
)
LONG = change(0x6646, bytes(4))  # the changes lie in the stream of data
LISTED = change(0x460B, struct.pack("<H", 1)) + change(0x260A, 2)
HEADING = change(0x2640, 1)


def row(*edges: int, merged: Mapping[int, int] | None = None) -> bytes:
    """The end of a row whose cells lie between `edges`; `merged` are the flags of cells."""
    cells = b"".join(
        struct.pack("<H", (merged or {}).get(place, 0)).ljust(20, b"\0")
        for place in range(len(edges) - 1)
    )
    told = bytes([len(edges) - 1]) + struct.pack(f"<{len(edges)}h", *edges) + cells
    return ROW_END + change(0xD608, struct.pack("<H", len(told) + 1) + told)


def page(bounds: Sequence[int], held: Sequence[bytes], entry_size: int) -> bytes:
    """A page of formats, each stored from the end of the page on."""
    made, at = bytearray(512), 510
    struct.pack_into(f"<{len(bounds)}I", made, 0, *bounds)
    for place, content in enumerate(held):
        at -= len(content) + len(content) % 2
        made[at : at + len(content)] = content
        made[4 * len(bounds) + entry_size * place] = at // 2 if content else 0
    made[511] = len(held)
    return bytes(made)


def word97(
    pieces: Pieces,
    *,
    paragraphs: Mapping[int, bytes] | None = None,
    runs: Sequence[Format] = (),
    shared: Sequence[bytes] = (),
    tables: Mapping[int, bytes] | None = None,
    lengths: Sequence[int] = (),
    data: bytes = b"",
    version: int = 0xC1,
) -> bytes:
    """A document of `pieces` that lie one after the other; `paragraphs` are changes by paragraph, `runs` by character."""
    text = "".join(piece[0] for piece in pieces)
    body, places = b"", []
    for said, is_narrow, _ in pieces:
        places.append(START + len(body))
        body += said.encode("cp1252") if is_narrow else said.encode("utf-16-le", "surrogatepass")
    widths = [1 if is_narrow else 2 for said, is_narrow, _ in pieces for _ in said]
    offsets = [START + sum(widths[:place]) for place in range(len(text) + 1)]
    ends = [place + 1 for place, sign in enumerate(text) if sign in "\r\x07"]
    changes = [(paragraphs or {}).get(number, b"") for number in range(len(ends))]
    held = [bytes([(len(told) + 4) // 2]) + b"\0\0" + told for told in changes]
    paragraph_page = page([START, *(offsets[end] for end in ends)], held, 13)
    bounds = sorted({0, len(text), *(place for start, end, _ in runs for place in (start, end))})
    told = [
        b"".join(content for start, end, content in runs if start <= place < end)
        for place in bounds[:-1]
    ]
    run_page = page(
        [offsets[place] for place in bounds],
        [bytes([len(content)]) + content for content in told],
        1,
    )
    stream = bytes(START) + body
    stream += bytes(-len(stream) % 512)
    number = len(stream) // 512
    fib = bytearray(stream + paragraph_page + run_page)
    starts = [sum(len(said) for said, _, _ in pieces[:place]) for place in range(len(pieces) + 1)]
    entries = b"".join(
        struct.pack("<HIH", 0, place * 2 | 0x40000000 if is_narrow else place, told)
        for place, (_, is_narrow, told) in zip(places, pieces, strict=True)
    )
    listed = struct.pack(f"<{len(starts)}I", *starts) + entries
    clx = (
        b"".join(b"\x01" + struct.pack("<H", len(content)) + content for content in shared)
        + b"\x02"
        + struct.pack("<I", len(listed))
        + listed
    )
    bins = {
        12: struct.pack("<III", START, offsets[-1], number + 1),
        13: struct.pack("<III", START, offsets[-1], number),
    }
    struct.pack_into("<HH", fib, 0, 0xA5EC, version)
    struct.pack_into("<H", fib, 10, 0x0200)
    struct.pack_into("<8I", fib, 0x4C, *(*(lengths or (len(text),)), *[0] * 8)[:8])
    table = b""
    for kind, content in {**bins, 33: clx, **(tables or {})}.items():
        struct.pack_into("<II", fib, 0x9A + 8 * kind, len(table), len(content))
        table += content
    return ole({"WordDocument": bytes(fib), "1Table": table, **({"Data": data} if data else {})})


def blocks(content: bytes) -> tuple[RawBlock, ...]:
    (part,) = read_word97(FileContent(content, "notes.doc"))
    return part.blocks


def shown(block: RawBlock) -> str:
    """A block as the files of expected texts have it."""
    kind = f"{block.kind} {'' if block.level is None else block.level}".strip()
    return " | ".join(
        [
            kind,
            block.speaker or "",
            block.text,
            *(f"{header} = {cell}" for header, cell in block.columns),
        ]
    )


def plain(text: str) -> Pieces:
    return ((text, False, 0),)


@pytest.mark.parametrize("path", sorted(FILES.glob("*.doc")), ids=lambda path: path.stem)
def test_what_an_office_suite_wrote_is_read_whole(path: Path) -> None:
    found = [shown(block) for block in blocks(path.read_bytes())]
    assert found == path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()


def test_a_child_that_may_start_neither_thread_nor_program_reads_it() -> None:
    (reading,) = read_files([FILES / "suivi.doc"], settings=IngestSettings())
    assert reading.error is None
    assert reading.parts[0].title == "Atelier de Figeac"


SAID = "Le lavoir communal de Figeac est fermé depuis trois ans."
OTHER = "Le marché du samedi se vide, disent les commerçants du bourg."
READ: list[tuple[str, bytes, list[str]]] = [
    ("8-bit and 16-bit pieces", word97([("Le lavoir de Figeac, fermé – ", True, 0), ("l’été, à Ⅻ heures.\r", False, 0)]), ["Le lavoir de Figeac, fermé – l’été, à Ⅻ heures."]),
    ("a sign beyond 16 bits, in two halves", word97(plain("Une idée \ud83d\ude00 du marché.\r")), ["Une idée 😀 du marché."]),
    ("a piece deleted by a fast save, its own change", word97([("Le lavoir ", True, 0), ("privé ", True, 0x41 << 1 | 1 << 8), ("communal est fermé.\r", True, 0)]), ["Le lavoir communal est fermé."]),
    ("a piece deleted by a fast save, a shared change", word97([("Le lavoir ", True, 0), ("privé ", True, 1), ("communal est fermé.\r", True, 0)], shared=[DELETED]), ["Le lavoir communal est fermé."]),
    ("deleted and hidden runs", word97(plain("Le vieux lavoir caché est fermé.\r"), runs=[(3, 9, DELETED), (16, 22, HIDDEN)]), ["Le lavoir est fermé."]),
    ("a deleted paragraph mark", word97(plain("Le lavoir \rcommunal est fermé.\r"), runs=[(10, 11, DELETED)]), ["Le lavoir communal est fermé."]),
    ("a deleted mark at the end", word97(plain("Le lavoir communal est fermé.\r"), runs=[(29, 30, DELETED)]), ["Le lavoir communal est fermé."]),
    ("a field", word97(plain('Voir \x13 HYPERLINK "https://mairie.example" \x14le site\x15 de la mairie.\r')), ["Voir le site de la mairie."]),
    ("a line break, a page break, a hyphen and a soft one", word97(plain("Le centre\x1esocial ferme.\x0bLe\x0cbac co\x1fûte cher.\r")), ["Le centre-social ferme.", "Le bac coûte cher."]),
    ("an outline level", word97(plain(f"Besoins\r{SAID}\r"), paragraphs={0: HEADING}), ["heading2 Besoins", SAID]),
    ("a list level", word97(plain(f"{SAID}\r"), paragraphs={0: LISTED}), [f"bullet2 {SAID}"]),
    ("a list left by the paragraph", word97(plain(f"{SAID}\r"), paragraphs={0: change(0x460B, b"\x00\x00")}), [SAID]),
    ("changes too long for their page", word97(plain(f"Besoins\r{SAID}\r"), paragraphs={0: LONG}, data=struct.pack("<H", len(HEADING)) + HEADING), ["heading2 Besoins", SAID]),
    ("a bold line", word97(plain(f"Ce qui manque\r{SAID}\r{OTHER}\r{SAID}\r"), runs=[(0, 13, BOLD)]), ["heading1 Ce qui manque", SAID, OTHER, SAID]),
    ("a line bold against its style", word97(plain(f"{SAID}\rCe qui manque\r{OTHER}\r{SAID}\r"), runs=[(57, 70, NOT_AS_STYLE)]), [SAID, "heading3 Ce qui manque", OTHER, SAID]),
    ("an unknown change before a known one", word97(plain(f"Besoins\r{SAID}\r"), paragraphs={0: change(0xC615, b"\xff\x01" + bytes(4) + b"\x01" + bytes(3)) + HEADING}), ["heading2 Besoins", SAID]),
    ("two cells", word97(plain("le phare de la pointe\x07la route est coupée l'hiver.\x07\x07"), paragraphs={0: IN_TABLE, 1: IN_TABLE, 2: row(0, 3000, 6000)}), ["le phare de la pointe", "la route est coupée l'hiver."]),
    ("a deleted row", word97(plain("un\x07deux\x07\x07trois\x07quatre\x07\x07"), paragraphs=dict.fromkeys((0, 1, 3, 4), IN_TABLE) | {2: ROW_END, 5: ROW_END}, runs=[(0, 9, DELETED)]), ["trois", "quatre"]),
    ("a table cut short", word97(plain(f"{SAID}\x07{OTHER}\x07"), paragraphs={0: IN_TABLE, 1: IN_TABLE}), [SAID, OTHER]),
    ("text cut before its last mark", word97(plain(f"{SAID}\r{OTHER}"), lengths=(9999,)), [SAID, OTHER]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in READ], ids=[case[0] for case in READ]
)
def test_what_word_writes_is_read_as_it_shows(content: bytes, expected: list[str]) -> None:
    found = [
        f"{block.kind}{block.level} {block.text}"
        if block.kind in ("heading", "bullet")
        else block.text
        for block in blocks(content)
    ]
    assert found == expected


CELLS = (
    "Lieu\x07Idée\x07\x07nord\x07une halte de car au bourg\x07\x07\x07un four à pain commun\x07\x07"
)
FOUR, HALTE = "un four à pain commun", "une halte de car au bourg"
ROWS: list[tuple[str, tuple[bytes, bytes, bytes], list[tuple[str, str, str]]]] = [
    ("no cell merged", (row(0, 3000, 6000), row(20, 3010, 5990), row(0, 3000, 6000)), [("nord", "Lieu", "nord"), (HALTE, "Lieu", "nord"), (FOUR, "Lieu", "")]),
    ("a cell covered from above", (row(0, 3000, 6000), row(0, 3000, 6000, merged={0: 0x60}), row(0, 3000, 6000, merged={0: 0x20})), [("nord", "Lieu", "nord"), (HALTE, "Lieu", "nord"), (FOUR, "Lieu", "nord")]),
    ("no edges told", (ROW_END, ROW_END, ROW_END), [("nord", "Lieu", "nord"), (HALTE, "Lieu", "nord"), (FOUR, "Lieu", "")]),
    ("edges that fall", (row(0, 3000, 6000), row(6000, 3000, 0), row(0, 0, 0)), [("nord", "Lieu", ""), (HALTE, "Lieu", ""), (FOUR, "Lieu", "")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "expected"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS]
)
def test_no_cell_is_lost_however_its_row_lies(
    ends: tuple[bytes, bytes, bytes], expected: list[tuple[str, str, str]]
) -> None:
    marks = dict.fromkeys(range(9), IN_TABLE) | dict(zip((2, 5, 8), ends, strict=True))
    found = [
        (block.text, *block.columns[0])
        for block in blocks(word97(plain(CELLS), paragraphs=marks))
        if block.columns
    ]
    assert found == expected


def test_a_table_inside_a_cell_is_read_where_it_stands() -> None:
    text = "avant le tableau\rPlus\rMoins\r\rle marché\rle parking\r\raprès le tableau\x07à côté\x07\x07"
    inner = dict.fromkeys((1, 2, 4, 5), INNER_CELL_END) | dict.fromkeys((3, 6), INNER_ROW_END)
    content = word97(
        plain(text),
        paragraphs={0: IN_TABLE, 7: IN_TABLE, 8: IN_TABLE, 9: row(0, 3000, 6000)} | inner,
    )
    assert [block.text for block in blocks(content)] == [
        "avant le tableau",
        "Plus",
        "Moins",
        "le marché",
        "le parking",
        "après le tableau",
        "à côté",
    ]


FIELDS: list[tuple[str, str]] = [
    ("sans champ", "sans champ"),
    ("a\x13code\x14b\x15c", "a.....\x14b\x15c"),
    ("a\x13code\x15c", "a.....\x15c"),
    ("a\x13c\x13d\x14e\x15f\x14b\x15c", "a........\x14b\x15c"),
    ("a\x13c\x14b\x13d\x14e\x15f\x15c", "a..\x14b..\x14e\x15f\x15c"),
    ("un début \x13 sans fin", "un début \x13 sans fin"),
    ("une fin \x15 et un milieu \x14 sans début", "une fin \x15 et un milieu \x14 sans début"),
    ("a\x13code\rsur deux\x14b\x15", "a.....\r........\x14b\x15"),
]


@pytest.mark.parametrize(("text", "expected"), FIELDS)
def test_the_codes_of_fields_are_blanked_and_a_mark_without_its_pair_hides_nothing(
    text: str, expected: str
) -> None:
    assert without_field_codes(text).replace("\0", ".") == expected


REFUSED: list[tuple[str, bytes, str]] = [
    ("Word 6", word97(plain(f"{SAID}\r"), version=0x65), "document Word 6 ou 95"),
    ("a password", doc([SAID], is_encrypted=True), "document Word protégé"),
    ("no text", word97(plain("\r")), "document Word sans texte"),
    ("all deleted", word97(plain("secret\r"), runs=[(0, 6, DELETED)]), "document Word sans texte"),
    ("a piece beyond the file", word97(plain(f"{SAID}\r"), tables={33: b"\x02\x10\0\0\0" + struct.pack("<IIHIH", 0, 50, 0, 1 << 29, 0)}), "le document Word est abîmé"),
    ("pieces that go back", word97(plain(f"{SAID}\r"), tables={33: b"\x02\x1c\0\0\0" + struct.pack("<IIIHIHHIH", 0, 50, 9, 0, START, 0, 0, START, 0)}), "le document Word est abîmé"),
    ("no pieces", word97(plain(f"{SAID}\r"), tables={33: b""}), "le document Word est abîmé"),
    ("no table stream", ole({"WordDocument": struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, 0)}), "le document Word est abîmé"),
    ("another header", ole({"WordDocument": b"rien"}), "le document Word est abîmé"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_read_is_refused_with_advice(content: bytes, reason: str) -> None:
    with pytest.raises(ReadError) as refusal:
        blocks(content)
    assert refusal.value.found.startswith(reason)
    assert len(refusal.value.do.split()) > 3


def test_pieces_that_repeat_one_stretch_of_the_file_are_refused_before_they_fill_the_memory() -> (
    None
):
    n_pieces, n_chars = 2000, len(SAID)
    listed = (
        struct.pack(f"<{n_pieces + 1}I", *range(0, n_chars * (n_pieces + 1), n_chars))
        + struct.pack("<HIH", 0, START, 0) * n_pieces
    )
    content = word97(
        plain(f"{SAID}\r"), tables={33: b"\x02" + struct.pack("<I", len(listed)) + listed}
    )
    with pytest.raises(ReadError, match="112000 signes"):
        read_word97(FileContent(content, "notes.doc", Limits(max_chars=100_000)))


def test_a_run_of_paragraph_marks_is_refused_before_it_takes_its_time() -> None:
    with pytest.raises(ReadError, match="2001 paragraphes"):
        read_word97(
            FileContent(doc([""] * 2000 + ["une idée"]), "notes.doc", Limits(max_blocks=2000))
        )


SPOILT = [(path.stem, seed) for path in sorted(FILES.glob("*.doc")) for seed in range(4)]


@pytest.mark.parametrize(("stem", "seed"), SPOILT)
def test_a_spoilt_document_is_read_or_refused_but_never_fails_otherwise(
    stem: str, seed: int
) -> None:
    chance = random.Random(seed)
    whole = (FILES / f"{stem}.doc").read_bytes()
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            place = chance.randrange(512, len(content) - 4)
            content[place : place + 4] = chance.choice(
                [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", bytes(4), chance.randbytes(4)]
            )
        with suppress(ReadError):
            assert blocks(bytes(content))


@pytest.mark.parametrize("strike", [change(0x0837, 1), change(0x2A53, 1)])
def test_struck_out_words_are_kept_apart(strike: bytes) -> None:
    text = "Le bus du soir du matin.\rune piscine\run four\r"
    runs = [
        (7, 14, strike),
        (25, 37, strike),
        (38, 45, change(0x0837, 0)),
    ]
    (part,) = read_source(FileContent(word97(plain(text), runs=runs), "notes.doc"))
    assert [(block.text, block.reason) for block in part.blocks] == [
        ("Le bus du matin.", ""),
        ("du soir", "struck out"),
        ("une piscine", "struck out"),
        ("un four", ""),
    ]


def test_a_piece_struck_out_whole_is_kept_apart() -> None:
    pieces = (("le four\r", False, 0), ("une piscine\r", False, 0x57 << 1 | 1 << 8))
    (part,) = read_source(FileContent(word97(pieces), "notes.doc"))
    assert [(block.text, block.reason) for block in part.blocks] == [
        ("le four", ""),
        ("une piscine", "struck out"),
    ]
