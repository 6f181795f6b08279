"""Words coded, passages cut, joined and corrected: what becomes of the passages, of the ledger, and of every decision."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.run import run_study
from pipeline.decisions import apply_decisions, read_decisions
from pipeline.decisions.following import (
    CUT,
    CUT_INSIDE,
    JOINED,
    follow_to,
    is_left_behind,
    lineage_of,
)
from pipeline.decisions.kinds import Decision, Undo
from pipeline.decisions.memos import FlagPassage, NoteMemo
from pipeline.decisions.mending import (
    CHANNEL,
    NOT_YET,
    QUESTION,
    SPEAKER,
    TABLE,
    CorrectPassage,
    JoinPassages,
    SplitPassage,
    correction_fault,
    mend_units,
    mending_marks,
)
from pipeline.decisions.spans import MOVED, CodeSpan, Quote, find_words
from pipeline.decisions.tags import AcceptTag, AddTag, ConfirmUnit, RejectTag
from pipeline.decisions.themes import MoveUnit
from pipeline.ledger import account_characters
from pipeline.segment import segment_documents
from pipeline.settings.sections import SegmentSettings
from pipeline.study import Study
from pipeline.tables.material import DECISIONS, TAGS
from pipeline.tables.results import THEME_FAMILIES
from support.invented import said, study, tag
from support.studies import group_any_size

CAR = "plus de car le soir, et le médecin part en juin"
VELO = "la ressourcerie remet en état deux cents vélos"
LOYER = "les loyers montent sur la côte"
TITLE = "Ce qui manque"
MOBILITY, HEALTH = ("rubrique", "enjeux.mobilite"), ("rubrique", "enjeux.sante")
Tables = dict[str, pd.DataFrame]


def document(*texts: str, car: str = CAR) -> Tables:
    """A document of one block a text, TITLE a heading, and its passages as the machine cuts them."""
    texts = texts or (car, VELO, TITLE, LOYER)
    made = study(*(said(None, 1, text=text) for text in texts))
    text, start, blocks = "\n".join(texts), 0, []
    for order, block in enumerate(texts):
        kind = "heading" if block == TITLE else "paragraph"
        blocks.append(
            {"document_id": "d", "block_order": order, "start_char": start}
            | {
                "end_char": start + len(block),
                "kind": kind,
                "level": None,
                "table_number": order + 1,
            }
            | {"question": "q1", "channel": "notes", "speaker": None, "reason": None}
            | {"n_votes": order + 1, "proposed_question": None}
        )
        start += len(block) + 1
    documents = made["units"].iloc[:1].assign(document_id="d", path="w/cr.txt", text=text)
    documents = documents.assign(first_path=None, n_chars=len(text))
    frame = pd.DataFrame(blocks)
    units = segment_documents(documents, frame, settings=SegmentSettings())
    return made | {"documents": documents, "blocks": frame, "units": units}


def ids(tables: Tables) -> dict[str, str]:
    """The passages' ids by their text."""
    return dict(zip(tables["units"]["text"], tables["units"]["unit_id"], strict=True))


UNITS = ids(document())
A, B, C = UNITS[CAR], UNITS[VELO], UNITS[LOYER]
AT = CAR.index("et le médecin")


def split(unit_id: str = A, text: str = CAR, at: int = AT) -> SplitPassage:
    cut = SplitPassage.of(unit_id, text, at)
    assert cut is not None
    return cut


def join(first: str = A, second: str = B, shift: int = len(CAR) + 1) -> JoinPassages:
    return JoinPassages.of(first, second, shift)


def code(
    words: str, unit_id: str = A, text: str = CAR, key: tuple[str, str] = MOBILITY
) -> CodeSpan:
    start = text.index(words)
    return CodeSpan(unit_id, *key, Quote.of(text, start, start + len(words)))


