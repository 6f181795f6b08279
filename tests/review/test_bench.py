"""The bench: a document read whole with its codes, what speaks for each, and the window of a long one."""

import pandas as pd
import pytest
from playwright.sync_api import Browser, expect

from pipeline.decision_store import DecisionStore
from pipeline.decisions.tags import AddTag, ConfirmUnit
from pipeline.grid.codes import Code, Grid, Question
from pipeline.review import reading
from pipeline.review.bench import code_stripes, evidence_pieces
from pipeline.review.journal import Journal
from pipeline.review.queue import CONSIDERED, PROPOSED, CodeState
from pipeline.review.reading import N_AROUND, document_part, part_around
from pipeline.review.snapshot import Snapshot, Unit
from support.review_client import client
from support.review_server import Served


@pytest.fixture(autouse=True)
def in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentences as they are written, without Django's settings."""
    monkeypatch.setattr(reading, "_", str)


def unit(name: str, text: str = "", **more: object) -> Unit:
    told = {"table_number": None, "question": None, "channel": "notes", "speaker": None} | more
    return Unit(name, "d", "w", int(name), text or f"passage {name}", **told)  # type: ignore[arg-type]


GRID = Grid("g", "1", (), (Question("q9", "Et demain ?"),), ())


def snapshot(units: list[Unit], before: dict[str, list[tuple[str, str]]] | None = None) -> Snapshot:
    """A run of one document of these passages, with headings and the like before some of them."""
    text, rows = "", []
    for passage in units:
        own = [*(before or {}).get(passage.unit_id, ()), ("passage", passage.text)]
        for kind, said in own:
            unit_id = passage.unit_id if kind == "passage" else None
            rows.append(("d", len(text), len(text) + len(said), kind, None, unit_id))
            text += said + "\n"
    names = ["document_id", "start_char", "end_char", "kind", "reason", "unit_id"]
    tables = {
        "units": pd.DataFrame([passage._asdict() for passage in units]),
        "ledger": pd.DataFrame(rows, columns=names),
        "documents": pd.DataFrame({"document_id": ["d"], "text": [text]}),
    }
    return Snapshot("run", tables, {})


def test_table_question_and_speaker_are_said_once_where_they_change() -> None:
    units = [
        unit("0", table_number=1, question="q1"),
        unit("1", table_number=1, question="q1"),
        unit("2", table_number=2, question="q1", speaker="Animatrice"),
        unit("3", table_number=2, question="q9", speaker="Animatrice"),
    ]
    before = {
        "0": [("heading", "Table 1 – relu"), ("circumstance", "T1"), ("furniture", "–")],
        "2": [("circumstance", "T2")],
        "3": [("heading", "Table 2, suite")],
    }
    part = part_around(snapshot(units, before), units[1], GRID)
    assert [(line.kind, line.text, line.where) for line in part.lines] == [
        ("heading", "Table 1 – relu", ""),
        ("aside", "T1", "Question «\u00a0besoins et menaces\u00a0»"),
        ("passage", "passage 0", ""),
        ("passage", "passage 1", ""),
        ("aside", "T2", "Table 2 · Animatrice"),
        ("passage", "passage 2", ""),
        ("heading", "Table 2, suite", ""),
        ("aside", "", "Question «\u00a0Et demain ?\u00a0»"),
        ("passage", "passage 3", ""),
    ]
    assert (part.first, part.n_after) == (0, 0)


@pytest.mark.parametrize(
    ("current", "first", "last"), [(0, 0, 31), (40, 10, 71), (498, 468, 500)], ids=str
)
def test_a_long_document_is_shown_around_the_passage(current: int, first: int, last: int) -> None:
    units = [unit(str(i)) for i in range(500)]
    run = snapshot(units, {"10": [("heading", "Tour 2")], "71": [("heading", "Tour 3")]})
    part = part_around(run, units[current], GRID)
    shown = [line.unit.unit_id for line in part.lines if line.unit]
    assert shown == [str(i) for i in range(first, last)]
    assert (part.first, part.n_after) == (first, 500 - last)
    assert [line.text for line in part.lines if line.kind == "heading"] == (
        ["Tour 2"] if first <= 10 < last else []
    )


def test_the_parts_of_a_document_follow_each_other_without_gap_or_repeat() -> None:
    units = [unit(str(i)) for i in range(200)]
    run = snapshot(units, {str(i): [("heading", f"Titre {i}")] for i in range(0, 200, 7)})
    middle = part_around(run, units[100], GRID)
    parts = [middle]
    while parts[0].first:
        parts.insert(0, document_part(run, "d", *parts[0].before, GRID))
    while parts[-1].n_after:
        parts.append(document_part(run, "d", *parts[-1].after, GRID))
    texts = [line.text for part in parts for line in part.lines]
    assert len(parts) > 2 and all(part.last - part.first <= 2 * N_AROUND + 1 for part in parts)
    assert texts == [line.text for line in document_part(run, "d", 0, 200, GRID).lines]


def test_passages_are_read_where_earlier_tables_account_for_no_character() -> None:
    run = snapshot([unit(str(i)) for i in range(3)])
    run.tables["ledger"] = run.tables["ledger"].head(0)
    part = part_around(run, run.units["1"], GRID)
    assert [line.text for line in part.lines] == ["passage 0", "passage 1", "passage 2"]


