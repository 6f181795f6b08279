"""Photos and scans: read in a confined child where the extra is installed, refused with advice where not."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.ingest import ingest_workshop, sandbox
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.pictures import (
    Pixels,
    WrittenLine,
    blocks_of_picture,
    ocr_version,
)
from pipeline.ingest.sandbox import read_files
from pipeline.settings.sections import IngestSettings
from support.made_files import pdf, shown, zipped
from support.made_pictures import MARKERS, TYPED, encoded, font_of, post_it, wall, write_words

Image = pytest.importorskip("PIL.Image")
needs_model = pytest.mark.skipif(ocr_version() is None, reason="the extra ocr is not installed")
YELLOW, PINK, WHITE = (255, 242, 122), (255, 179, 199), (250, 250, 250)
Written = tuple[str, float, tuple[int, int, int, int]]  # text, confidence, left top right bottom


def paper(*colours: tuple[int, int, int], height: int = 600) -> Pixels:
    """Return columns of coloured papers, 400 pixels wide, with some wall between two."""
    strips = []
    for colour in colours:
        strips += [np.full((height, 400, 3), colour), np.full((height, 40, 3), (150, 150, 150))]
    return np.concatenate(strips, axis=1).astype(np.uint8)


def read(pixels: Pixels, *lines: Written) -> list[tuple[str, str, str | None]]:
    """Return (kind, text, channel) of the blocks of lines that a model would read on `pixels`."""

    def read_lines(_: Pixels) -> list[WrittenLine]:
        return [
            WrittenLine(
                text,
                confidence,
                np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float),
                pixels[(y0 + y1) // 2, (x0 + x1) // 2].astype(float),
            )
            for text, confidence, (x0, y0, x1, y1) in lines
        ]

    blocks = blocks_of_picture(pixels, read_lines)
    return [(block.kind, block.text, block.channel) for block in blocks]


LAYOUTS: list[tuple[str, Pixels, list[Written], list[tuple[str, str, str | None]]]] = [
    (
        "each post-it is a block, row by row",
        paper(YELLOW, PINK),
        [
            ("Plus de bus", 1.0, (20, 40, 300, 90)),
            ("Garder les", 1.0, (460, 50, 700, 100)),
            ("le soir", 1.0, (20, 100, 200, 150)),
            ("commerces", 1.0, (460, 110, 700, 160)),
        ],
        [
            ("paragraph", "Plus de bus le soir", "postit"),
            ("paragraph", "Garder les commerces", "postit"),
        ],
    ),
    (
        "two post-its of one colour, one above the other",
        np.concatenate([paper(PINK, height=200), paper((150, 150, 150), height=30), paper(PINK, height=200)]),
        [("Une crèche", 1.0, (20, 130, 300, 190)), ("Un four", 1.0, (20, 235, 300, 295))],
        [("paragraph", "Une crèche", "postit"), ("paragraph", "Un four", "postit")],
    ),
    (
        "a label on a post-it is a heading",
        paper(YELLOW, PINK),
        [("Table 3", 1.0, (20, 40, 300, 90)), ("Un four à pain", 1.0, (460, 40, 800, 90))],
        [("heading", "Table 3", None), ("paragraph", "Un four à pain", "postit")],
    ),
    (
        "bullets of a paperboard, and its title",
        paper(WHITE),
        [
            ("Nos idées", 1.0, (20, 10, 300, 90)),
            ("- rouvrir la", 1.0, (20, 120, 300, 170)),
            ("gare de Figeac", 1.0, (20, 180, 300, 230)),
            ("- un four à pain", 1.0, (20, 240, 300, 290)),
        ],
        [
            ("heading", "Nos idées", None),
            ("bullet", "rouvrir la gare de Figeac", None),
            ("bullet", "un four à pain", None),
        ],
    ),
    (
        "words cut at the end of a line are joined, two pieces of a line too",
        paper(WHITE),
        [
            ("Il manque des", 1.0, (20, 40, 180, 70)),
            ("loge-", 1.0, (200, 40, 280, 70)),
            ("ments à Sète.", 1.0, (20, 75, 200, 105)),
        ],
        [("paragraph", "Il manque des logements à Sète.", None)],
    ),
    (
        "a line that is not sure is a hole, and listed apart",
        paper(YELLOW),
        [
            ("Les jeunes partent", 0.99, (20, 40, 380, 90)),
            ("fxte dc", 0.5, (20, 100, 200, 150)),
            ("de logements", 0.97, (20, 160, 300, 210)),
        ],
        [
            ("paragraph", "Les jeunes partent […] de logements", "postit"),
            ("meta", "fxte dc", None),
        ],
    ),
    (
        "a paper that is mostly not sure says nothing, nor do letters that are not ours",
        paper(YELLOW, PINK),
        [
            ("Oui", 0.99, (20, 40, 100, 90)),
            ("lcs jcvncs pxrtent", 0.4, (20, 100, 380, 150)),
            ("中文字", 0.99, (460, 40, 700, 90)),
            ("12", 0.99, (460, 300, 500, 350)),
        ],
        [
            ("meta", "Oui", None),
            ("meta", "lcs jcvncs pxrtent", None),
            ("meta", "中文字", None),
            ("meta", "12", None),
        ],
    ),
    ("nothing is written", paper(WHITE), [], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pixels", "lines", "expected"),
    [case[1:] for case in LAYOUTS],
    ids=[case[0] for case in LAYOUTS],
)
def test_lines_of_one_paper_are_one_block(
    pixels: Pixels, lines: list[Written], expected: list[tuple[str, str, str | None]]
) -> None:
    assert read(pixels, *lines) == expected


def refused(content: bytes) -> ReadError:
    with pytest.raises(ReadError) as refusal:
        read_source(FileContent(content, "a.jpg", read_lines=lambda _: []))
    return refusal.value


def test_pictures_that_cannot_be_opened_are_refused_in_french_with_advice() -> None:
    huge = encoded(Image.new("1", (20_000, 20_000)))
    assert refused(huge).found == "image démesurée"
    assert (
        refused(encoded(Image.new("RGB", (300, 300)), ".jpg")[:700]).found
        == "le fichier de l'image est abîmé ou incomplet"
    )
    assert refused(b"\x00\x00\x00\x18ftypheic").found.startswith(
        "image d'un format non lu (photo .heic"
    )
    assert refused(encoded(Image.new("RGB", (300, 300)))).found == "image ou photo sans texte"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workshop's folder with a photo, a scan, the same photo in an archive, and a note."""
    depot = tmp_path_factory.mktemp("depot")
    inside = depot / "2026-03-12 Sète"
    inside.mkdir()
    page = Image.new("RGB", (1000, 700), "white")
    text = "La ligne de bus du plateau ne passe plus le soir."
    write_words(page, text, font=font_of(TYPED[2], 34), ink="black", corner=(80, 90), width=800)
    photo = Image.new("RGB", (520, 520), "#d9d5cc")
    photo.paste(post_it("Plus de bus le soir", Random(2), TYPED[2:]), (70, 70))
    content = encoded(photo, ".jpg", 90)
    (inside / "table 2.jpg").write_bytes(content)
    page.save(inside / "scan.pdf")
    (inside / "photos.zip").write_bytes(zipped({"a.jpg": content, "b.txt": "- un four à pain"}))
    (inside / "notes.txt").write_text("- rouvrir la gare de Figeac")
    return inside


