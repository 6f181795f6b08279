"""Zip archives: their files are read as if they lay in the folder, and one bad file leaves the others alone."""

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import ReadError
from pipeline.ingest import ingest_workshop
from pipeline.ingest.parts import FileContent, Limits, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.settings.sections import IngestSettings
from support.made_files import docx, odt, w_p, xlsx, zipped

NOTE = docx(w_p("rouvrir le lavoir de Gordes"))
MAIL = "From: a@example.org\nTo: b@example.org\nSubject: suite\nMIME-Version: 1.0\n\nIl manque un abribus à Apt.\n".encode()


def read(content: bytes, **limits: int) -> tuple[RawPart, ...]:
    return read_source(FileContent(content, "notes.zip", Limits(**limits)))


def found(content: bytes) -> list[tuple[str, str]]:
    """(Name, first text or reason of refusal) of each part."""
    return [
        (
            part.name,
            part.error[0]
            if part.error
            else (part.blocks[0].text if part.blocks else part.rows[0][0]),
        )
        for part in read(content)
    ]


def raw_named(name: bytes, flag_bits: int = 0, content: bytes = b"une idee") -> bytes:
    """An archive of one stored text whose name and flags are written as they are."""
    check = zipfile.crc32(content)
    shared = struct.pack(
        "<HHHHHIIIHH", 20, flag_bits, 0, 0, 0, check, len(content), len(content), len(name), 0
    )
    local = b"PK\x03\x04" + shared + name + content
    central = b"PK\x01\x02\x14\x00" + shared + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return (
        local
        + central
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    )


ARCHIVES: list[tuple[str, bytes, list[tuple[str, str]]]] = [
    (
        "files in folders in order of path, junk passed over",
        zipped({"T/Table 2.docx": NOTE, "T/Table 1.txt": "- un four", "__MACOSX/T/._Table 1.txt": "x", "T/.DS_Store": "x", "Thumbs.db": "x", "T/~$1.docx": "x"}),
        [("T/Table 1.txt", "un four"), ("T/Table 2.docx", "rouvrir le lavoir de Gordes")],
    ),
    (
        "sheets and attachments are parts of their file",
        zipped({"c.xlsx": xlsx({"A": [["idée"], ["un bac"]], "B": [["idée"], ["un banc"]]}), "m.eml": MAIL}),
        [("c.xlsx/1-A", "idée"), ("c.xlsx/2-B", "idée"), ("m.eml", "Il manque un abribus à Apt.")],
    ),
    (
        "a bad file leaves the others alone",
        zipped({"a.docx": b"PK\x03\x04rien", "b.jpg": b"\xff\xd8\xff\xe0", "c.txt": "", "d.docx": NOTE}),
        [
            ("a.docx", "le document Word est abîmé ou incomplet"),
            ("b.jpg", "image ou photo"),
            ("c.txt", "fichier vide (0 octet)"),
            ("d.docx", "rouvrir le lavoir de Gordes"),
        ],
    ),
    (
        "an archive in it is read, an archive in that is not",
        zipped({"x.zip": zipped({"d/n.docx": NOTE, "y.zip": zipped({"n.docx": NOTE})})}),
        [("x.zip/d/n.docx", "rouvrir le lavoir de Gordes"), ("x.zip/y.zip", "trop d'archives emboîtées")],
    ),
    ("a password", raw_named(b"secret.txt", 0x1), [("secret.txt", "fichier d'archive protégé par un mot de passe")]),
    ("a name that climbs", raw_named(b"../../etc/passwd.txt"), [("etc/passwd.txt", "nom de fichier dangereux dans l'archive")]),
    ("a name from the root", raw_named(b"/etc/passwd.txt"), [("etc/passwd.txt", "nom de fichier dangereux dans l'archive")]),
    ("a name with a drive", raw_named(b"C:\\x.txt"), [("C:/x.txt", "nom de fichier dangereux dans l'archive")]),
    ("a manifest", zipped({"atelier.yaml": "date: 2026-03-01"}), [("atelier.yaml", "atelier.yaml dans une archive")]),
    ("a name of Windows", raw_named("Élus déjà reçus.txt".encode("cp850")), [("Élus déjà reçus.txt", "une idee")]),
    ("a name of macOS", raw_named("E\u0301te\u0301.txt".encode()), [("Été.txt", "une idee")]),
    ("a name that says it is UTF-8", raw_named("Été à Sète.txt".encode(), 0x800), [("Été à Sète.txt", "une idee")]),
    ("a name with the sign of parts", raw_named(b"a#b.txt"), [("a-b.txt", "une idee")]),
    ("Windows separators", raw_named(b"Table 4\\n.txt"), [("Table 4/n.txt", "une idee")]),
    ("a folder called word is no Word document", zipped({"word/n.odt": odt("<text:p>un puits</text:p>")}), [("word/n.odt", "un puits")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in ARCHIVES], ids=[case[0] for case in ARCHIVES]
)
def test_files_of_an_archive_are_parts_named_by_their_path(
    content: bytes, expected: list[tuple[str, str]]
) -> None:
    assert found(content) == expected


def test_two_files_of_one_name_stay_two_parts() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("n.txt", "un four")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("n.txt", "un puits")
    assert found(held.getvalue()) == [("n.txt", "un four"), ("n.txt (2)", "un puits")]


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (zipped({}), {}, "archive sans document"),
        (zipped({".DS_Store": "x"}), {}, "archive sans document"),
        (zipped({"n.txt": "x"})[:-30], {}, "le fichier .zip est abîmé"),
        (
            zipped({f"{number}.txt": "x" for number in range(6)}),
            {"max_entries": 5},
            "archive qui se déplie démesurément",
        ),
        (zipped({"n.txt": b"\0" * 2_000_000}), {}, "archive qui se déplie démesurément"),
        (
            zipped({"n.txt": b"idee " * 300}),
            {"max_unzipped_bytes": 1000},
            "archive qui se déplie démesurément",
        ),
    ],
    ids=[
        "blank",
        "system file alone",
        "cut",
        "many entries",
        "much from little",
        "much",
    ],  # an archive's bytes hold the time of their making
)
def test_an_archive_that_is_blank_damaged_or_monstrous_is_refused_whole(
    content: bytes, limits: dict[str, int], reason: str
) -> None:
    with pytest.raises(ReadError) as refusal:
        read(content, **limits)
    assert refusal.value.found.startswith(reason)
    assert len(refusal.value.do.split()) > 3


