"""Names like formulas, markup, templates or commands, given by decisions: plain text in every file of a publication or an export."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import docx
import pytest
from lxml import etree, html
from pptx import Presentation
from python_calamine import CalamineWorkbook

from flows.comparison import comparison
from flows.publication import export_study, publish_whole
from flows.publish_study import write_comparison
from pipeline.decision_store import DecisionStore
from pipeline.decisions import apply_decisions
from pipeline.publish.charts import draw_svg, wrapped
from pipeline.publish.maps import map_spec
from pipeline.publish.report.content import MapPoint, TerritoryMap
from pipeline.publish.text import plain_name
from pipeline.settings import Settings
from pipeline.study import Study
from pipeline.tables import TABLES
from pipeline.tables.material import CATCHMENTS, STRUCTURES
from support.exchanged import on_tag
from support.invented import DIE, ORTHEZ, said
from support.iramuteq import parsed
from support.published import GRID, tables
from support.refi import SCHEMA, check_codebook
from support.report_text import pdf_text, squeezed

pytestmark = pytest.mark.slow

HOSTILE = {
    "formula": '=HYPERLINK("http://x.invalid","y")',
    "sum": "@SUM(1+1)*cmd|' /C calc'!A0",
    "minus": "-2+3 et +1",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "jinja": "{{ 7*7 }}{% raw %}{# rien #}",
    "format": "{theme} {0} %s %(a)s ${HOME}",
    "latex": "\\input{/etc/passwd} $x^2$ \\end{document}",
    "typst": '#eval("1") #{7*7} #import "a" @preview $ y $',
    "markdown": "[lien](http://x.invalid) **gras** `code` | a | b",
    "word": "MERGEFIELD x \\* ARABIC </w:t></w:r><w:p/> ]]> &amp; &#0;",
    "lines": "sur\ndeux\r\nlignes\tet\u2028trois",
    "controls": "co\x00n\x07tr\x1b[31môles \u202eà l'envers\u202c",
    "vega": 'datum.x\' + "] role="x" aria-label="y" signal(\'a\')',
    "iramuteq": "**** *faux_titre -*piege $",
    "long": "mot très long " * 28,
    "unbroken": "Anticonstitutionnellement" * 16,
}
STRUCTURE, PLACE = '=cmd|"/C calc" <script>alert(2)</script> {{ 6*6 }}', "Salle <b>#1</b> =1+1"
ZIPPED = (".docx", ".pptx", ".xlsx", ".qdpx")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every file of a publication, of each export and of a comparison, by its path."""
    study = _renamed(tmp_path_factory.mktemp("noms") / "etude")
    run = {
        "run_id": "20250601T080000000000Z",
        "is_done": True,
        "publication": "publications/20250601T080000000000Z",
        "versions": {},
    }
    study.write_manifest(run)
    publish_whole(study.root, run)
    write_comparison(study.root)
    for form in ("xlsx", "techniques", "csv", "geojson", "qdpx", "qdc", "iramuteq", "relecture"):
        export_study(study, form, study.root / "exports" / form)
    folders = (study.root / run["publication"], study.root / "exports")
    return {
        path.relative_to(study.root).as_posix(): path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _renamed(root: Path) -> Study:
    """A study whose themes people renamed; a structure and a place are hostile too."""
    heard = [
        said(
            name,
            1 + place % 4,
            question,
            workshop_id=workshop_id,
            text=f"on parle de ceci {place}",
            rubrique="offre",
            posture="force",
        )
        for workshop_id in (ORTHEZ, DIE)
        for place, name in enumerate(HOSTILE)
        for question in ("q1", "q2")
    ]
    made = {name: table.empty() for name, table in TABLES.items()} | tables(*heard)
    placed = {"lat": 43.49, "lon": -0.77, "is_on_map": True, "is_in_attendance": True}
    known = {"structure_type": "coopérative", "commune_code": "64430"} | placed
    made["structures"] = STRUCTURES.build(
        [
            {"structure_id": "coop", "name": STRUCTURE, "map_workshop_ids": json.dumps([ORTHEZ])}
            | known
        ]
    )
    made["catchments"] = CATCHMENTS.build([{"structure_id": "coop", "radius_km": 12.0}])
    made["workshops"] = made["workshops"].assign(place=PLACE)
    made |= comparison(made, Settings())
    study = Study.create(root)
    store = DecisionStore(study.decisions_path)
    named = [
        {"author": "Lise", "action": "rename_theme", "theme_id": name, "value": value}
        for name, value in HOSTILE.items()
    ]
    store.append_all(
        [
            *named,
            {
                "author": "=1+1 <b>",
                **on_tag("add", made["units"]["unit_id"].iloc[0], "rubrique", "offre"),
            },
        ]
    )
    study.write_machine_table("tags", made["tags"])
    made |= apply_decisions(made, store.read(), axes=GRID.axes)
    for name, rows in made.items():
        study.write_table(name, rows)
    return study


def of_kind(files: dict[str, Path], *suffixes: str) -> dict[str, Path]:
    found = {name: path for name, path in files.items() if path.suffix in suffixes}
    assert found, suffixes
    return found


def shown(name: str) -> str:
    """What a reader sees of a name, without blanks."""
    return squeezed(plain_name(HOSTILE[name]))


def entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files within a zipped one, workbooks within it opened too."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            yield name, content
            if name.endswith(".xlsx"):
                with zipfile.ZipFile(io.BytesIO(content)) as book:
                    yield from ((f"{name}/{inner}", book.read(inner)) for inner in book.namelist())


@pytest.mark.slow
def test_the_names_reach_the_store_as_they_are_and_every_kind_of_file_is_looked_at(
    files: dict[str, Path],
) -> None:
    kinds = {path.suffix for path in files.values()}
    assert kinds >= {
        ".html",
        ".docx",
        ".pdf",
        ".pptx",
        ".xlsx",
        ".csv",
        ".geojson",
        ".qdpx",
        ".qdc",
        ".txt",
        ".json",
        ".svg",
        ".png",
    }


def test_a_page_shows_the_names_as_text_and_has_no_element_of_theirs(
    files: dict[str, Path],
) -> None:
    for name, path in of_kind(files, ".html").items():
        page = html.fromstring(path.read_bytes())
        scripts = [script for script in page.iter("script") if "alert" in (script.text or "")]
        assert scripts == [] and not page.xpath("//img | //iframe | //*[@onerror]"), name
        assert not [link for link in page.xpath("//@href | //@src") if not link.startswith("#")], (
            name
        )
        text = squeezed(page.text_content())
        if path.stem == "rapport":
            assert [one for one in HOSTILE if shown(one) in text], name
        elif path.stem != "carte":
            assert [one for one in HOSTILE if shown(one) not in text] == [], name
        if path.stem != "carte":
            assert "49" not in re.findall(r"(?<!\d)49(?!\d)", text), name
        else:
            assert squeezed(STRUCTURE) in squeezed(unescape(path.read_text(encoding="utf-8"))), name


def test_word_shows_the_names_as_text_with_no_field_and_no_link_of_theirs(
    files: dict[str, Path],
) -> None:
    whole = [name for name in of_kind(files, ".docx") if "ateliers/" not in name]
    assert len(whole) == 3 and len(of_kind(files, ".docx")) == 5
    for name, path in of_kind(files, ".docx").items():
        body = docx.Document(str(path)).element.body
        text = squeezed("".join(body.xpath(".//w:t/text()")))
        if name in whole and path.stem != "rapport":  # which tells the first themes only
            assert [one for one in HOSTILE if shown(one) not in text] == [], name
        fields = [node.get(f"{{{node.nsmap['w']}}}instr") for node in body.xpath(".//w:fldSimple")]
        assert all(
            re.fullmatch(r" SEQ (Figure|Tableau) \\\* ARABIC ", field) for field in fields
        ), name
        assert not [
            inner
            for inner, content in entries(path)
            if inner.endswith(".rels") and b'TargetMode="External"' in content
        ], name


def test_the_pdf_shows_the_names_as_text(files: dict[str, Path]) -> None:
    found = of_kind(files, ".pdf")
    (annex,) = [path for name, path in found.items() if name.endswith("annexe-technique.pdf")]
    text = squeezed(pdf_text(annex))
    whole = {name: shown(name) for name in HOSTILE} | {"unbroken": shown("unbroken")[:200]}
    assert [name for name, seen in whole.items() if seen not in text] == []  # a page may end in it
    assert len(found) == 4 and not [
        name
        for name, path in found.items()
        if b"/URI" in path.read_bytes() or b"/JS" in path.read_bytes()
    ]


def test_slides_show_the_names_as_text_with_no_link_and_no_formula_behind_a_chart(
    files: dict[str, Path],
) -> None:
    ((_, path),) = of_kind(files, ".pptx").items()
    slides = list(Presentation(str(path)).slides)
    text = squeezed(
        "".join(
            shape.text_frame.text
            for slide in slides
            for shape in slide.shapes
            if shape.has_text_frame
        )
    )
    notes = squeezed("".join(slide.notes_slide.notes_text_frame.text for slide in slides))
    titles = [slide.shapes.title.text_frame.text for slide in slides]
    ranked = [
        one for one in HOSTILE if any(plain_name(HOSTILE[one])[:20] in title for title in titles)
    ]
    assert len(ranked) == 5 and all(
        shown(one)[:15] in text and shown(one) in notes for one in ranked
    )
    for inner, content in entries(path):
        assert b"hlinkClick" not in content and b"<f>" not in content, inner
        assert not (inner.endswith(".rels") and b'TargetMode="External"' in content), inner


def test_a_workbook_holds_text_alone(files: dict[str, Path]) -> None:
    for name, path in of_kind(files, ".xlsx").items():
        for inner, content in entries(path):
            assert (
                b"<f>" not in content
                and b"<hyperlink" not in content
                and b'TargetMode="External"' not in content
            ), (name, inner)
        book = CalamineWorkbook.from_path(str(path))
        cells = {
            squeezed(str(cell))
            for sheet in book.sheet_names
            for row in book.get_sheet_by_name(sheet).to_python()
            for cell in row
        }
        if "relecture" not in name:
            is_written = {one: {squeezed(HOSTILE[one]), shown(one)} & cells for one in HOSTILE}
            assert [one for one in HOSTILE if not is_written[one]] == [], name


def test_no_cell_of_a_csv_is_a_formula(files: dict[str, Path]) -> None:
    seen = set()
    for name, path in of_kind(files, ".csv").items():
        for row in csv.reader(
            io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), delimiter=";"
        ):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r")), (name, cell)
                assert not cell.startswith("-") or re.fullmatch(r"-\d+(,\d+)?(e-?\d+)?", cell), (
                    name,
                    cell,
                )
                seen.add(squeezed(cell.removeprefix("'")))
    assert [one for one in HOSTILE if squeezed(HOSTILE[one].removeprefix("'")) not in seen] == []