@pytest.mark.slow
@needs_model
def test_photos_and_scans_are_read_in_a_confined_child_and_marked(folder: Path) -> None:
    tables = ingest_workshop(folder, depot=folder.parent, settings=IngestSettings())
    documents = tables["documents"].set_index("path")
    name = folder.name
    assert documents["read_by"].fillna("").to_dict() == {
        f"{name}/notes.txt": "",
        f"{name}/photos.zip#a.jpg": "machine",
        f"{name}/photos.zip#b.txt": "",
        f"{name}/scan.pdf": "machine",
        f"{name}/table 2.jpg": "machine",
    }
    assert documents.loc[f"{name}/table 2.jpg", "text"] == "Plus de bus le soir"
    assert documents.loc[f"{name}/table 2.jpg", "channel"] == "postit"
    assert documents.loc[f"{name}/table 2.jpg", "table_number"] == 2
    assert (
        documents.loc[f"{name}/scan.pdf", "text"]
        == "La ligne de bus du plateau ne passe plus le soir."
    )
    assert tables["rejects"].empty


@pytest.mark.slow
@needs_model
def test_the_same_picture_gives_the_same_blocks(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    image, _ = wall(Random(1), 4, MARKERS)
    for path in paths:
        path.write_bytes(encoded(image, ".jpg", 80))
    first, second = read_files(paths, settings=IngestSettings(n_readers=1))
    (again, _) = read_files(paths, settings=IngestSettings(n_readers=1))
    assert first.parts == second.parts == again.parts
    assert first.parts[0].taken_for == "photo, lue par machine"


@pytest.mark.slow
@pytest.mark.parametrize("is_installed", [False, True])
def test_without_the_extra_or_the_setting_pictures_are_refused_with_how_to_have_them_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    monkeypatch.setattr(sandbox, "ocr_version", lambda: "3.10.0" if is_installed else None)
    settings = IngestSettings(ocr=not is_installed)
    tables = ingest_workshop(folder, depot=folder.parent, settings=settings)
    rejects = tables["rejects"].set_index("path")
    assert rejects["reason"].to_dict() == {
        f"{folder.name}/photos.zip#a.jpg": "image ou photo",
        f"{folder.name}/scan.pdf": "PDF sans texte (scan)",
        f"{folder.name}/table 2.jpg": "image ou photo",
    }
    assert (
        rejects["advice"].str.contains("pip install 'ateliers-territoires[ocr]'", regex=False).all()
    )


@pytest.mark.slow
@needs_model
def test_a_picture_that_takes_too_long_leaves_the_rest_of_its_file(folder: Path) -> None:
    settings = IngestSettings(max_seconds_per_scan=0.01)
    archive, photo = read_files([folder / "photos.zip", folder / "table 2.jpg"], settings=settings)
    assert [part.error[0] if part.error else "" for part in archive.parts] == ["image ou photo", ""]
    assert photo.error is not None and "max_seconds_per_scan" in photo.error[1]


def test_a_pdf_keeps_its_pages_in_order_with_those_read_as_pictures() -> None:
    text = shown(60, 100, "Le bac coûte trop cher pour les gens de l'île.")
    picture = "q 595 0 0 842 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q"
    corners = np.array([(50, 50), (900, 50), (900, 90), (50, 90)], dtype=float)

    def read_lines(pixels: Pixels) -> list[WrittenLine]:
        assert max(pixels.shape) == 2000
        return [
            WrittenLine("Il faut un abri pour les vélos.", 0.99, corners, np.array([255.0] * 3))
        ]

    (part,) = read_source(FileContent(pdf([text, picture, text]), "n.pdf", read_lines=read_lines))
    assert [block.text for block in part.blocks] == [
        "Le bac coûte trop cher pour les gens de l'île.",
        "Il faut un abri pour les vélos.",
        "Le bac coûte trop cher pour les gens de l'île.",
    ]
    assert part.is_machine_read and part.taken_for == "PDF numérisé, lu par machine"
