"""Measure the readers: documents a second and memory at its peak for each format, and a whole mixed depot in parallel children.

    PYTHONPATH=tests python tests/benchmarks/reading.py [--documents 40] [--mixed 500] [--readers 2]

Each document is one to two pages of French notes: titles, bullets and a table of the example study's sentences, no two alike. A workbook
is a list of sixty people, a map has sixty places, a mail two attachments. Times are those of one child that is already started.
"""

import argparse
import base64
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from pipeline.files import data_path
from pipeline.settings.sections import IngestSettings
from support import made_files as made
from support.measured import Measured, read_measured

_N_LINES = 45  # of a document: one to two pages
_PEOPLE = 60  # rows of a list
Maker = Callable[[Random], bytes]


def main() -> None:
    """Print one line a format, then one for the mixed depot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=40, help="documents of each format")
    parser.add_argument("--mixed", type=int, default=500, help="documents of the mixed depot")
    parser.add_argument("--readers", type=int, default=2, help="children that read the mixed depot")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind, make in MAKERS.items():
            print_format(kind, make, Path(folder), asked.documents)
        print_mixed(Path(folder), asked.mixed, asked.readers)


def print_format(kind: str, make: Maker, folder: Path, n_documents: int) -> None:
    """Print how fast one started child reads documents of one format."""
    paths = [
        _written(folder, f"{number:03}.{kind}", make(Random(number)))
        for number in range(n_documents)
    ]
    measured = read_measured(
        [_written(folder, "a.txt", b"- un four"), *paths], settings=IngestSettings(n_readers=1)
    )[1:]
    seconds = sum(one.cost.seconds for one in measured)
    line = {
        "format": kind,
        "documents": n_documents,
        "documents_per_s": round(n_documents / seconds, 1),
        "slowest_s": round(max(one.cost.seconds for one in measured), 3),
        "kilobytes": round(sum(path.stat().st_size for path in paths) / n_documents / 1000, 1),
        "words": sum(map(_n_words, measured)) // n_documents,
        "peak_mb": round(max(one.cost.peak_mb for one in measured)),
        "refused": sum(one.reading.error is not None for one in measured),
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def print_mixed(folder: Path, n_documents: int, n_readers: int) -> None:
    """Print how long a depot of all formats takes, the start of the children included."""
    kinds = sorted(MAKERS)
    made_of = [(kinds[number % len(kinds)], number) for number in range(n_documents)]
    paths = [
        _written(folder, f"m{number:04}.{kind}", MAKERS[kind](Random(f"mixed {number}")))
        for kind, number in made_of
    ]
    start = time.monotonic()
    measured = read_measured(paths, settings=IngestSettings(n_readers=n_readers))
    line = {
        "mixed_documents": n_documents,
        "readers": n_readers,
        "seconds": round(time.monotonic() - start, 1),
        "peak_mb_of_a_child": round(max(one.cost.peak_mb for one in measured)),
        "refused": sum(one.reading.error is not None for one in measured),
    }
    print(json.dumps(line), flush=True)


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _n_words(one: Measured) -> int:
    """Words of the blocks and rows of a document."""
    texts = [block.text for part in one.reading.parts for block in part.blocks]
    cells = [cell for part in one.reading.parts for row in part.rows for cell in row]
    return sum(len(text.split()) for text in [*texts, *cells])


def _sentences() -> list[str]:
    lines = data_path("demo", "gold", "units.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line]


_SAID = _sentences()
_NAMES = (
    "Riou",
    "Le Goff",
    "Martin",
    "Petit",
    "Bernard",
    "Laurent",
    "Garnier",
    "Faure",
    "Chevalier",
    "Perrin",
)
_FIRST = ("Anne", "Bob", "Chloé", "Denis", "Élodie", "Farid", "Gaëlle", "Hugo", "Inès", "Julien")
_TOWNS = ("Figeac", "Cajarc", "Gramat", "Souillac", "Cahors", "Lalbenque", "Prayssac", "Gourdon")


def _lines(chance: Random) -> list[str]:
    """The lines of a document's notes."""
    return chance.choices(_SAID, k=_N_LINES)


