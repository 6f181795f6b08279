"""What became of every character and file: the ledger adds up, receipts say what was left out, people make passages of it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hostile import CASES
from hostile.case import READ

from pipeline.decisions import apply_decisions, read_decision
from pipeline.decisions.passages import MakePassage, made_passages
from pipeline.files import data_path
from pipeline.ingest import ingest_workshop
from pipeline.ledger import account_characters, complete_receipts
from pipeline.receipts import characters_sentence, receipt_line, shares_of_characters, told_first
from pipeline.segment import segment_documents
from pipeline.settings.sections import IngestSettings, SegmentSettings
from pipeline.tables.material import RECEIPTS
from pipeline.tables.results import THEME_FAMILIES
from pipeline.tables.schema import ASIDES, LEDGER_KINDS
from support.invented import said, study

HABITS = Path(__file__).parent / "habits" / "depot"
NOTES = """Atelier de Corbigny, 12 mars 2026
Présents : Jeanne Auclair, Marc Nolot

Table 3 – Question 1
- plus de car le soir, les jeunes restent chez eux
- le médecin part en juin et personne ne le remplace

Question 2 : ce qui marche
- la ressourcerie remet en état deux cents vélos par an
"""
FORM = """Horodateur;Votre nom;Votre adresse mail;Que manque-t-il chez vous ?;Note de 1 à 5
12/03/2026 14:02:11;Jeanne Auclair;jeanne.auclair@exemple.fr;il n'y a plus de médecin à Corbigny et la pharmacie ferme;4
12/03/2026 15:10:45;Marc Nolot;marc.nolot@exemple.fr;un bus le soir pour rentrer de Nevers;2
13/03/2026 09:30:02;Odile Perrin;odile.perrin@exemple.fr;des logements chauffés pour les jeunes couples;5
"""


def read(folder: Path, made: frozenset[str] = frozenset()) -> dict[str, pd.DataFrame]:
    """The tables of a folder, its units, ledger and receipts."""
    tables = ingest_workshop(folder, depot=folder.parent, settings=IngestSettings())
    documents, blocks = tables["documents"], tables["blocks"]
    units = segment_documents(documents, blocks, settings=SegmentSettings(), made=made)
    ledger = account_characters(documents, blocks, units)
    receipts = complete_receipts(tables["receipts"], documents, ledger, units)
    return tables | {"units": units, "ledger": ledger, "receipts": receipts}


def test_a_text_that_had_to_be_cut_is_told_and_another_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "Corbigny 2026-03-12"
    folder.mkdir()
    endless = "é" * 5_000
    (folder / "sans fin.txt").write_text(f"{endless}\n", encoding="utf-8")
    sentences = "Les fermes de la vallée ferment une à une chaque hiver. " * 300
    (folder / "notes.txt").write_text(sentences, encoding="utf-8")
    told = read(folder)["receipts"].set_index("path")["warning"].fillna("")
    assert "2 coupures dans un texte" in told[f"{folder.name}/sans fin.txt"]
    assert "coupure" not in told[f"{folder.name}/notes.txt"]


@pytest.fixture(scope="module")
def corbigny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("depot") / "Corbigny 2026-03-12"
    folder.mkdir()
    (folder / "notes table 3.txt").write_text(NOTES, encoding="utf-8")
    (folder / "questionnaire.csv").write_text(FORM, encoding="utf-8")
    return read(folder)


def faults(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The documents whose spans do not follow each other from the first character to the last."""
    found = []
    for document in tables["documents"].itertuples():
        rows = tables["ledger"][tables["ledger"]["document_id"] == document.document_id]
        bounds = sorted(zip(rows["start_char"], rows["end_char"], strict=True))
        ends = [0, *(end for _, end in bounds)]
        starts = [*(start for start, _ in bounds), len(document.text)]
        found += [str(document.path)] if ends != starts else []
    return found


def spans(tables: dict[str, pd.DataFrame], name: str) -> list[tuple[str, str, str]]:
    """Text, kind and reason of each span of a file, blanks left out."""
    document = tables["documents"][tables["documents"]["path"].str.endswith(name)].iloc[0]
    rows = tables["ledger"][tables["ledger"]["document_id"] == document["document_id"]]
    listed = [
        (document["text"][row.start_char : row.end_char].strip(), row.kind, row.reason)
        for row in rows.sort_values("start_char").itertuples()
    ]
    return [
        (text, kind, "" if pd.isna(reason) else reason) for text, kind, reason in listed if text
    ]


@pytest.mark.slow
def test_every_character_is_in_one_row(corbigny: dict[str, pd.DataFrame]) -> None:
    assert len(corbigny["documents"]) == 2 and not faults(corbigny)


def test_a_span_that_is_dropped_or_told_twice_is_found(corbigny: dict[str, pd.DataFrame]) -> None:
    ledger = corbigny["ledger"]
    assert len(faults(corbigny | {"ledger": ledger.iloc[1:]})) == 1
    assert len(faults(corbigny | {"ledger": pd.concat([ledger, ledger.iloc[:1]])})) == 1


