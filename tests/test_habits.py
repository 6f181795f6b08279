"""Reading a study written in other habits than the example's: files, places of passages, privacy and segmentation, without any model."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.evaluate import evaluate_study
from pipeline.gather import gather_workshops
from pipeline.ingest import ingest_workshop
from pipeline.pseudonymise import pseudonymise
from pipeline.segment import segment_documents
from pipeline.settings import Settings
from pipeline.tables import TABLES

HABITS = Path(__file__).parent / "habits"
SETTINGS = Settings()


def read(folder: Path) -> dict[str, pd.DataFrame]:
    raw = ingest_workshop(folder, depot=HABITS / "depot", settings=SETTINGS.ingest)
    clean, _ = pseudonymise(raw, settings=SETTINGS.pseudonymise)
    return clean | {
        "units": segment_documents(clean["documents"], clean["blocks"], settings=SETTINGS.segment)
    }


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    gathered = gather_workshops([read(folder) for folder in sorted((HABITS / "depot").iterdir())])
    return {name: gathered.get(name, table.empty()) for name, table in TABLES.items()}


@pytest.mark.slow
def test_files_places_and_passages_are_read_nearly_as_a_person_reads_them(tables):
    found = evaluate_study(tables, HABITS / "gold")
    assert found["documents_missing"] == []
    assert found["words_read"] >= 0.99
    assert found["question_right"] >= 0.99
    assert found["table_number_right"] >= 0.99
    assert found["channel_right"] >= 0.99
    assert found["segmentation"]["f1"] >= 0.98


@pytest.mark.slow
def test_no_personal_datum_is_left_and_no_place_or_structure_is_hidden(tables):
    assert evaluate_study(tables, HABITS / "gold")["privacy"]["leaked"] == []
    texts = "\n".join(tables["documents"]["text"])
    kept = json.loads((HABITS / "gold" / "keep.json").read_text(encoding="utf-8"))
    assert len(kept) > 30
    assert [name for name in kept if name not in texts] == []


def test_what_cannot_be_read_is_listed_and_what_is_junk_is_not(tables):
    assert sorted(Path(path).name for path in tables["rejects"]["path"]) == [
        "Table 7.docx",
        "photo tables.jpg",
        "scan illisible.pdf",
    ]