def _people(chance: Random) -> list[list[str]]:
    """The rows of a list, its header first."""
    names = [f"{chance.choice(_FIRST)} {chance.choice(_NAMES)}" for _ in range(_PEOPLE)]
    return [
        ["Nom", "Structure", "Commune"],
        *([name, f"Association {chance.randrange(999)}", chance.choice(_TOWNS)] for name in names),
    ]


def _text(chance: Random) -> bytes:
    lines = _lines(chance)
    return ("Table 4 - Question 1\n\n" + "\n".join(f"- {line}" for line in lines)).encode()


def _docx(chance: Random) -> bytes:
    lines = [line.replace("&", "et") for line in _lines(chance)]
    body = made.w_p("Question 1", '<w:pStyle w:val="Titre1"/>') + "".join(map(made.w_p, lines[10:]))
    return made.docx(
        body + made.w_table(["Atout", "Frein"], *zip(lines[:5], lines[5:10], strict=True))
    )


def _odt(chance: Random) -> bytes:
    items = "".join(
        f"<text:list-item><text:p>{line.replace('&', 'et')}</text:p></text:list-item>"
        for line in _lines(chance)
    )
    return made.odt(
        f'<text:h text:outline-level="1">Question 1</text:h><text:list>{items}</text:list>'
    )


def _pdf(chance: Random) -> bytes:
    lines = [piece for line in _lines(chance) for piece in _wrapped(f"- {line}", 95)]
    pages = [lines[start : start + 50] for start in range(0, len(lines), 50)]
    drawn = [
        made.shown(50, 50, "Question 1", size=16, is_bold=True) + made.shown_lines(50, 80, page)
        for page in pages
    ]
    return made.pdf([*drawn, _ruled([line[:40] for line in chance.choices(_SAID, k=12)])])