@pytest.mark.slow
@pytest.mark.parametrize("depot", [HABITS, data_path("demo")], ids=["habits", "example"])
def test_every_character_of_whole_studies_is_in_one_row(depot: Path) -> None:
    folders = [path for path in sorted(depot.iterdir()) if path.is_dir() and path.name != "gold"]
    assert folders and not [fault for folder in folders for fault in faults(read(folder))]


@pytest.mark.slow
def test_every_character_of_files_that_mean_harm_is_in_one_row(tmp_path: Path) -> None:
    folder = tmp_path / "Corbigny"
    folder.mkdir()
    for case in CASES:
        if not case.is_slow and READ in (case.outcome or ()):
            (folder / case.name).write_bytes(case.make())
    tables = read(folder)
    assert len(tables["documents"]) > 20 and not faults(tables)
    told = {path.split("#")[0] for name in ("receipts", "rejects") for path in tables[name]["path"]}
    names = {f"Corbigny/{path.name}" for path in folder.iterdir()}
    assert {unicodedata.normalize("NFC", name) for name in names} <= {
        unicodedata.normalize("NFC", name) for name in told
    }


def test_the_ledger_tells_passages_headings_and_circumstances(
    corbigny: dict[str, pd.DataFrame],
) -> None:
    kinds = {text: kind for text, kind, _ in spans(corbigny, "notes table 3.txt")}
    passage = "le médecin part en juin et personne ne le remplace"
    assert kinds[passage] == "passage"
    assert kinds["Question 2 : ce qui marche"] in ("heading", "circumstance")
    assert "Jeanne Auclair" in " ".join(text for text, kind in kinds.items() if kind != "passage")


def test_a_receipt_counts_words_and_says_what_was_left_out(
    corbigny: dict[str, pd.DataFrame],
) -> None:
    receipts = corbigny["receipts"].set_index(corbigny["receipts"]["path"].str.split("/").str[-1])
    notes = receipts.loc["notes table 3.txt"]
    assert notes["n_units"] == 3 == notes["n_with_table"] == notes["n_with_question"]
    n_words = len(corbigny["documents"].set_index("path")["text"][notes["path"]].split())
    assert notes["n_words_in"] == n_words > notes["n_words_kept"] > 25
    assert receipts.loc["questionnaire.csv", "n_units"] == 3


def _documents(
    *texts: tuple[str, str | None], n_dropped: int = 0, left_out: str = "[]"
) -> dict[str, Any]:
    """A document of blocks (text, reason), None for a passage; its completed receipt."""
    made = study(*(said(None, 1, text=text) for text, _ in texts))
    text = "\n".join(text for text, _ in texts)
    start, blocks = 0, []
    for order, (block, reason) in enumerate(texts):
        blocks.append(
            {"document_id": "d", "block_order": order, "start_char": start}
            | {"end_char": start + len(block), "kind": "meta" if reason else "paragraph"}
            | {"level": None, "table_number": None, "question": None, "channel": "notes"}
            | {"speaker": None, "reason": reason, "n_votes": None, "proposed_question": None}
        )
        start += len(block) + 1
    documents = made["units"].iloc[:1].assign(document_id="d", path="w/cr.txt", text=text)
    documents = documents.assign(first_path=None, n_chars=len(text))
    frame = pd.DataFrame(blocks)
    units = segment_documents(documents, frame, settings=SegmentSettings())
    ledger = account_characters(documents, frame, units)
    row = {"path": "w/cr.txt", "workshop_id": "w", "taken_for": "notes", "n_words_in": n_dropped}
    counts = ("n_words_kept", "n_units", "n_with_table", "n_with_question", "n_with_speaker")
    receipts = RECEIPTS.build([row | dict.fromkeys(counts, 0) | {"left_out": left_out}])
    completed = complete_receipts(receipts, documents, ledger, units)
    return dict(completed.iloc[0]) | {"ledger": ledger}


LONG = "les familles demandent une navette le soir pour rentrer de la gare après le travail"
WARNED = [  # blocks, words that the reader dropped, is the file told
    ([(LONG, None), (LONG, None)], 0, False),
    ([(LONG, None), (LONG, "circumstance")], 0, True),
    ([(LONG, None), (LONG, "page furniture")], 0, True),
    ([(LONG, None), (LONG, "repeated")], 0, False),
    # explained: nothing to look at
    ([(LONG, None), (LONG, None), (LONG, "circumstance")], 0, False),
    ([(LONG, None), (LONG, "signature"), (LONG, "application")], 0, False),
    ([(LONG, None), (LONG, "status"), (LONG, "place"), (LONG, "closed answer")], 0, False),
    # not understood
    ([(LONG, None), (LONG, None), (LONG, None), (LONG, "other")], 0, True),
    ([(LONG, None), (LONG, None), (LONG, "unknown column")], 0, True),
    ([(LONG, None), (LONG, "person")], 0, False),
    ([(LONG, None), (LONG, None)], 40, True),
    ([("pas de car", None), ("Corbigny le 12", "circumstance")], 0, False),
]