def taken(*decisions: Decision) -> list[Decision]:
    """Decisions as they come back from the store, numbered in order."""
    rows = (
        {"decision_id": n, "decided_at": "2026-01-01T00:00:00+00:00", "author": "lise"} | row.row()
        for n, row in enumerate(decisions, start=1)
    )
    return read_decisions(DECISIONS.build(rows))


def mended(*decisions: Decision, on: Tables | None = None) -> Tables:
    """The tables as the next run makes them: mended units, ledger, and what decisions did."""
    made, rows = on or document(), taken(*decisions)
    undone = {row.target for row in rows if isinstance(row, Undo)}
    active = [row for row in rows if row.decision_id not in undone]
    units = mend_units(made["units"], made["documents"], active)
    ledger = account_characters(made["documents"], made["blocks"], units)
    machine = made | {"units": units, "theme_families": THEME_FAMILIES.empty()}
    machine["tags"] = TAGS.build([tag(A, *MOBILITY), tag(A, *HEALTH, is_assigned=False)])
    return machine | {"ledger": ledger} | apply_decisions(machine, rows)


def passages(tables: Tables) -> list[str]:
    return list(tables["units"].sort_values("unit_order")["text"])


def states(tables: Tables) -> list[tuple[str, str | None]]:
    effects = tables["decision_effects"]
    reasons = effects["reason"].astype(object).where(effects["reason"].notna(), None)
    return list(zip(effects["state"], reasons, strict=True))


def marked(tables: Tables) -> dict[tuple[str, str], list[str]]:
    """The words that people coded, by passage's text and code."""
    texts = dict(zip(tables["units"]["unit_id"], tables["units"]["text"], strict=True))
    rows = tables["tags"][(tables["tags"]["source"] == "person") & tables["tags"]["is_assigned"]]
    return {
        (texts[row.unit_id], row.code): [
            texts[row.unit_id][start:end] for start, end in json.loads(row.evidence)
        ]
        for row in rows.itertuples()
    }


LEFT, RIGHT = "plus de car le soir,", "et le médecin part en juin"
BOTH = f"{CAR}\n{VELO}"
FIRST, SECOND = "plus de car", "le soir,"
RIGHT_ID = mended(split())["units"].set_index("text")["unit_id"][RIGHT]
LEFT_ID = mended(split())["units"].set_index("text")["unit_id"][LEFT]

CUTS: list[tuple[list[Decision], list[str]]] = [
    ([split()], [LEFT, RIGHT, VELO, LOYER]),
    ([split(), split()], [LEFT, RIGHT, VELO, LOYER]),
    ([split(), Undo(1)], [CAR, VELO, LOYER]),
    ([split(), split(at=CAR.index("le soir"))], [FIRST, SECOND, RIGHT, VELO, LOYER]),
    ([split(at=CAR.index("le soir")), split()], [FIRST, SECOND, RIGHT, VELO, LOYER]),
    ([join()], [BOTH, LOYER]),
    ([join(), join()], [BOTH, LOYER]),
    ([join(), split()], [LEFT, f"{RIGHT}\n{VELO}", LOYER]),
    ([split(), join()], [LEFT, f"{RIGHT}\n{VELO}", LOYER]),
    ([split(), join(LEFT_ID, RIGHT_ID, AT)], [CAR, VELO, LOYER]),
    ([split(), Undo(1), join()], [BOTH, LOYER]),
    # what no longer fits changes nothing: a heading between, not the next, a passage that is gone
    ([join(B, C, len(VELO) + len(TITLE) + 2)], [CAR, VELO, LOYER]),
    ([join(A, C, 99)], [CAR, VELO, LOYER]),
    ([split("u-gone")], [CAR, VELO, LOYER]),
    ([SplitPassage(A, {"at": 5, "after": "la piscine est fermée"})], [CAR, VELO, LOYER]),
    ([SplitPassage(A, {"at": "cinq"}), JoinPassages(A, {})], [CAR, VELO, LOYER]),
]


