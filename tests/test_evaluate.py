"""Evaluation: figures that can be worked out by hand, and gold folders with something missing."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import StudyError
from pipeline.evaluate import evaluate_study
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.tables import TABLES
from pipeline.tables.material import DOCUMENTS, TAGS, UNITS
from pipeline.tables.results import PRIORITIES
from support.invented import DIE, ORTHEZ, said, study, tag

PATHS = {"d1": "Orthez/notes.txt", "d2": "Orthez/boite.mbox#2", "d3": "Die/table 1.docx"}


def gold_passage(
    unit_id: str, text: str, document: str = "Orthez/notes.txt", **more: Any
) -> dict[str, Any]:
    row = {
        "unit_id": unit_id,
        "document": document,
        "text": text,
        "table": 1,
        "question": "q1",
        "channel": "notes",
    }
    return row | {"theme": "cars", "rubriques": ["offre"], "posture": "force", "piliers": []} | more


def gold_folder(
    folder: Path,
    *passages: dict[str, Any],
    personal: list[dict[str, str]] | None = None,
    themes: str | None = None,
) -> Path:
    """A gold folder; pii.jsonl and themes.yaml only where given."""
    (folder / "units.jsonl").write_text(
        "\n".join(json.dumps(row, ensure_ascii=False) for row in passages), encoding="utf-8"
    )
    if personal is not None:
        (folder / "pii.jsonl").write_text(
            "\n".join(json.dumps(row, ensure_ascii=False) for row in personal), encoding="utf-8"
        )
    if themes is not None:
        (folder / "themes.yaml").write_text(themes, encoding="utf-8")
    return folder


def processed(
    *passages: dict[str, Any], tags: list[dict[str, Any]] | None = None
) -> dict[str, pd.DataFrame]:
    """Every table of a study that holds `passages`, in document d1 where none is named."""
    some = study(
        *[
            {"document_id": "d1", "posture": "force", "rubrique": "offre"} | passage
            for passage in passages
        ]
    )
    documents = DOCUMENTS.build(
        {
            "document_id": key,
            "workshop_id": ORTHEZ,
            "path": path,
            "sha256": key,
            "channel": "notes",
            "n_chars": 0,
            "text": "",
        }
        for key, path in PATHS.items()
    )
    if tags is not None:
        some["tags"] = TAGS.build(tags)
    return {name: table.empty() for name, table in TABLES.items()} | some | {"documents": documents}


def test_a_study_that_is_the_gold_has_perfect_figures(tmp_path: Path) -> None:
    texts = {"a": "plus de car le soir", "b": "la laiterie de Die emploie douze personnes"}
    gold = gold_folder(
        tmp_path, *[gold_passage(key, text, theme=key) for key, text in texts.items()], personal=[]
    )
    found = evaluate_study(
        processed(*[said(key, text=text, unit_id=key) for key, text in texts.items()]), gold
    )
    assert found["documents_missing"] == [] and found["words_read"] == 1.0
    assert found["segmentation"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert found["rubrique"]["micro_f1"] == found["rubrique"]["samples_f1"] == 1.0
    assert found["rubrique"]["samples_f1_ci95"] == [1.0, 1.0]
    assert found["posture"]["accuracy"] == 1.0
    assert found["themes"] == {"ami": 1.0, "ari": 1.0, "k_gold": 2, "k_study": 2, "left_out": 0.0}
    assert found["privacy"] == {"recall": {}, "leaked": []}


def test_words_and_boundaries_are_counted_where_both_sides_read_them(tmp_path: Path) -> None:
    """Gold: two passages of 4 and 3 words. Study: one unit of the first 6; its start is right, the second passage's is not."""
    gold = gold_folder(
        tmp_path, gold_passage("a", "les digues du Gave"), gold_passage("b", "la laiterie ferme")
    )
    found = evaluate_study(processed(said(None, text="les digues du Gave la laiterie")), gold)
    assert found["words_read"] == round(6 / 7, 4)
    assert found["segmentation"] == {"precision": 1.0, "recall": 0.5, "f1": 0.667}


def test_a_passage_cut_in_two_has_the_codes_of_both_halves(tmp_path: Path) -> None:
    gold = gold_folder(
        tmp_path,
        gold_passage(
            "a", "les digues du Gave cèdent, la laiterie ferme", rubriques=["offre", "opportunites"]
        ),
    )
    tables = processed(
        said(None, text="les digues du Gave cèdent,", unit_id="u1", rubrique="offre"),
        said(None, text="la laiterie ferme", unit_id="u2", rubrique="opportunites", question="q2"),
    )
    found = evaluate_study(tables, gold)
    assert found["rubrique"]["micro_f1"] == 1.0
    assert found["question_right"] == 1.0, "the longer half answers for the question"


