"""Two studies processed at once in one process: each finds its own passages, and nothing of the other's, in its folder."""

import hashlib
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.run import run_study
from pipeline.files import file_hash
from pipeline.study import Study
from support.studies import RETZ, new_small_study

OWN = ("les navettes du marché partent à midi", "la laverie de Brains cherche un repreneur")


def table_bytes(study: Study) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(study.tables.rglob("*.parquet"))}


def is_in_store(study: Study, text: str) -> bool:
    with sqlite3.connect(study.cache / "store.sqlite3") as connection:
        key = hashlib.sha256(text.encode()).digest()
        kinds = connection.execute("SELECT DISTINCT kind FROM entries WHERE key = ?", (key,))
        return {kind.split()[0] for (kind,) in kinds} >= {"vectors", "readings"}


@pytest.mark.slow
def test_two_studies_in_two_threads_leave_their_files_where_they_belong(tmp_path: Path):
    studies = [new_small_study(tmp_path / name) for name in ("une", "autre")]
    for study, text in zip(studies, OWN, strict=True):
        (study.depot / RETZ / "Table 3.txt").write_text(f"Q1\n- {text}\n", encoding="utf-8")
    alone = Study.open(Path(shutil.copytree(studies[0].root, tmp_path / "seule")))
    heard: list[list[str]] = [[], []]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(
                run_study, study.root, on_progress=lambda what, *_, to=said: to.append(what)
            )
            for study, said in zip(studies, heard, strict=True)
        ]
        outcomes = [run.result() for run in runs]
    assert all(outcome.is_new for outcome in outcomes)
    for i, study in enumerate(studies):
        assert OWN[i] in set(study.read_table("units")["text"])
        assert is_in_store(study, OWN[i]) and not is_in_store(study, OWN[1 - i])
        assert not run_study(study.root).is_new
    assert heard[0] == heard[1] != []
    run_study(alone.root)
    assert table_bytes(alone) == table_bytes(studies[0])