@pytest.mark.parametrize(("decisions", "expected"), CUTS)
def test_passages_are_cut_and_joined_and_every_character_stays(
    decisions: list[Decision], expected: list[str]
) -> None:
    tables = mended(*decisions)
    assert passages(tables) == expected
    text = tables["documents"]["text"].iloc[0]
    units = tables["units"]
    assert [text[row.start_char : row.end_char] for row in units.itertuples()] == expected
    assert list(units["unit_order"]) == list(range(len(expected))) and units["unit_id"].is_unique
    bounds = sorted(zip(tables["ledger"]["start_char"], tables["ledger"]["end_char"], strict=True))
    assert [0, *(end for _, end in bounds)] == [*(start for start, _ in bounds), len(text)]
    assert list(tables["ledger"].query("kind == 'passage'")["unit_id"]) == list(units["unit_id"])
    others = {VELO, LOYER} & set(expected)
    assert {name: ids(tables)[name] for name in others} == {name: UNITS[name] for name in others}


EFFECTS: list[tuple[list[Decision], list[tuple[str, str | None]]]] = [
    ([split()], [("appliquée", None)]),
    ([split(), split()], [("appliquée", None)] * 2),
    ([join(), split()], [("appliquée", None)] * 2),
    ([split("u-gone")], [("sans objet", NOT_YET)]),
    ([join(B, C, 60)], [("sans objet", NOT_YET)]),
    ([SplitPassage(A, {})], [("sans objet", "La décision ne dit pas où couper.")]),
    ([CorrectPassage.of(A, TABLE, 3)], [("appliquée", None)]),
    (
        [CorrectPassage.of(A, TABLE, 3), CorrectPassage.of(A, TABLE, 4)],
        [("remplacée", "Remplacée par une décision plus récente (n° 2)."), ("appliquée", None)],
    ),
    ([code("car le soir")], [("appliquée", None)]),
    ([code("médecin"), split()], [("appliquée", None)] * 2),
    ([code("soir, et le"), split()], [("sans objet", CUT_INSIDE), ("appliquée", None)]),
    ([AcceptTag(A, *MOBILITY), split()], [("sans objet", CUT), ("appliquée", None)]),
    ([ConfirmUnit(A, (MOBILITY,)), split()], [("sans objet", CUT), ("appliquée", None)]),
    ([RejectTag(A, *MOBILITY), split()], [("appliquée", None)] * 2),
    ([NoteMemo(A, "à relire"), split()], [("appliquée", None)] * 2),
    ([NoteMemo(B, "à relire"), FlagPassage(B), join()], [("appliquée", None)] * 3),
    ([FlagPassage(A), split()], [("appliquée", None)] * 2),
    ([AddTag(A, *HEALTH), join()], [("appliquée", None)] * 2),
    ([RejectTag(A, *MOBILITY), join()], [("sans objet", JOINED), ("appliquée", None)]),
    ([MoveUnit(B, None, None), join()], [("appliquée", None)] * 2),
    ([code("car le soir"), RejectTag(A, *MOBILITY)], [("remplacée", "Remplacée par une décision plus récente (n° 2)."), ("appliquée", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("decisions", "expected"), EFFECTS)
def test_every_decision_holds_or_says_why_not(
    decisions: list[Decision], expected: list[tuple[str, str | None]]
) -> None:
    assert states(mended(*decisions)) == expected


SPANS: list[tuple[list[Decision], dict[tuple[str, str], list[str]]]] = [
    ([code("car le soir")], {(CAR, MOBILITY[1]): ["car le soir"]}),
    ([code("soir"), code("car")], {(CAR, MOBILITY[1]): ["car", "soir"]}),
    ([code("soir"), code("car"), Undo(1)], {(CAR, MOBILITY[1]): ["car"]}),
    ([code("car"), RejectTag(A, *MOBILITY)], {}),
    ([code("car"), RejectTag(A, *MOBILITY), code("soir")], {(CAR, MOBILITY[1]): ["soir"]}),
    ([code("car"), AcceptTag(A, *MOBILITY)], {(CAR, MOBILITY[1]): ["car"]}),
    ([code("car"), ConfirmUnit(A, (MOBILITY,))], {(CAR, MOBILITY[1]): ["car"]}),
    (
        [code("car"), code("médecin", key=HEALTH), split()],
        {(LEFT, MOBILITY[1]): ["car"], (RIGHT, HEALTH[1]): ["médecin"]},
    ),
    ([code("vélos", B, VELO), join()], {(BOTH, MOBILITY[1]): ["vélos"]}),
    (
        [code("médecin", key=HEALTH), split(), join()],
        {(f"{RIGHT}\n{VELO}", HEALTH[1]): ["médecin"]},
    ),
    ([code("car le soir", "u-gone")], {}),
]


@pytest.mark.parametrize(("decisions", "expected"), SPANS)
def test_a_code_stays_on_its_words_wherever_they_went(
    decisions: list[Decision], expected: dict[tuple[str, str], list[str]]
) -> None:
    assert marked(mended(*decisions)) == expected


LONG = "que le car passe trop tôt le matin et trop tard le soir " * 6


@pytest.mark.parametrize(
    ("text", "words", "near", "expected"),
    [
        (CAR, "le", 0, "le"),
        ("le soir, puis le soir", "le soir", 13, "le soir"),
        ("Plus  de car", "plus de CAR", 40, "Plus  de car"),
        ("vu avec [personne 12] hier", "avec [personne 3] hier", 3, "avec [personne 12] hier"),
        ("vu avec Odile Perrin hier", "avec [personne] hier", 3, "avec Odile Perrin hier"),
        ("[personne 4] dit non", "[personne] dit non", 0, "[personne 4] dit non"),
        ("avec Odile, puis Luc", "avec [personne 2], puis [personne 3]", 0, "avec Odile, puis Luc"),
        ("merci à Odile Perrin !", "merci à [personne 1]", 0, "merci à Odile"),
        ("un [personne 1] [personne 2] deux", "[personne 2]", 20, "[personne 2]"),
        ("dit Luc " + LONG, "dit [personne] " + LONG.strip(), 0, "dit Luc " + LONG.strip()),
        (CAR, "la piscine", 0, None),
        (CAR, "", 0, None),
        (
            "un mot de plus " * 100,
            "[personne 1] [personne 2] [personne 3] [personne 4] zzz",
            0,
            None,
        ),
        ("[personne 1], " * 100, ", ".join(["[personne 9]"] * 12) + " zzz", 0, None),
        ("a.c", "a.c", 9, "a.c"),
        ("abc", "a.c", 0, None),
    ],
)
def test_words_are_found_again(text: str, words: str, near: int, expected: str | None) -> None:
    span = find_words(text, words, near)
    assert (None if span is None else text[slice(*span)]) == expected


def test_the_nearest_of_equal_words_is_found() -> None:
    assert find_words("le soir, puis le soir", "LE SOIR", 13) == (14, 21)


def test_the_pages_follow_decisions_as_the_run_does() -> None:
    decisions: list[Decision] = [
        code("médecin", key=HEALTH),
        RejectTag(A, *MOBILITY),
        AcceptTag(A, *HEALTH),
        NoteMemo(A, "à relire"),
        split(),
    ]
    rows = taken(*decisions)
    lineage = lineage_of(rows)
    followed = {
        part: [type(now).action for row in rows for now in follow_to(row, part, lineage)]
        for part in (LEFT_ID, RIGHT_ID)
    }
    assert followed == {
        LEFT_ID: ["reject_tag", "note_memo"],
        RIGHT_ID: ["code_span", "reject_tag"],
    }
    (words,) = follow_to(rows[0], RIGHT_ID, lineage)
    assert isinstance(words, CodeSpan) and words.quote
    assert RIGHT[words.quote.start : words.quote.end] == "médecin"
    assert lineage.formers(RIGHT_ID) == [A]
    assert [type(row).action for row in rows[:4] if is_left_behind(row, lineage)] == ["accept_tag"]


def test_words_that_a_text_lost_take_their_code_back() -> None:
    tables = mended(CodeSpan(A, *MOBILITY, Quote(0, 9, "la piscine")))
    assert states(tables) == [("sans objet", MOVED)] and marked(tables) == {}


CORRECTIONS: list[tuple[list[Decision], str, Any]] = [
    ([CorrectPassage.of(A, TABLE, 12)], CAR, (12, "q1", "notes", None)),
    ([CorrectPassage.of(A, TABLE, None)], CAR, (None, "q1", "notes", None)),
    ([CorrectPassage.of(A, QUESTION, "q3")], CAR, (1, "q3", "notes", None)),
    ([CorrectPassage.of(A, QUESTION, None)], CAR, (1, None, "notes", None)),
    ([CorrectPassage.of(A, CHANNEL, "postit")], CAR, (1, "q1", "postit", None)),
    ([CorrectPassage.of(A, SPEAKER, "personne-4")], CAR, (1, "q1", "notes", "personne-4")),
    ([CorrectPassage.of(A, TABLE, 9), split()], RIGHT, (9, "q1", "notes", None)),
    ([split(), CorrectPassage.of(A, TABLE, 9)], LEFT, (9, "q1", "notes", None)),
    ([split(), CorrectPassage.of(RIGHT_ID, TABLE, 9)], LEFT, (1, "q1", "notes", None)),
    ([join(), CorrectPassage.of(B, TABLE, 9)], BOTH, (9, "q1", "notes", None)),
    ([CorrectPassage.of(A, TABLE, 0)], CAR, (1, "q1", "notes", None)),
    ([CorrectPassage.of(A, CHANNEL, None)], CAR, (1, "q1", "notes", None)),
    ([CorrectPassage.of(A, "text", "autre")], CAR, (1, "q1", "notes", None)),
]


@pytest.mark.parametrize(("decisions", "text", "expected"), CORRECTIONS)
def test_a_correction_changes_the_passage_and_nothing_else(
    decisions: list[Decision], text: str, expected: tuple[Any, ...]
) -> None:
    tables = mended(*decisions)
    cells = tables["units"].set_index("text").loc[text, [TABLE, QUESTION, CHANNEL, SPEAKER]]
    assert tuple(None if pd.isna(cell) else cell for cell in cells) == expected
    assert tables["units"].set_index("text").loc[LOYER, TABLE] == 4


@pytest.mark.parametrize(
    ("name", "value", "is_right"),
    [
        (TABLE, 999, True),
        (TABLE, 1000, False),
        (TABLE, "3", False),
        (TABLE, True, False),
        (QUESTION, "q9", False),
        (CHANNEL, "pigeon", False),
        (SPEAKER, " ", False),
        ("n_votes", 4, False),
    ],
)
def test_a_value_is_checked(name: str, value: object, is_right: bool) -> None:
    assert (correction_fault(name, value) is None) == is_right


def test_votes_are_neither_lost_nor_counted_twice() -> None:
    for decisions in ([split()], [join()], [join(), split()]):
        assert mended(*decisions)["units"]["n_votes"].sum() == 1 + 2 + 4


@pytest.mark.parametrize(
    ("at", "is_cut"), [(0, False), (len(CAR), False), (999, False), (5, True), (4, True)]
)
def test_a_side_that_says_nothing_is_no_cut(at: int, is_cut: bool) -> None:
    assert (SplitPassage.of(A, CAR, at) is not None) == is_cut


NAMED = "Odile Perrin dit : plus de car"


@pytest.mark.parametrize(
    "make",
    [
        lambda: CodeSpan(A, *MOBILITY, Quote(0, 12, NAMED[:12])),
        lambda: SplitPassage(A, {"at": 4, "after": NAMED}),
    ],
)
def test_a_name_known_later_is_masked_in_the_quoted_words(make: Callable[[], Decision]) -> None:
    row = make()
    masked = type(row).masked_value(
        row.row()["value"], lambda text: text.replace("Odile Perrin", "[personne]")
    )
    assert "Odile" not in masked and "[personne]" in masked
    assert type(row).read({"value": masked}) != row and json.loads(masked)


def test_what_a_run_depends_on_follows_the_decisions_that_mend() -> None:
    rows: Sequence[Decision] = taken(split(), code("car"), CorrectPassage.of(B, TABLE, 3))
    assert len(mending_marks(rows)) == 2
    assert mending_marks(rows) != mending_marks(taken(split(at=5)))


FOLDER, LATER = "Pays de Retz 2026-10-01", "Thiérache 2026-10-20"
NOTES = "Q1\n- plus de médecin à Machecoul, et les loyers montent sur la côte\n- les cars du soir\n- supprimés depuis septembre par la région\n"


@pytest.fixture
def retz(tmp_path: Path) -> Study:
    made = group_any_size(Study.create(tmp_path / "étude"))
    for folder, text in (
        (FOLDER, NOTES),
        (LATER, "Q2\n- la recyclerie de Legé emploie douze personnes\n"),
    ):
        (made.root / folder).mkdir()
        (made.root / folder / "Table 1.txt").write_text(text, encoding="utf-8")
    (made.root / FOLDER).rename(made.depot / FOLDER)
    run_study(made.root)
    return made


@pytest.mark.slow
def test_a_cut_a_join_a_correction_and_words_outlive_a_run_and_a_workshop(retz: Study) -> None:
    units = retz.read_table("units")
    whole, first, second = units.sort_values("unit_order").to_dict("records")
    at = whole["text"].index("et les loyers")
    cars = CodeSpan(first["unit_id"], "rubrique", "enjeux.social", Quote.of(first["text"], 0, 8))
    rents = whole["text"].index("les loyers")
    decisions = [
        split(whole["unit_id"], whole["text"], at),
        join(first["unit_id"], second["unit_id"], second["start_char"] - first["start_char"]),
        CorrectPassage.of(whole["unit_id"], TABLE, 7),
        cars,
        CodeSpan(
            whole["unit_id"], "rubrique", "enjeux.social", Quote.of(whole["text"], rents, at + 13)
        ),
    ]
    retz.decisions.append_all([{"author": "lise", **row.row()} for row in decisions])
    seen = []
    for _ in range(2):
        run_study(retz.root)
        units = retz.read_table("units")
        mine = units[units["workshop_id"] == whole["workshop_id"]].sort_values("unit_order")
        assert list(mine["text"]) == [
            whole["text"][:at].rstrip(),
            whole["text"][at:],
            f"{first['text']}\n{second['text']}",
        ]
        assert list(mine[TABLE]) == [7, 7, 1]
        assert set(retz.read_table("decision_effects")["state"]) == {"appliquée"}
        tables = {"units": mine, "tags": retz.read_table("tags")}
        assert sorted(marked(tables).values()) == [["les cars"], ["les loyers"]]
        text = retz.read_table("documents").set_index("document_id")["text"][whole["document_id"]]
        ledger = retz.read_table("ledger").query("document_id == @whole['document_id']")
        spans = ledger.sort_values("start_char")
        assert "".join(text[row.start_char : row.end_char] for row in spans.itertuples()) == text
        seen.append(list(mine["unit_id"]))
        if not (retz.depot / LATER).exists():
            (retz.root / LATER).rename(retz.depot / LATER)
    assert seen[0] == seen[1] and len(units) == 4
