"""A backup put in the place of its study from the page: tried first, confirmed by the study's name, and nothing lost."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.backup import PASSPHRASE, Backup, backup_study, backups_of, restore_study
from flows.restoration import (
    ArchiveUploads,
    give_up_restoration,
    restore_over,
    sent_archive,
    try_restoration,
)
from flows.tasks import Task, task_of
from pipeline.errors import StudyError, UsageError
from pipeline.study import Study
from support.review_client import client, token
from support.review_server import Served, serving

IS_OF_FILES = True
PHRASE = "une longue phrase de passe"
TITLE = "Pays de Redon"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A small study with a file and a decision."""
    study = made_study(tmp_path / "etude", TITLE)
    (study.depot / "Redon 2026-03-12").mkdir(parents=True)
    (study.depot / "Redon 2026-03-12" / "notes.txt").write_text("Table 1 : des bus le soir.")
    (study.root / ".review").mkdir(mode=0o700)
    (study.root / ".review" / "liens.json").write_text("today's")
    decide(study, "premier nom")
    return study


def made_study(root: Path, title: str) -> Study:
    Study.create(root)
    text = (root / "etude.toml").read_text(encoding="utf-8")
    lines = [
        f'title = "{title}"' if line.startswith("title") else line for line in text.split("\n")
    ]
    (root / "etude.toml").write_text("\n".join(lines), encoding="utf-8")
    return Study.open(root)


def decide(study: Study, name: str) -> None:
    row = {"author": "alix", "action": "rename_theme", "theme_id": "t-1", "value": name}
    study.decisions.append_all([row])


def backed_up(study: Study, folder: Path, phrase: str = PHRASE) -> Backup:
    return backup_study(study.root, folder / "etude.ateliers", passphrase=phrase)


def test_a_backup_is_tried_then_restored_and_what_was_there_is_kept(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = backed_up(study, tmp_path)
    notes = study.depot / "Redon 2026-03-12" / "notes.txt"
    notes.write_text("réécrit par mégarde")
    (study.root / ".review/liens.json").write_text("now's")
    (study.depot / "Redon 2026-03-12" / "nouveau.txt").write_text("arrivé depuis")
    decide(study, "second nom")
    plan = try_restoration(study.root, saved.path, PHRASE)
    told = ("n_changed", "n_new", "n_gone", "n_decisions_now", "n_decisions_then")
    assert [plan[name] for name in told] == [1, 0, 1, 2, 1]
    assert notes.read_text() == "réécrit par mégarde" and study.decisions_state() == 2

    done = restore_over(study.root, passphrase=PHRASE)
    restored = Study.open(study.root)
    assert notes.read_text() == "Table 1 : des bus le soir."
    assert restored.decisions.read()["value"].tolist() == ["premier nom"]
    assert (study.root / ".review/liens.json").read_text() == "now's"
    assert not (study.root / ".review/restauration/etude").exists()
    monkeypatch.setenv(PASSPHRASE, PHRASE)  # and back again, by what was kept
    before = restore_study(study.root.parent / done["kept"], tmp_path / "avant")
    assert Study.open(before.path).decisions.read()["value"].tolist()[1] == "second nom"
    assert (before.path / "depot/Redon 2026-03-12/nouveau.txt").is_file()


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("phrase", "harm", "told"),
    [
        ("une tout autre phrase", None, "phrase de passe"),
        (None, None, "chiffrée"),
        (PHRASE, _truncated, "incomplet"),
        (PHRASE, _changed, "abîmé"),
    ],
)
def test_an_archive_that_does_not_open_is_said_in_one_line_and_changes_nothing(
    study: Study, tmp_path: Path, phrase: str | None, harm: Callable[[Path], None] | None, told: str
) -> None:
    saved = backed_up(study, tmp_path)
    if harm:
        harm(saved.path)
    with pytest.raises(StudyError, match=told):
        try_restoration(study.root, saved.path, phrase)
    with pytest.raises(StudyError, match="essai manque"):
        restore_over(study.root, passphrase=PHRASE)
    assert study.decisions_state() == 1


def test_another_studys_archive_is_refused(study: Study, tmp_path: Path) -> None:
    other = made_study(tmp_path / "autre", "Pays de Caux")
    saved = backed_up(other, tmp_path)
    with pytest.raises(StudyError, match="autre étude, « Pays de Caux »"):
        try_restoration(study.root, saved.path, PHRASE)