def test_codes_missed_and_too_many_lower_f1_by_code(tmp_path: Path) -> None:
    gold = gold_folder(
        tmp_path,
        gold_passage("a", "les digues du Gave"),
        gold_passage("b", "la laiterie ferme", rubriques=["opportunites"]),
        gold_passage("c", "merci pour le café", rubriques=[], posture="constat"),
    )
    tags = [
        tag("u1", "rubrique", "offre"),
        tag("u2", "rubrique", "offre"),
        tag("u1", "rubrique", "opportunites", is_assigned=False),
    ]
    tags += [
        tag("u1", "posture", "force"),
        tag("u2", "posture", "demande"),
        tag("u3", "posture", "force"),
    ]
    texts = ["les digues du Gave", "la laiterie ferme", "merci pour le café"]
    found = evaluate_study(
        processed(
            *[said(None, text=text, unit_id=f"u{n}") for n, text in enumerate(texts, 1)], tags=tags
        ),
        gold,
    )
    assert found["rubrique"]["per_code"] == {"offre": 0.67, "opportunites": 0.0}
    assert found["rubrique"]["micro_f1"] == 0.5 and found["rubrique"]["macro_f1"] == 0.333
    assert found["rubrique"]["samples_f1"] == 0.667, (
        "one right, one wrong, one rightly without code"
    )
    assert found["posture"]["accuracy"] == 0.5, (
        "the passage without code is noise and does not count"
    )


def test_passages_without_theme_in_the_study_are_left_out(tmp_path: Path) -> None:
    gold = gold_folder(
        tmp_path,
        *[
            gold_passage(key, f"{key} digue du Gave", theme="cars" if key in "ab" else None)
            for key in "abc"
        ],
    )
    found = evaluate_study(
        processed(
            said("t1", text="a digue du Gave"),
            said(None, text="b digue du Gave"),
            said("t2", text="c digue du Gave"),
        ),
        gold,
    )
    assert found["themes"]["left_out"] == 0.5
    assert (found["themes"]["k_gold"], found["themes"]["k_study"]) == (1, 1)


def test_places_are_compared_where_the_gold_knows_them(tmp_path: Path) -> None:
    gold = gold_folder(
        tmp_path,
        gold_passage("a", "les digues du Gave", table=2),
        gold_passage("b", "la laiterie ferme", table=None, question="autre"),
        gold_passage("c", "un four à pain", table=3),
    )
    texts = [
        ("les digues du Gave", 2, "q1"),
        ("la laiterie ferme", 9, "q4"),
        ("un four à pain", None, "q2"),
    ]
    found = evaluate_study(
        processed(*[said(None, table, question, text=text) for text, table, question in texts]),
        gold,
    )
    assert found["table_number_right"] == 0.5
    assert found["question_right"] == 0.5
    assert found["channel_right"] == 1.0


@pytest.mark.parametrize(
    ("document", "missing"),
    [
        ("Orthez/notes.txt", []),
        ("Orthez/boite.mbox", []),  # the gold names the mailbox, the study its part
        ("Orthez/notes.txt#1", []),  # the gold names a part, the study the file
        ("Orthez/autre.txt", ["Orthez/autre.txt"]),
    ],
)
def test_documents_are_matched_by_path_or_part(
    tmp_path: Path, document: str, missing: list[str]
) -> None:
    gold = gold_folder(tmp_path, gold_passage("a", "les digues du Gave", document))
    unit = said(None, text="les digues du Gave", document_id="d2" if "mbox" in document else "d1")
    found = evaluate_study(processed(unit), gold)
    assert found["documents_missing"] == missing
    assert found["words_read"] == (0.0 if missing else 1.0)


def priority(scope: str, theme_id: str, rank: int) -> dict[str, Any]:
    chances = {"p_top1": 0.5, "p_top3": 0.5, "p_top5": 0.5, "rank_low": 1, "rank_high": 9}
    return {"scope": scope, "theme_id": theme_id, "rank": rank, "score": 0.5, **chances}