def test_pieces_say_which_words_speak_for_which_code() -> None:
    code = Code("toit", "rubrique", "Toit", "")
    codes = [
        CodeState(code, PROPOSED, 0.9, ((3, 7), (10, 14))),
        CodeState(code, CONSIDERED, 0.2, ((5, 12),)),
    ]
    passage = unit("0", "un toit à loyer")
    pieces = evidence_pieces(passage, codes)
    assert "".join(piece.text for piece in pieces) == passage.text
    assert [(piece.text, piece.numbers, piece.is_on) for piece in pieces] == [
        ("un ", "", False),
        ("to", "1", True),
        ("it", "1 2", True),
        (" à ", "2", False),
        ("lo", "1 2", True),
        ("ye", "1", True),
        ("r", "", False),
    ]


def test_a_code_keeps_its_colour_and_an_own_one_wins() -> None:
    codes = (
        Code("a", "rubrique", "A", ""),
        Code("b", "rubrique", "B", "", colour="#aa0011"),
        Code("c", "posture", "C & D", ""),
    )
    stripes = code_stripes(Grid("g", "1", codes, (), ()))
    assert "stripe-1 axis-1" in stripes["rubrique", "a"].svg
    assert 'stroke="#aa0011"' in stripes["rubrique", "b"].svg
    assert "stripe-6 axis-2" in stripes["posture", "c"].svg
    assert "<title>C &amp; D</title>" in stripes["posture", "c"].svg
    assert all("style=" not in stripe.svg for stripe in stripes.values())


def test_recent_codes_are_those_that_the_person_put_one_by_one(tmp_path: object) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")  # type: ignore[operator]
    journal = Journal(store, append=store.append_all)
    journal.add(
        [
            AddTag("u1", "pilier", "recyclage"),
            AddTag("u2", "pilier", "achats"),
            ConfirmUnit("u2", (("posture", "force"),)),
            AddTag("u3", "pilier", "recyclage"),
        ],
        author="lise",
        request_id="1",
    )
    journal.add([AddTag("u3", "pilier", "usage")], author="noé", request_id="2")
    codes = [code for _axis, code in journal.recent_codes("lise", 5)]
    assert codes == ["recyclage", "achats"]
    assert [code for _axis, code in journal.recent_codes("lise", 1)] == ["recyclage"]


@pytest.mark.browser
def test_a_document_is_read_whole_and_a_code_lights_its_own_words(
    served: Served, browser: Browser
) -> None:
    page = served.open(
        browser, "alix", "passages?etat=tous", viewport={"width": 1300, "height": 800}
    )
    said = page.locator(".said")
    units = served.study.read_table("units").set_index("unit_id")
    here = units.loc[said.get_attribute("data-unit")]
    assert said.evaluate("said => said.textContent") == here["text"]
    n_passages = int((units["document_id"] == here["document_id"]).sum())
    expect(page.locator("#lecture li.passage")).to_have_count(n_passages)
    assert page.locator("#lecture li.passage:has(.stripe)").count() == n_passages
    expect(page.locator("#lecture li.here")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    row = page.locator(".coded li:has(.words)").first
    number = row.get_attribute("data-number")
    row.hover()
    expect(page.locator(".said mark.lit")).not_to_have_count(0)
    lit = page.locator(".said mark.lit").evaluate_all(
        "marks => marks.map(mark => mark.dataset.codes)"
    )
    assert lit and all(number in codes.split() for codes in lit)
    own = page.locator(".said mark").evaluate_all("marks => marks.map(mark => mark.dataset.codes)")
    assert len(lit) == sum(number in codes.split() for codes in own)
    other = page.locator("#lecture li.passage:not(.here) a.text").first
    unit_id = other.locator("..").get_attribute("id")
    other.click()
    expect(said).to_have_attribute("data-unit", str(unit_id))
    expect(page.locator("#lecture li.passage")).to_have_count(n_passages)
    page.fill("#filtre-grille", "ecoconc")
    expect(page.locator(".codebook [data-filtered]:visible")).to_have_count(1)
    page.locator(".codebook [data-filtered]:visible summary").click()
    expect(page.locator(".codebook .entry:visible")).to_contain_text("Poser sur le passage")
    page.click(".codebook .entry:visible button")
    expect(page.locator("#fait")).to_contain_text("Écoconception")
    expect(page.locator("#filtre-grille")).to_have_value("ecoconc")  # the codebook stays


def test_more_lines_of_a_document_are_sent_alone(served: Served) -> None:
    units = served.study.read_table("units")
    own = units[units["document_id"] == units["document_id"].value_counts().index[0]]
    ids = own.sort_values("unit_order")["unit_id"].tolist()
    session, address = client(served, "denis"), f"/documents/{own['document_id'].iloc[0]}/suite"
    part = session.get(f"{address}?de=2&a=5&vers=avant").text
    assert [name for name in ids if f'id="{name}"' in part] == ids[2:5]
    assert "Encore 2 passages avant" in part and "après" not in part and "<html" not in part
    assert session.get(f"{address}?de=a&a=5").status_code == 404
    assert session.get("/documents/d-inconnu/suite?de=2&a=5").status_code == 404


@pytest.mark.browser
@pytest.mark.slow
def test_a_telephone_shows_one_pane_at_a_time(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal", viewport={"width": 390, "height": 844})
    visible = {"#lecture": True, ".coding": True, ".upcoming": False, ".codebook": False}
    for selector, is_visible in visible.items():
        assert page.locator(selector).is_visible() == is_visible
    page.click("button[data-pane=selection]")
    expect(page.locator(".upcoming")).to_be_visible()
    expect(page.locator(".coding")).to_be_hidden()
    page.locator(".upcoming li a").nth(2).click()
    expect(page.locator(".coding")).to_be_visible()
    page.click("button[data-pane=grille]")
    expect(page.locator(".codebook")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
