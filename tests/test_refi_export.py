"""The .qdpx and .qdc: valid, the same for the same study, right quotes at the right offsets, nobody's codes mixed with another's."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import etree

from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.exchange.codebook import codebook_file
from pipeline.exchange.documents import gather_codings
from pipeline.exchange.project import project_file
from pipeline.exchange.xml import one_line, xml_text
from pipeline.grid import load_grid
from pipeline.tables.material import DECISIONS, TAGS
from pipeline.tables.results import THEME_FAMILIES
from support.decisions import sign_off
from support.draws import seeds
from support.exchanged import GRID, Doc, Line, Tables, any_study, made_study, on_tag, small, taken
from support.refi import GUID, NS, SCHEMA, check_codebook


def exported(tables: Tables, decisions: pd.DataFrame | None = None, **more: Any) -> bytes:
    codings = gather_codings(
        tables, GRID, decisions=DECISIONS.empty() if decisions is None else decisions, **more
    )
    return project_file(tables, GRID, codings, title="Étude d'essai")


def opened(content: bytes) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return etree.fromstring(files["project.qde"]), files


def coded(content: bytes) -> set[tuple[str, str, str]]:
    """(user, quote, code) of every coding, the quote read in the source's file at the offsets told."""
    root, files = opened(content)
    users = {
        user.get("guid"): user.get("name").partition(" ")[0]
        for user in root.iterfind(".//p:User", NS)
    }
    codes = {code.get("guid"): code.get("name") for code in root.iterfind(".//p:Code", NS)}
    found = set()
    for source in root.iterfind(".//p:TextSource", NS):
        text = files[f"sources/{source.get('plainTextPath').removeprefix('internal://')}"].decode()
        for selection in source.iterfind("p:PlainTextSelection", NS):
            quote = text[int(selection.get("startPosition")) : int(selection.get("endPosition"))]
            for coding in selection.iterfind("p:Coding", NS):
                found.add(
                    (
                        users[coding.get("creatingUser")],
                        quote,
                        codes[coding.find("p:CodeRef", NS).get("targetGUID")],
                    )
                )
    return found


@pytest.mark.parametrize("seed", seeds(25))
def test_any_study_gives_a_valid_project_with_the_right_quotes(seed: int) -> None:
    tables = any_study(seed)
    content = exported(tables)
    root, files = opened(content)
    assert SCHEMA.validate(root), SCHEMA.error_log.last_error
    assert {quote for _, quote, _ in coded(content)} <= {
        xml_text(text) for text in tables["units"]["text"]
    }
    assert all(
        b"\r" not in text and not text.startswith(b"\xef\xbb\xbf")
        for name, text in files.items()
        if name != "project.qde"
    )
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len(guids) == len(set(guids)) and all(map(GUID.fullmatch, guids))
    names = [code.get("name").casefold() for code in root.iterfind(".//p:Code", NS)]
    assert len(names) == len(set(names))


def codebook_of(tables: Tables) -> bytes:
    return codebook_file(GRID, tables["themes"], tables["theme_families"])


def test_an_emoji_counts_for_one() -> None:
    found = coded(exported(small()))
    assert ("automate", "Plus de car 🚍 le soir à Arthez.", GRID.label_of("enjeux.social")) in found
    assert ("automate", "La laiterie collecte 1 200 litres.", GRID.label_of("offre")) in found


def test_the_order_of_rows_changes_no_byte() -> None:
    tables = any_study(7)
    shuffled = {
        name: rows.sample(frac=1, random_state=2).reset_index(drop=True)
        for name, rows in tables.items()
    }
    assert exported(tables) == exported(shuffled)
    assert codebook_of(tables) == codebook_of(shuffled)


def test_the_archive_tells_no_time_and_no_name_of_a_file_of_the_depot() -> None:
    content = exported(small())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[0] == "project.qde"
        assert not any(b"Camille" in archive.read(name) for name in archive.namelist())