def test_maps_and_drawings_hold_the_names_as_values(files: dict[str, Path]) -> None:
    for path in of_kind(files, ".geojson").values():
        assert STRUCTURE in [
            feature["properties"]["name"]
            for feature in json.loads(path.read_text(encoding="utf-8"))["features"]
        ]
    drawn = ""
    for path in of_kind(files, ".svg").values():
        drawing = etree.fromstring(path.read_bytes())
        assert not drawing.xpath(
            "//*[local-name()='script' or local-name()='image' or local-name()='a']"
        )
        drawn += squeezed("".join(drawing.itertext()))
    assert squeezed(STRUCTURE) in drawn
    assert all(
        json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if name.endswith(".json")
    )


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("long", "unbroken")])
def test_a_chart_writes_a_name_as_it_is(name: str) -> None:
    structure = MapPoint(plain_name(HOSTILE[name]), "", 43.5, -0.7)
    drawn = TerritoryMap("orthez", (), (), (structure,), (), 0)
    drawing = etree.fromstring(draw_svg(map_spec(drawn)).encode())
    assert shown(name) in squeezed("".join(drawing.itertext()))


@pytest.mark.parametrize("name", ["long", "unbroken"])
def test_a_chart_cuts_a_long_name_and_says_so(name: str) -> None:
    lines = wrapped(plain_name(HOSTILE[name]), 38).split("\n")
    assert len(lines) == 3 and max(map(len, lines)) <= 39 and lines[-1].endswith("…")


def test_exchange_files_are_valid_and_keep_the_names(files: dict[str, Path]) -> None:
    for path in of_kind(files, ".qdpx").values():
        root = etree.fromstring(dict(entries(path))["project.qde"])
        assert SCHEMA.validate(root), SCHEMA.error_log.last_error
        assert _missing(root) == []
    for path in of_kind(files, ".qdc").values():
        assert _missing(check_codebook(path.read_bytes())) == []
    for name, path in files.items():
        if path.stem == "corpus-iramuteq":
            assert sum(len(lines) for _, lines in parsed(path.read_bytes())) == 4 * len(HOSTILE), (
                name
            )


def _missing(root: Any) -> list[str]:
    codes = {
        squeezed(code.get("name"))[:40]
        for code in root.iter()
        if etree.QName(code).localname == "Code"
    }
    return [one for one in HOSTILE if squeezed(HOSTILE[one])[:40] not in codes]


def test_what_changed_is_told_on_lines_of_its_own(files: dict[str, Path]) -> None:
    (path,) = [path for name, path in files.items() if name.endswith("changements.txt")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", path.read_text(encoding="utf-8"))