def test_what_an_archive_in_an_archive_unfolds_counts_with_the_rest() -> None:
    inner = zipped({"n.txt": b"une idee " * 100})
    (first, second) = read(
        zipped({"a.txt": b"une idee " * 50, "x.zip": inner}),
        max_unzipped_bytes=450 + len(inner) + 800,
    )
    assert (first.error, (second.error or ("",))[0].split(" (")[0]) == (
        None,
        "archive qui se déplie démesurément",
    )


def test_notes_lists_and_maps_of_an_archive_count_as_if_they_lay_in_the_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "Luberon 2026-05-04"
    folder.mkdir()
    point = {
        "type": "Feature",
        "properties": {"nom": "La Bergerie"},
        "geometry": {"type": "Point", "coordinates": [5.4, 43.87]},
    }
    files = {
        "envoi/table 3/question 2.docx": NOTE,
        "envoi/emargement.csv": "Nom;Prénom;Structure;Signature\nAUBERT;Lise;La Bergerie;x\nROUX;Jean;Ville d'Apt;\n",
        "envoi/carte.geojson": json.dumps({"type": "FeatureCollection", "features": [point]}),
        "envoi/vieux.docx": b"PK\x03\x04rien",
    }
    (folder / "tout.zip").write_bytes(zipped(files))
    tables = ingest_workshop(folder, depot=tmp_path, settings=IngestSettings())
    (document,) = tables["documents"].to_dict("records")
    (block,) = tables["blocks"].to_dict("records")
    assert document["path"] == "Luberon 2026-05-04/tout.zip#envoi/table 3/question 2.docx"
    assert (document["title"], block["table_number"], block["question"]) == ("question 2", 3, "q2")
    assert len(tables["attendance"]) == 2
    assert tables["structures"].query("is_on_map")["name"].to_list() == ["La Bergerie"]
    assert tables["rejects"]["path"].to_list() == ["Luberon 2026-05-04/tout.zip#envoi/vieux.docx"]