def test_priorities_are_named_by_the_gold_theme_of_most_passages(tmp_path: Path) -> None:
    themes = "priorites:\n  Orthez:\n  - {rang: 1, theme: cars}\n  - {rang: 2, theme: lait}\n  Die: [haie]\n"
    passages = [
        gold_passage(key, f"{key} digue du Gave", theme=theme)
        for key, theme in (("a", "cars"), ("b", "cars"), ("c", "lait"), ("e", "haie"))
    ]
    gold = gold_folder(tmp_path, *passages, themes=themes)
    tables = processed(
        *[
            said(theme, text=f"{key} digue du Gave")
            for key, theme in (("a", "t1"), ("b", "t1"), ("c", "t1"), ("e", "t2"))
        ]
    )
    ranking = [
        priority("study", "t2", 1),
        priority(ORTHEZ, "t2", 2),
        priority(ORTHEZ, "t1", 1),
        priority(DIE, "t2", 1),
    ]
    found = evaluate_study(tables | {"priorities": PRIORITIES.build(ranking)}, gold)["priorities"]
    assert found == {
        "Orthez": {"hits_of_5": 1, "named": ["cars", "haie"], "wanted": ["cars", "lait"]},
        "Die": {"hits_of_5": 1, "named": ["haie"], "wanted": ["haie"]},
    }


def test_personal_data_is_looked_for_as_whole_words_in_every_text_column_but_paths(
    tmp_path: Path,
) -> None:
    personal = [
        {"document": "x", "quote": quote, "kind": kind}
        for quote, kind in (("Odile", "PERSON"), ("Ray", "PERSON"), ("notes", "EMAIL"))
    ]
    gold = gold_folder(tmp_path, gold_passage("a", "les digues"), personal=personal)
    found = evaluate_study(processed(said(None, text="voir Odile, les rayons")), gold)
    assert found["privacy"] == {
        "recall": {"PERSON": 0.5, "EMAIL": 0.0},
        "leaked": ["Odile", "notes"],
    }


def test_a_gold_folder_without_personal_data_and_priorities_is_enough(tmp_path: Path) -> None:
    gold = gold_folder(
        tmp_path, {"unit_id": "a", "document": "Orthez/notes.txt", "text": "les digues"}
    )
    found = evaluate_study(processed(said("t1", text="les digues")), gold)
    assert found["privacy"] is None and found["priorities"] is None
    assert not {"rubrique", "posture"} & set(found) and found["words_read"] == 1.0


BAD_GOLD = [
    (None, "pas de units.jsonl"),
    ("{pas du json", "ligne 1 : pas du JSON"),
    ('\n{"unit_id": "a", "document": "d"}', "ligne 2 : sans text"),
    ("[1, 2]", "ligne 1 : sans unit_id"),
]


@pytest.mark.parametrize(("content", "message"), BAD_GOLD)
def test_gold_that_cannot_be_read_gives_one_clear_line(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "units.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        evaluate_study(processed(said(None)), tmp_path)


def test_a_study_without_passages_is_refused(tmp_path: Path) -> None:
    gold = gold_folder(tmp_path, gold_passage("a", "les digues"))
    with pytest.raises(StudyError, match="aucun passage"):
        evaluate_study(processed() | {"units": UNITS.empty()}, gold)


def test_other_readers_and_the_machine_are_set_against_the_gold(tmp_path: Path) -> None:
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    texts = {"a": "plus de car le soir", "b": "la laiterie de Die emploie douze personnes"}
    gold = gold_folder(tmp_path, *[gold_passage(key, text) for key, text in texts.items()])
    reader = [
        {"unit_id": "a", "rubriques": ["offre"], "posture": "force"},
        {"unit_id": "b", "rubriques": ["accompagnement"], "posture": "force"},
    ]
    (gold / "lectrice.jsonl").write_text(
        "\n".join(json.dumps(row) for row in reader), encoding="utf-8"
    )
    found = evaluate_study(
        processed(*[said(key, text=text, unit_id=key) for key, text in texts.items()]), gold, grid
    )["agreement"]
    assert found["référence et lectrice"]["rubrique"]["f1"] == 0.5
    assert found["référence et machine"]["rubrique"]["f1"] == 1.0
    assert found["lectrice et machine"]["posture"]["n_units"] == 2


def test_a_reader_without_codes_is_named_by_line(tmp_path: Path) -> None:
    gold = gold_folder(tmp_path, gold_passage("a", "plus de car"))
    (gold / "lectrice.jsonl").write_text('{"unit_id": "a"}', encoding="utf-8")
    with pytest.raises(StudyError, match=r"lectrice\.jsonl, ligne 1 : sans rubriques"):
        evaluate_study(processed(said("a", text="plus de car", unit_id="a")), gold)