@pytest.mark.parametrize(("blocks", "n_dropped", "is_told"), WARNED)
def test_a_file_of_which_a_fifth_is_lost_is_told(
    blocks: list[tuple[str, str | None]], n_dropped: int, is_told: bool
) -> None:
    receipt = _documents(*blocks, n_dropped=n_dropped)
    assert (not pd.isna(receipt["warning"])) == is_told
    if is_told:
        assert "des mots ne sont dans aucun passage" in receipt["warning"]


@pytest.mark.parametrize(
    ("reasons", "is_told"),
    [
        (["identifiant ou numéro de ligne", "date ou heure"], False),
        (["identifiant ou numéro de ligne", "colonne non comprise"], True),
        ([], True),
    ],
)
def test_words_of_columns_are_lost_only_where_a_column_is_not_understood(
    reasons: list[str], is_told: bool
) -> None:
    left_out = json.dumps([[f"colonne {n}", reason, None] for n, reason in enumerate(reasons)])
    receipt = _documents((LONG, None), n_dropped=40, left_out=left_out)
    assert (not pd.isna(receipt["warning"])) == is_told


def test_passages_without_question_are_told() -> None:
    receipt = _documents(*[(f"{LONG} {n}", None) for n in range(4)])
    assert receipt["warning"] == "4 passages sur 4 sans question connue"
    assert receipt_line(receipt) == (
        "notes : 64 mots, dont 64 dans 4 passages ; 4 sans table ; 4 sans question → à regarder : "
        "4 passages sur 4 sans question connue"
    )


def test_files_to_look_at_come_first() -> None:
    warned, fine = _documents((LONG, None), (LONG, "settings")), _documents((LONG, None))
    rows = pd.DataFrame([fine | {"path": "a"}, warned | {"path": "b"}])
    assert [row["path"] for row in told_first(rows)] == ["b", "a"]


def test_what_is_left_out_has_its_reason_and_words() -> None:
    receipt = _documents((LONG, None), ("menu accueil contact", "page furniture"))
    assert ["", ASIDES["page furniture"][1], 3] in json.loads(receipt["left_out"])


def test_shares_of_characters_add_up(corbigny: dict[str, pd.DataFrame]) -> None:
    shares = shares_of_characters(corbigny["ledger"])
    assert sum(shares.values()) == pytest.approx(1)
    assert "% dans des passages" in characters_sentence(shares)
    assert shares_of_characters(corbigny["ledger"].iloc[:0]) == {} and not characters_sentence({})


def test_reasons_are_of_the_kinds_of_the_ledger() -> None:
    assert {kind for kind, _ in ASIDES.values()} <= set(LEDGER_KINDS)


@pytest.mark.slow
def test_people_make_a_passage_of_what_was_none(tmp_path: Path) -> None:
    folder = tmp_path / "Corbigny"
    folder.mkdir()
    (folder / "notes table 3.txt").write_text(NOTES, encoding="utf-8")
    before = read(folder)
    silent = before["ledger"][
        before["ledger"]["unit_id"].notna() & (before["ledger"]["kind"] != "passage")
    ]
    asked = str(silent["unit_id"].iloc[0])
    after = read(folder, frozenset({asked}))
    added = after["units"][~after["units"]["unit_id"].isin(before["units"]["unit_id"])]
    assert added["unit_id"].tolist() == [asked] and not faults(after)
    assert set(before["units"]["unit_id"]) < set(after["units"]["unit_id"])
    told = after["ledger"].set_index("unit_id")["kind"]
    assert told[asked] == "passage"


def test_the_decision_says_whether_it_holds() -> None:
    made = study(said("cars", 1, text=LONG))
    unit_id = str(made["units"]["unit_id"].iloc[0])
    rows = [
        MakePassage(unit_id, LONG, decision_id=1).row() | {"decision_id": 1},
        MakePassage("u-gone", "ailleurs", decision_id=2).row() | {"decision_id": 2},
    ]
    decisions = [read_decision(row) for row in rows]
    assert made_passages(decisions) == {unit_id, "u-gone"}
    machine = made | {"theme_families": THEME_FAMILIES.empty()}
    effects = apply_decisions(machine, decisions)["decision_effects"].set_index("decision_id")
    assert effects["state"].tolist() == ["appliquée", "sans objet"]


def test_a_form_writes_nobodys_name_or_address(corbigny: dict[str, pd.DataFrame]) -> None:
    text = "\n".join(corbigny["documents"]["text"])
    assert "exemple.fr" not in text and "Odile Perrin" not in text
    assert {"Odile Perrin", "Marc Nolot"} <= set(corbigny["people"]["full_name"])


LISTED = [
    ("Autour de la table : Hervé Maurin, Chantal Issert et Mme Roque", 3),
    ("Présents : la mairie de Gournay, une dame de Paulhan", 0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("line", "n_people"), LISTED)
def test_persons_that_a_line_lists_are_known(tmp_path: Path, line: str, n_people: int) -> None:
    folder = tmp_path / "Corbigny"
    folder.mkdir()
    (folder / "Table 3 q1.txt").write_text(f"{line}\n\nplus de car le soir\n", encoding="utf-8")
    assert len(read(folder)["people"]) == n_people