def test_nothing_is_restored_during_a_run_nor_without_a_phrase(
    study: Study, tmp_path: Path
) -> None:
    saved = backed_up(study, tmp_path)
    try_restoration(study.root, saved.path, PHRASE)
    with pytest.raises(StudyError, match="phrase de passe"):
        restore_over(study.root, passphrase=None)
    with study.locked(), pytest.raises(StudyError, match="déjà en cours"):
        restore_over(study.root, passphrase=PHRASE)
    decide(study, "toujours là")
    assert study.decisions_state() == 2


def test_what_the_machine_sets_is_not_restored(study: Study, tmp_path: Path) -> None:
    settings = study.settings_path
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + '\n[notify]\nhost = "courrier.ailleurs.example"\n')
    saved = backed_up(Study.open(study.root), tmp_path)
    settings.write_text(text)
    try_restoration(study.root, saved.path, PHRASE)
    restore_over(study.root, passphrase=PHRASE)
    assert "ailleurs" not in settings.read_text() and Study.open(study.root).settings


def test_what_is_sent_is_kept_only_where_it_is_a_backup(study: Study, tmp_path: Path) -> None:
    saved = backed_up(study, tmp_path)
    uploads = ArchiveUploads(study)
    for content, is_one in ((b"%PDF-1.7 un rapport", False), (saved.path.read_bytes(), True)):
        upload = uploads.announce("", "../../etude.ateliers", len(content), author="chantal")
        half = len(content) // 2
        assert uploads.add(upload, 0, [content[:half]]) == half
        assert uploads.add(upload, half, [content[half:]]) == len(content)
        if is_one:
            uploads.finish(upload)
        else:
            with pytest.raises(UsageError, match="pas une sauvegarde"):
                uploads.finish(upload)
        assert sent_archive(study.root).is_file() is is_one
    give_up_restoration(study.root)
    assert not sent_archive(study.root).exists()


# --- by the page


def ended(study: Study) -> Task:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        task = task_of(study.root, "restore")
        if task is not None and not task.is_running:
            return task
        time.sleep(0.1)
    raise TimeoutError("the restoration goes on")


def asked(served: Served, **fields: str) -> str:
    """Send the form as Chantal; return the page that follows."""
    session = client(served, "chantal", follow_redirects=True)
    fields = {"csrfmiddlewaretoken": token(session), **fields}
    return session.post("/publier/donnees/restaurer", data=fields).text


@pytest.mark.slow
def test_an_administrator_restores_from_the_page(study: Study, tmp_path: Path) -> None:
    shutil.rmtree(study.root / ".review")
    saved = backed_up(study, tmp_path)
    content = saved.path.read_bytes()
    decide(study, "second nom")
    with serving(study) as served:
        session = client(served, "chantal")
        headers = {"X-CSRFToken": token(session)}
        told = {"chemin": "etude.ateliers", "taille": str(len(content)), "change": "1"}
        begun = session.post("/publier/donnees/envois", data=told, headers=headers).json()
        headers["Content-Type"] = "application/octet-stream"
        for start in (0, 2000):
            end = 2000 if start == 0 else len(content)
            address = f"{begun['address']}?debut={start}"
            answer = session.post(address, content=content[start:end], headers=headers)
        assert "arrivée" in answer.json()["done"]
        assert client(served, "alix").post(begun["address"]).status_code == 403

        asked(served, geste="essayer", archive="envoyee", phrase="une tout autre phrase")
        assert "phrase de passe" in str(ended(study).fault)
        asked(served, geste="essayer", archive="envoyee", phrase=PHRASE)
        assert ended(study).result
        assert "taper le nom de l’étude" in session.get("/publier/donnees").text
        page = asked(served, geste="restaurer", nom="Un autre pays", phrase=PHRASE)
        assert "Ce n’est pas le nom" in page and study.decisions_state() == 2
        page = asked(served, geste="restaurer", nom=TITLE, phrase="courte")
        assert "trop courte" in page
        asked(served, geste="restaurer", nom=f" {TITLE.lower()} ", phrase=PHRASE)
        done = ended(study)
        assert done.result, done
        page = session.get("/publier/donnees").text
        assert "est restaurée" in page and done.result["kept"] in page
        assert Study.open(study.root).decisions_state() == 1
        assert PHRASE not in (study.root / ".review/taches/restore.json").read_text()
    assert [path.name for path in backups_of(study)] == [done.result["kept"]]
