"""Old publications go where the settings or a person say so, never one that is in use."""

import json
from pathlib import Path

import pytest

from flows.integrity import faults_of
from flows.publication import let_old_go
from flows.publication_files import (
    Published,
    gone_path,
    in_use,
    publications,
    publications_gone,
    publications_to_let_go,
    published,
    runs_published,
)
from flows.security import security_of
from flows.vault import Vault
from pipeline.study import Study

RUNS = [f"202506{day:02}T080000000000Z" for day in range(1, 15)]


@pytest.mark.parametrize(
    ("names", "keep", "used", "going"),
    [
        ("dcba", 2, "", "ba"),
        ("dcba", 2, "b", "a"),
        ("dcba", 1, "", "cba"),
        ("dcba", 0, "", "cba"),  # the last one never goes
        ("dcba", 4, "", ""),
        ("dcba", 9, "", ""),
        ("dcba", None, "", ""),  # all are kept
        ("dcba", 1, None, ""),  # unknown is not « not sent »
        ("dcba", 1, "dcba", ""),
        ("", 1, "", ""),
    ],
)
def test_what_goes(names: str, keep: int | None, used: str | None, going: str) -> None:
    listed = [Published(name, [], is_whole=True) for name in names]
    left = publications_to_let_go(listed, keep, None if used is None else set(used))
    assert "".join(each.run_id for each in left) == going


def study_with(root: Path, runs: list[str], setting: str = "") -> Study:
    study = Study.create(root)
    if setting:
        text = study.settings_path.read_text(encoding="utf-8")
        study.settings_path.write_text(f"{text}\n[publish]\n{setting}\n", encoding="utf-8")
    for run_id in runs:
        folder = study.publications / run_id
        folder.mkdir(parents=True)
        (folder / "rapport.html").write_text("<p>Rapport</p>", encoding="utf-8")
        (folder / "manifeste.json").write_text(json.dumps({"run_id": run_id}), encoding="utf-8")
    (root / ".review").mkdir(exist_ok=True)
    return Study.open(root)


def link_to(study: Study, run_id: str, *, revoked: str = "", ends: str = "2999-01-01") -> None:
    link = {"run_id": run_id, "revoked_at": revoked, "expires_at": f"{ends}T00:00:00+00:00"}
    (study.root / ".review" / "liens.json").write_text(json.dumps([link]), encoding="utf-8")


def kept(study: Study) -> list[str]:
    return [each.run_id for each in publications(study)]


def test_the_setting_lets_the_oldest_go_and_records_each(tmp_path: Path) -> None:
    study = study_with(tmp_path / "etude", RUNS[:5], "keep_publications = 2")
    link_to(study, RUNS[0])
    Vault(study).write_sending({"sent": {RUNS[1]: ["P1"]}, "begun": {}, "refusals": []})
    assert in_use(study) == {RUNS[0], RUNS[1]}
    assert let_old_go(study) == 1 and let_old_go(study) == 0
    assert kept(study) == [RUNS[4], RUNS[3], RUNS[1], RUNS[0]]
    assert not [path for path in study.publications.iterdir() if path.name.startswith(".")]
    (row,) = publications_gone(study)
    assert row["run_id"] == RUNS[2] and row["by"] == "[publish] keep_publications"
    assert (row["n_files"], row["n_bytes"], len(row["sha256"])) == (1, 14, 64)
    assert gone_path(study).stat().st_mode & 0o077 == 0
    assert faults_of(study) == []


@pytest.mark.parametrize("runs", [RUNS[:0], RUNS[:1], RUNS[:3]])
def test_a_hidden_folder_is_no_publication(tmp_path: Path, runs: list[str]) -> None:
    study = study_with(tmp_path / "etude", [*runs, f".building-{RUNS[4]}"])
    assert kept(study) == runs[::-1] and runs_published(study) == runs
    assert published(study, f".building-{RUNS[4]}") is None
    assert let_old_go(study) == 0


def test_without_the_setting_all_stay(tmp_path: Path) -> None:
    study = study_with(tmp_path / "etude", RUNS[:4])
    assert let_old_go(study) == 0 and len(kept(study)) == 4 and publications_gone(study) == []


@pytest.mark.parametrize(
    ("link", "used"),
    [({}, True), ({"revoked": "2025-06-02"}, False), ({"ends": "2020-01-01"}, False)],
)
def test_a_link_counts_while_it_is_open(tmp_path: Path, link: dict[str, str], used: bool) -> None:
    study = study_with(tmp_path / "etude", RUNS[:2])
    link_to(study, RUNS[0], **link)
    assert in_use(study) == ({RUNS[0]} if used else set())


def test_nothing_goes_where_the_sendings_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_with(tmp_path / "etude", RUNS[:3], "keep_publications = 1")
    monkeypatch.setenv("ATELIERS_VAULT_PASSPHRASE", "une longue phrase de passe")
    Vault(study).write_sending({"sent": {}, "begun": {}, "refusals": []})
    monkeypatch.delenv("ATELIERS_VAULT_PASSPHRASE")
    assert in_use(study) is None and let_old_go(study) == 0 and len(kept(study)) == 3


def test_the_advice_names_the_setting_and_no_publication_in_use(tmp_path: Path) -> None:
    study = study_with(tmp_path / "etude", RUNS)
    link_to(study, RUNS[0])
    (do,) = [point.do for point in security_of(study) if point.about == "publications"]
    assert "keep_publications" in do and RUNS[1] in do and RUNS[0] not in do