def test_each_person_has_codes_of_their_own_and_the_machine_keeps_what_nobody_rejected() -> None:
    tables, proposed = small(), small()["tags"]
    decisions = taken(
        on_tag("accept", "d0u0", "rubrique", "enjeux.social"),
        on_tag("add", "d0u0", "rubrique", "offre", author="Paul"),
        on_tag("add", "d0u2", "rubrique", "offre", author="Paul"),
        on_tag("reject", "d0u2", "rubrique", "offre", author="Paul"),
        on_tag("add", "d0u2", "posture", "force", author="Paul"),
        on_tag("add", "d0u2", "posture", "demande", author="Paul"),
        on_tag("reject", "d0u1", "rubrique", "offre"),
    )
    is_rejected = (tables["tags"]["unit_id"] == "d0u1") & (tables["tags"]["code"] == "offre")
    tables["tags"] = TAGS.check(tables["tags"].assign(is_assigned=~is_rejected))
    codings = gather_codings(tables, GRID, decisions=decisions, machine_tags=proposed)
    people = {(coding.author, coding.unit_id, coding.code) for coding in codings if coding.author}
    assert people == {
        ("Lise", "d0u0", "enjeux.social"),
        ("Paul", "d0u0", "offre"),
        ("Paul", "d0u2", "demande"),
    }
    machine = {(coding.unit_id, coding.code) for coding in codings if not coding.author}
    assert (
        ("d0u0", "enjeux.social") in machine
        and ("d0u1", "offre") not in machine
        and ("d0u1", "approvisionnement") in machine
    )


def test_words_that_a_person_coded_are_a_selection_of_their_own() -> None:
    text = "Plus de car 🚍 le soir à Arthez."
    spans = [
        Quote.of(text, text.index(words), text.index(words) + len(words))
        for words in ("le soir", "car 🚍")
    ]
    rows = [
        CodeSpan("d0u0", "rubrique", "offre", span).row() | {"author": "Lise"} for span in spans
    ]
    content = exported(small(), taken(*rows))
    offer = GRID.label_of("offre")
    assert {found for found in coded(content) if found[0] == "Lise"} == {
        ("Lise", "le soir", offer),
        ("Lise", "car 🚍", offer),
    }
    root, _ = opened(content)
    assert SCHEMA.validate(root), SCHEMA.error_log.last_error
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len(guids) == len(set(guids))


def test_each_coder_has_selections_of_their_own_as_some_tools_take_the_coder_from_it() -> None:
    words = Quote.of("Plus de car 🚍 le soir à Arthez.", 0, 4)
    on_words = CodeSpan("d0u0", "rubrique", "offre", words).row()
    on_whole = on_tag("add", "d0u0", "rubrique", "offre")
    people = [{"author": "Lise"}, {"author": "Zoé"}]
    decisions = [row | who for row in (on_words, on_whole | {"unit_id": "d0u1"}) for who in people]
    root, _ = opened(exported(small(), taken(*decisions)))
    assert SCHEMA.validate(root), SCHEMA.error_log.last_error
    codings = list(root.iterfind(".//p:Coding", NS))
    own = [coding.getparent().get("creatingUser") for coding in codings]
    assert [coding.get("creatingUser") for coding in codings] == own
    assert len(set(own)) == 3


def test_no_variable_is_of_cases_and_of_documents() -> None:
    root, _ = opened(exported(small()))
    of_cases, of_documents = (
        {
            ref.get("targetGUID")
            for ref in root.iterfind(f".//p:{tag}/p:VariableValue/p:VariableRef", NS)
        }
        for tag in ("Case", "TextSource")
    )
    assert of_cases and of_documents and not of_cases & of_documents


def test_what_only_a_decision_assigned_is_not_the_machines() -> None:
    tables, proposed = small(), small()["tags"].assign(is_assigned=False)
    codings = gather_codings(
        tables, GRID, decisions=DECISIONS.empty(), machine_tags=TAGS.check(proposed)
    )
    assert {coding.axis for coding in codings} == {"theme"}


