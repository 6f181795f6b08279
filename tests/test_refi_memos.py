"""Memos in a .qdpx: schema-valid, on what they are about, and read back as decisions."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import etree

from pipeline.decisions import active_decisions
from pipeline.decisions.codebook import EditCode
from pipeline.decisions.memos import EditMemo, MemoSubject, NoteMemo, current_memos
from pipeline.exchange.codebook import codebook_file
from pipeline.exchange.documents import gather_codings
from pipeline.exchange.import_project import NO_MEMO_AUTHOR, Taken, take_project
from pipeline.exchange.project import project_file, read_project
from pipeline.exchange.xml import guid
from pipeline.grid import load_grid
from pipeline.grid.codes import Grid
from pipeline.publish.text import zipped
from pipeline.tables.material import DECISIONS
from support.exchanged import GRID, small, taken
from support.refi import NS, SCHEMA

Files = dict[str, bytes]
SUBJECTS = [
    MemoSubject("study"),
    MemoSubject("document", "d1"),
    MemoSubject("unit", "d0u1"),
    MemoSubject("code", "rubrique:offre"),
    MemoSubject("theme", "t-cars"),
]
NOTED = taken(
    *({"author": "Zoé", **NoteMemo.on(about, f"Sur *{about.kind}* 🚲").row()} for about in SUBJECTS)
)


def exported(decisions: pd.DataFrame = NOTED, grid: Grid = GRID) -> Files:
    tables = small()
    codings = gather_codings(tables, grid, decisions=decisions)
    memos = tuple(current_memos(active_decisions(decisions)).values())
    content = project_file(tables, grid, codings, title="Essai", memos=memos)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def brought(
    files: Files, folder: Path, known: pd.DataFrame | None = None, author: str | None = None
) -> Taken:
    path = folder / "retour.qdpx"
    path.write_bytes(zipped(files.items()))
    decisions = DECISIONS.empty() if known is None else known
    return take_project(read_project(path), small(), GRID, decisions=decisions, author=author)


def noted(found: Taken) -> list[tuple[str, MemoSubject, str]]:
    rows = [row for row in found.decisions if isinstance(row, NoteMemo | EditMemo)]
    return [(row.author, row.subject, row.text) for row in rows]


def test_memos_are_notes_of_what_they_are_about_and_the_schema_holds() -> None:
    files = exported()
    root = etree.fromstring(files["project.qde"])
    SCHEMA.assertValid(root)
    notes = root.findall("p:Notes/p:Note", NS)
    assert len({note.get("name") for note in notes}) == len(SUBJECTS), "some tools ask for it"
    texts = {note.get("guid"): files[f"sources/{note.get('guid')}.txt"].decode() for note in notes}
    about = {
        texts[reference.get("targetGUID")]: etree.QName(reference.getparent()).localname
        for reference in root.iterfind(".//p:NoteRef", NS)
    }
    assert about == {
        "Sur *study* 🚲": "Project",
        "Sur *document* 🚲": "TextSource",
        "Sur *unit* 🚲": "PlainTextSelection",
        "Sur *code* 🚲": "Code",
        "Sur *theme* 🚲": "Code",
    }
    user = root.find("p:Users/p:User[@name='Zoé']", NS)
    assert {note.get("creatingUser") for note in notes} == {user.get("guid")}
    assert exported() == files


def test_memos_come_back_once_as_decisions_of_who_wrote_them(tmp_path: Path) -> None:
    found = brought(exported(), tmp_path)
    wanted = [("Zoé", about, f"Sur *{about.kind}* 🚲") for about in SUBJECTS]
    assert noted(found) == wanted
    again = brought(exported(), tmp_path, NOTED)
    assert (again.decisions, again.n_known) == ((), len(SUBJECTS))


def _in_element(xml: str) -> str:
    """As tools that put the texts into the XML."""
    return re.sub(
        r'<Note (guid="[^"]+") name="[^"]+" plainTextPath="[^"]+"([^>]*)/>',
        r"<Note \1\2><PlainTextContent>Autre texte</PlainTextContent></Note>",
        xml,
    )


def _without_users(xml: str) -> str:
    return re.sub(r' creatingUser="[^"]+"', "", xml)


@pytest.mark.parametrize(
    ("change", "author", "wanted"),
    [
        (_in_element, None, [("Zoé", about, "Autre texte") for about in SUBJECTS]),
        (_without_users, "Ana", [("Ana", about, f"Sur *{about.kind}* 🚲") for about in SUBJECTS]),
        (_without_users, None, []),
    ],
)
def test_what_other_tools_make_of_notes_is_read_too(
    change: Callable[[str], str], author: str | None, wanted: list[Any], tmp_path: Path
) -> None:
    files = exported()
    files["project.qde"] = change(files["project.qde"].decode()).encode()
    found = brought(files, tmp_path, author=author)
    assert noted(found) == wanted
    if not wanted:
        assert found.left_out[NO_MEMO_AUTHOR] == len(SUBJECTS)


def test_one_that_another_tool_changed_is_written_again_and_not_doubled(tmp_path: Path) -> None:
    files = exported()
    files["project.qde"] = _in_element(files["project.qde"].decode()).encode()
    found = brought(files, tmp_path, NOTED)
    assert {type(row) for row in found.decisions} == {EditMemo}
    assert [row.memo_id for row in found.decisions if isinstance(row, EditMemo)] == [1, 2, 3, 4, 5]


def _as_qualcoder(xml: str) -> str:
    """Every GUID is another; notes are a journal that refers to nothing, less those on documents."""
    xml = re.sub(r"<NoteRef [^>]*/>", "", xml)
    xml = re.sub(r'<Note [^>]*name="Mémo n° \d+, document[^>]*/>', "", xml)
    return re.sub(r'(<Note guid=")[^"]+', lambda found: f"{found[1]}{guid(found[0])}", xml)


@pytest.mark.parametrize(
    ("change", "author", "wanted"),
    [
        (lambda xml: xml, None, []),
        (
            lambda xml: xml.replace("Sur *document* 🚲", "Sur *document* 🚲\n\net puis"),
            "Ana",
            [("Ana", MemoSubject("document", "d1"), "et puis")],
        ),
        (
            lambda xml: xml.replace("Zoé : Sur *unit* 🚲", "Autre chose"),
            "Ana",
            [("Ana", MemoSubject("unit", "d0u1"), "Autre chose")],
        ),
        (
            lambda xml: xml.replace("Zoé : Sur *unit* 🚲", "Zoé : Sur *unit* 🚲\n\nSur *unit* 🚲"),
            "Ana",
            [],
        ),
    ],
)
def test_a_tool_that_shows_descriptions_and_a_journal_doubles_no_memo(
    change: Callable[[str], str], author: str | None, wanted: list[Any], tmp_path: Path
) -> None:
    files = exported()
    files["project.qde"] = change(_as_qualcoder(files["project.qde"].decode())).encode()
    files = {
        name: text if name.endswith(".qde") else b"\xef\xbb\xbf" + text
        for name, text in files.items()
    }
    assert noted(brought(files, tmp_path, NOTED, author)) == wanted


def test_an_entry_of_the_journal_that_was_changed_there_is_written_again(tmp_path: Path) -> None:
    files = exported()
    files["project.qde"] = _as_qualcoder(files["project.qde"].decode()).encode()
    files = {name: text.replace(b"Sur *theme*", b"Dit du *theme*") for name, text in files.items()}
    (edit,) = brought(files, tmp_path, NOTED).decisions
    assert isinstance(edit, EditMemo)
    assert (edit.memo_id, edit.subject, edit.author) == (5, MemoSubject("theme", "t-cars"), "Zoé")


def test_an_annotation_of_no_said_document_is_on_the_study(tmp_path: Path) -> None:
    files = exported(DECISIONS.empty())
    note = (
        f'<Notes><Note guid="{guid("x")}"><PlainTextContent>Une pause</PlainTextContent>'
        f'<PlainTextSelection guid="{guid("y")}" startPosition="3" endPosition="8"/></Note></Notes>'
    )
    xml = files["project.qde"].decode().replace("<Description>Textes", f"{note}<Description>Textes")
    found = brought(files | {"project.qde": xml.encode()}, tmp_path, author="Ana")
    assert noted(found) == [("Ana", MemoSubject("study"), "Une pause")]


def test_an_annotation_with_its_own_selection_is_on_that_passage(tmp_path: Path) -> None:
    source, note = guid("document", "d0"), "0f758eeb-d61d-4e91-b250-79861c3869a6"
    start = small()["units"].set_index("unit_id").loc["d0u2", "start_char"]
    files = exported(DECISIONS.empty())
    xml = files["project.qde"].decode()
    xml = xml.replace(
        "<Description>Textes",
        f'<Notes><Note guid="{note}" creatingUser="{guid("user", "automate")}">'
        "<PlainTextContent>Une pause</PlainTextContent>"
        f'<PlainTextSelection guid="{guid("x")}" startPosition="{start}" endPosition="{start + 5}"/>'
        "</Note></Notes><Description>Textes",
    )
    xml = re.sub(
        rf'(guid="{source}" name=.*?)(<VariableValue>)',
        rf'\1<NoteRef targetGUID="{note}"/>\2',
        xml,
        count=1,
        flags=re.S,
    )
    files["project.qde"] = xml.encode()
    found = brought(files, tmp_path, author="Ana")
    assert noted(found) == [("Ana", MemoSubject("unit", "d0u2"), "Une pause")]


def test_the_colour_of_a_code_is_that_of_the_project() -> None:
    codes = tuple(
        replace(code, colour="#aa3377") if code.code == "offre" else code for code in GRID.codes
    )
    root = etree.fromstring(exported(grid=replace(GRID, codes=codes))["project.qde"])
    SCHEMA.assertValid(root)
    coloured = [code.get("name") for code in root.iterfind(".//p:Code[@color='#aa3377']", NS)]
    assert coloured == ["Offre de biens et services"]


BLUE, GREEN, RED, PALE = "#0072b2", "#0f8a7e", "#c54949", "#3d6cb3"  # PALE: how a tool shows BLUE


def _coloured(colours: dict[str, str]) -> Grid:
    codes = tuple(replace(code, colour=colours.get(code.code, "")) for code in GRID.codes)
    return replace(GRID, codes=codes)


@pytest.mark.parametrize(
    ("ours", "shown", "painted", "former", "wanted"),
    [
        pytest.param({}, {}, {}, [], {}, marks=pytest.mark.slow),
        ({}, {}, {"offre": RED}, [], {"offre": RED}),
        pytest.param({}, {BLUE: PALE}, {}, [], {}, marks=pytest.mark.slow),
        ({}, {BLUE: PALE}, {"offre": RED}, [], {"offre": RED}),
        pytest.param({"offre": GREEN}, {}, {}, [], {}, marks=pytest.mark.slow),
        pytest.param(
            {"offre": GREEN}, {}, {"offre": RED}, [], {"offre": RED}, marks=pytest.mark.slow
        ),
        ({"offre": GREEN}, {}, {"offre": BLUE}, [], {}),  # a file from before GREEN
        pytest.param(
            {"offre": GREEN}, {BLUE: PALE}, {"offre": PALE}, [], {}, marks=pytest.mark.slow
        ),
        ({"offre": GREEN}, {}, {"offre": RED}, [RED], {}),
    ],
)
def test_a_colour_comes_back_where_somebody_chose_it(
    ours: dict[str, str],
    shown: dict[str, str],
    painted: dict[str, str],
    former: list[str],
    wanted: dict[str, str],
    tmp_path: Path,
) -> None:
    """`shown` says how the tool shows our colours, `painted` what a person changed there."""
    grid = _coloured(ours)
    root = etree.fromstring(exported(grid=grid)["project.qde"])
    names = {grid.label_of(code): colour for code, colour in painted.items()}
    for code in root.iterfind(".//p:Code", NS):
        colour = code.get("color").lower()
        code.set("color", names.get(code.get("name")) or shown.get(colour, colour))
    path = tmp_path / "retour.qdpx"
    path.write_bytes(zipped([*exported().items(), ("project.qde", etree.tostring(root))][1:]))
    offer = next(code for code in GRID.codes if code.code == "offre")
    edits = [EditCode.of("changé", offer, replace(offer, colour=had)).row() for had in former]
    found = take_project(
        read_project(path), small(), grid, decisions=taken(*edits), author="Ana"
    ).recolouring
    assert (found.author, dict(found.colours)) == ("Ana", wanted)


def test_a_codebook_gives_colours_and_takes_them_back(tmp_path: Path) -> None:
    codes = tuple(
        replace(code, colour="#0f8a7e") if code.code == "offre" else code for code in GRID.codes
    )
    path, tables = tmp_path / "grille.qdc", small()
    content = codebook_file(replace(GRID, codes=codes), tables["themes"], tables["theme_families"])
    path.write_bytes(content)
    colours = {code.code: code.colour for code in load_grid(path).codes}
    assert {code: colour for code, colour in colours.items() if colour} == {"offre": "#0f8a7e"}