def _ruled(cells: list[str]) -> str:
    """A page with a table of two columns and its lines."""
    edges = "".join(f"50 {800 - 30 * row} m 545 {800 - 30 * row} l S\n" for row in range(7))
    edges += "".join(f"{x} 800 m {x} 620 l S\n" for x in (50, 300, 545))
    shown = [cell.encode("cp1252", "replace").decode("cp1252") for cell in cells]
    return edges + "".join(
        made.shown(55 + 250 * (n % 2), 60 + 30 * (n // 2), cell) for n, cell in enumerate(shown)
    )


def _wrapped(line: str, width: int) -> list[str]:
    held = [""]
    for word in line.encode("cp1252", "replace").decode("cp1252").split():
        if len(held[-1]) + len(word) > width:
            held.append("")
        held[-1] = f"{held[-1]} {word}".strip()
    return held


def _pptx(chance: Random) -> bytes:
    lines = [line.replace("&", "et").replace("<", "") for line in _lines(chance)]
    groups = [lines[start : start + 5] for start in range(0, _N_LINES, 5)]
    return made.pptx(
        [
            made.p_shape('type="title"', "Question 1") + made.p_shape('type="body"', *group)
            for group in groups
        ]
    )


def _rtf(chance: Random) -> bytes:
    lines = [line.encode("cp1252", "replace") for line in _lines(chance)]
    escaped = [
        b"".join(b"\\'%02x" % byte if byte > 127 else bytes([byte]) for byte in line)
        for line in lines
    ]
    return (
        b"{\\rtf1\\ansi\\ansicpg1252\\pard\\b Question 1\\b0\\par\n"
        + b"\\par\n".join(b"\\pard\\li360 " + line for line in escaped)
        + b"\\par}"
    )


def _html(chance: Random) -> bytes:
    items = "".join(f"<li>{line.replace('<', '')}</li>" for line in _lines(chance))
    head = "<!doctype html><html><head><meta charset=utf-8><title>Pad</title></head>"
    return f"{head}<body><h1>Question 1</h1><ul>{items}</ul></body></html>".encode()


def _vtt(chance: Random) -> bytes:
    cues = [
        f"00:{n:02}:00.000 --> 00:{n:02}:30.000\n<v {chance.choice(_FIRST)}>{line}"
        for n, line in enumerate(_lines(chance))
    ]
    return ("WEBVTT\n\n" + "\n\n".join(cues)).encode()


def _srt(chance: Random) -> bytes:
    cues = [
        f"{n + 1}\n00:{n:02}:00,000 --> 00:{n:02}:30,000\n{chance.choice(_FIRST)} : {line}"
        for n, line in enumerate(_lines(chance))
    ]
    return "\n\n".join(cues).encode()


def _mail(chance: Random) -> bytes:
    lines = _lines(chance)
    packed = [base64.encodebytes(make(chance)).decode() for make in (_docx, _text)]
    opening = "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment"
    attached = [
        f'{opening}; filename="{name}"\n\n{content}'
        for name, content in zip(("notes.docx", "notes.txt"), packed, strict=True)
    ]
    head = "From: Anne Riou <a@example.org>\nTo: b@example.org\nSubject: Suite\nMIME-Version: 1.0\n"
    head += 'Content-Type: multipart/mixed; boundary="b"\n'
    text = "Bonjour,\n\n" + "\n\n".join(lines[:8]) + "\n\nCordialement,\nAnne Riou\n"
    return (
        f"{head}\n--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        + "".join(attached)
        + "--b--\n"
    ).encode()


def _mailbox(chance: Random) -> bytes:
    return b"\n".join(
        b"From a@example.org Mon Jun  1 10:00:00 2026\n" + _mail(chance) for _ in range(3)
    )


def _msg(chance: Random) -> bytes:
    held = made.msg_properties({0x3707: "notes.docx", 0x3701: _docx(chance)}, {0x3705: 1})
    return made.msg(
        {0x0037: "Suite", 0x1000: "\r\n\r\n".join(_lines(chance)[:8])},
        folders={"__attach_version1.0_#00000000": held},
    )


def _csv(chance: Random) -> bytes:
    return "\n".join(";".join(row) for row in _people(chance)).encode()


def _ods(chance: Random) -> bytes:
    return made.ods(made.ods_table("Liste", *(made.ods_cells(*row) for row in _people(chance))))


def _geojson(chance: Random) -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {"nom": row[1], "commune": row[2]},
            "geometry": {"type": "Point", "coordinates": [2 + n / 99, 44.6]},
        }
        for n, row in enumerate(_people(chance)[1:])
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _kml(chance: Random) -> bytes:
    marks = [
        f"<Placemark><name>{row[1]}</name><Point><coordinates>{2 + n / 99},44.6</coordinates></Point></Placemark>"
        for n, row in enumerate(_people(chance)[1:])
    ]
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(marks)}</Document></kml>'.encode()


MAKERS: dict[str, Maker] = {
    "txt": _text, "md": _text, "docx": _docx, "odt": _odt, "doc": lambda chance: made.doc(_lines(chance)), "rtf": _rtf, "pdf": _pdf,
    "pptx": _pptx, "html": _html, "csv": _csv, "xlsx": lambda chance: made.xlsx({"Liste": _people(chance)}),
    "xls": lambda chance: made.xls(_people(chance)), "ods": _ods, "eml": _mail, "mbox": _mailbox, "msg": _msg, "vtt": _vtt, "srt": _srt,
    "geojson": _geojson, "kml": _kml, "zip": lambda chance: made.zipped({f"T{n}/notes.docx": _docx(chance) for n in range(3)}),
}  # fmt: skip


if __name__ == "__main__":
    main()