@pytest.mark.parametrize(
    "decisions",
    [
        [
            {"action": "move_unit", "unit_id": "d0u0", "value": "t-cars"},
            {"action": "move_unit", "unit_id": "d0u1", "value": "t-cars"},
        ],
        [sign_off("t-cars", ["d0u0", "d0u1"])],
    ],
    ids=["moved", "signed off"],
)
def test_a_theme_that_a_person_chose_is_that_persons(decisions: list[dict[str, Any]]) -> None:
    codings = gather_codings(small(), GRID, decisions=taken(*decisions))
    assert {
        (coding.author, coding.unit_id, coding.code) for coding in codings if coding.axis == "theme"
    } == {
        ("Lise", "d0u0", "t-cars"),
        ("", "d0u1", "t-lait"),
        ("", "d1u0", "t-cars"),
        ("", "d2u0", "t-cars"),
    }


def test_workshops_and_tables_are_cases_with_their_variables() -> None:
    root, _ = opened(
        exported(
            made_study(
                Doc([Line("a", table=1), Line("b", table=2)], table=None, title="Restitution"),
                Doc([Line("c")]),
            )
        )
    )
    cases = {case.get("name"): case for case in root.iterfind(".//p:Case", NS)}
    assert list(cases) == ["orthez", "orthez, table 1", "orthez, table 2", "die"]
    assert [len(cases[name].findall("p:SourceRef", NS)) for name in cases] == [2, 1, 0, 0]
    assert [len(cases[name].findall("p:SelectionRef", NS)) for name in cases] == [0, 1, 1, 0]
    names = {
        variable.get("guid"): variable.get("name")
        for variable in root.iterfind(".//p:Variable", NS)
    }
    values = {
        names[value[0].get("targetGUID")]: value[1].text
        for value in cases["orthez, table 1"].iterfind("p:VariableValue", NS)
    }
    assert values == {
        "Territoire": "orthez",
        "Atelier": "orthez",
        "Date": "2025-02-04",
        "Table": "1",
    }


def test_an_empty_study_is_a_valid_project_without_empty_lists() -> None:
    tables = made_study()
    root, files = opened(exported(tables | {"workshops": tables["workshops"].head(0)}))
    assert SCHEMA.validate(root), SCHEMA.error_log.last_error
    assert (
        list(files) == ["project.qde"]
        and root.find("p:Sources", NS) is None
        and root.find("p:Cases", NS) is None
    )


@pytest.mark.parametrize("seed", seeds(10))
def test_the_codebook_has_two_branches_and_every_theme(seed: int) -> None:
    tables = any_study(seed)
    themes = tables["themes"]
    root = check_codebook(codebook_of(tables))
    grid, of_themes = root.findall("c:Codes/c:Code", NS)
    assert [branch.get("name") for branch in grid] == ["Rubriques", "Postures", "Piliers"]
    assert len(of_themes.findall("c:Code", NS)) == len(themes)
    assert {one_line(label)[:50] for label in themes["label"] if label} <= {
        code.get("name")[:50] for code in of_themes
    }


def test_a_grid_comes_back_from_its_codebook(tmp_path: Path) -> None:
    (tmp_path / "grille.qdc").write_bytes(codebook_of(any_study(1)))
    again = load_grid(tmp_path / "grille.qdc")
    assert again.codes == GRID.codes
    assert again.families == GRID.families


def test_a_theme_of_a_family_hangs_under_it() -> None:
    tables = made_study(labels={"t-1": "Cars", "t-2": "Trains", "t-3": "Loyers", "t-4": "Crèches"})
    tables["themes"] = tables["themes"].assign(parent_id=["f-1", "f-1", "f-2", None])
    tables["theme_families"] = THEME_FAMILIES.build(
        {
            "family_id": name,
            "label": label,
            "n_themes": 1,
            "n_units": 1,
            "n_tables": 1,
            "n_workshops": 1,
        }
        for name, label in (("f-1", "Transports"), ("f-2", "Loyers"), ("f-3", "Vide"))
    )
    root = check_codebook(codebook_of(tables))
    (branch,) = root.findall("c:Codes/c:Code", NS)[1:]
    assert [
        (code.get("name"), [child.get("name") for child in code.iterfind("c:Code", NS)])
        for code in branch
    ] == [
        ("Loyers (f-2)", ["Loyers"]),
        ("Transports", ["Cars", "Trains"]),
        ("Crèches", []),
    ]
