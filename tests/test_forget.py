"""Forgetting a person: what is left of it in a study, byte by byte, and what the next runs make of its files."""

import base64
import contextlib
import getpass
import gzip
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest

from flows import forget
from flows.backup import PASSPHRASE, backup_study, restore_study
from flows.forget import Erasure, every_form, forget_person, name_pattern, named_files, still_naming
from flows.restoration import restore_over, try_restoration
from flows.run import run_study
from flows.vault import Vault
from pipeline.cli import main
from pipeline.decision_store import DecisionStore
from pipeline.errors import StudyError
from pipeline.pseudonymise.choices import lasting_forms
from pipeline.pseudonymise.identities import name_words
from pipeline.pseudonymise.vault import Facts, Person, Registry
from pipeline.show.moves import forgotten
from pipeline.study import Study
from support.decisions import sign_off
from support.studies import group_any_size

pytestmark = pytest.mark.slow

RETHEL, VOUZIERS = "Rethel 2026-09-10", "Vouziers 2026-09-17"
LIST = """Nom;Prénom;Structure;Courriel;Téléphone;Signature
Quenneson;Ludivine;Épicerie du Moulin;ludivine.quenneson@example.org;06 39 98 51 17;x
Baudrillart;Thibaut;Régie des Crêtes;t.baudrillart@example.org;;x
"""
NOTES = """Question 1
- Mme Quenneson dit que le car ne passe plus le soir à Rethel
- Thibaut voudrait une salle pour répéter, L. Quenneson aussi
- les loyers montent sur la place
"""
MAIL = """From: Ludivine Quenneson <ludivine.quenneson@example.org>
To: atelier@example.org
Subject: suite de l'atelier
Content-Type: text/plain; charset=utf-8

Bonjour,
Il manque un point de collecte des bouchons à l'entrée de Rethel.

Ludivine Quenneson
06 39 98 51 17
"""
OLD_RECORD = {
    "run_id": "20200101T000000000000Z",
    "settings": {"pseudonymise": {"hide": ["Ludivine"]}},
}
TRACES = re.compile(r"quenneson|ludivine|639985117|06 39 98 51 17", re.IGNORECASE)


@pytest.fixture
def study(processed: Study, tmp_path: Path) -> Study:
    """A copy of the processed study for one test to change."""
    return Study.open(Path(shutil.copytree(processed.root, tmp_path / "etude")))


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two workshops, of which the same person attended both; processed, with decisions that name her and one on her own words."""
    made = group_any_size(Study.create(tmp_path_factory.mktemp("oubli") / "etude"))
    for folder in (RETHEL, VOUZIERS):
        (made.depot / folder).mkdir()
        (made.depot / folder / "emargement.csv").write_text(LIST, encoding="utf-8")
    (made.depot / RETHEL / "Table 1.txt").write_text(NOTES, encoding="utf-8")
    (made.depot / RETHEL / "suite.eml").write_text(MAIL, encoding="utf-8")
    (made.depot / VOUZIERS / "Table 2.txt").write_text(
        "Question 2\n- Ludivine a lancé un marché du soir\n- le four est réparé\n", "utf-8"
    )
    run_study(made.root)
    units = made.read_table("units")
    (own,) = units.loc[units["text"].str.contains("bouchons"), "unit_id"]
    (other,) = units.loc[units["text"].str.contains("four"), "unit_id"]
    store = made.decisions
    store.append(
        author="analyste",
        action="accept_tag",
        unit_id=own,
        axis="rubrique",
        code="environnement",
        why="dit par L. Quenneson",
    )
    store.append(
        author="Ludivine Quenneson",
        action="accept_tag",
        unit_id=other,
        axis="rubrique",
        code="alimentation",
    )
    run_study(made.root)
    return made


def everything(root: Path, *, with_depot: bool = False) -> Iterator[tuple[str, str]]:
    """Each file as text, depot/ left out unless asked for: raw bytes, unpacked and read where its format hides them."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        if with_depot:
            yield "its name", name
        if with_depot or not name.startswith("depot/"):
            yield from unpacked(name, path.read_bytes())


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    yield name, content.decode("utf-8", "ignore")
    yield name, content.decode("utf-16-le", "ignore")
    stream = io.BytesIO(content)
    if content[:4] == b"PAR1":
        yield name, pd.read_parquet(stream).to_json(force_ascii=False)
    elif content[:2] == b"\x1f\x8b":
        yield from unpacked(f"{name}!", gzip.decompress(content))
    elif content[:5] == b"%PDF-":
        pages = pypdfium2.PdfDocument(content)
        yield name, "".join(page.get_textpage().get_text_bounded() for page in pages)
    elif zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            for part in archive.namelist():
                yield f"{name}!", part
                yield from unpacked(f"{name}!{part}", archive.read(part))


def traces(study: Study, pattern: re.Pattern[str], *, with_depot: bool = False) -> list[str]:
    texts = everything(study.root, with_depot=with_depot)
    return sorted({name for name, text in texts if pattern.search(text)})


def identifier(study: Study) -> str:
    (person,) = (
        person
        for person in Vault(study).registry().persons.values()
        if person.last_name == "Quenneson"
    )
    return person.participant_id


@pytest.mark.slow
def test_she_is_one_person_over_both_workshops_and_the_vault_alone_names_her(study):
    own = identifier(study)
    attendance = study.read_table("attendance")
    assert sorted(attendance.loc[attendance["participant_id"] == own, "workshop_id"]) == [
        "rethel-2026-09-10",
        "vouziers-2026-09-17",
    ]
    number = own.removeprefix("personne-")
    texts = " ".join(study.read_table("documents")["text"])
    assert texts.count(f"[personne {number}]") >= 3
    assert {name for name in traces(study, TRACES) if not name.startswith("vault/")} == {
        "decisions.sqlite3"
    }


@pytest.mark.slow
@pytest.mark.parametrize("with_words", [pytest.param(False, marks=pytest.mark.exhaustive), True])
def test_nothing_outside_the_depot_names_a_forgotten_person_and_the_next_run_does_not_bring_it_back(
    study, with_words
):
    own = identifier(study)
    ids = re.compile(own.replace("-", "[- ]") + r"(?!\d)")
    assert any(name.startswith("publications/") for name in traces(study, ids))
    before, theme_ids = study.read_table("units"), set(study.read_table("themes")["theme_id"])
    (study.root / "decisions-reprises.sqlite3").write_bytes(
        study.decisions_path.read_bytes()
    )  # as once a database took them over
    _leave_traces_in_review(study)
    erasure = forget_person(study.root, "Ludivine QUENNESON", with_words=with_words)
    assert erasure.participant_ids == (own,)
    assert (
        erasure.counts["lignes de présence"],
        erasure.counts["anciens fichiers de décisions retirés"],
    ) == (2, 1)
    assert set(erasure.depot_files) == {
        f"{RETHEL}/{name}" for name in ("Table 1.txt", "emargement.csv", "suite.eml")
    } | {f"{VOUZIERS}/{name}" for name in ("Table 2.txt", "emargement.csv")}
    assert (traces(study, TRACES), traces(study, ids)) == ([], [])
    _check_tables(study, before, theme_ids, with_words=with_words)
    _check_review(study)
    (study.depot / RETHEL / "Table 3.txt").write_text(
        "Question 3\n- Ludivine Quenneson tient la caisse, Mme Quenneson aide\n", "utf-8"
    )
    run_study(study.root)
    assert (traces(study, TRACES), traces(study, ids)) == ([], [])
    texts = " ".join(study.read_table("documents")["text"])
    assert "[personne] tient la caisse, Mme [personne] aide" in texts
    if with_words:
        _nothing_is_left_once_files_are_corrected(study, set(erasure.depot_files))


def _nothing_is_left_once_files_are_corrected(study: Study, listed_first: set[str]) -> None:
    """A name of a file stays in what was published since, until the same command is given again."""
    (study.depot / RETHEL / "Mot de Ludivine Quenneson.txt").write_text(
        "Question 4\n- le marché finit trop tôt\n", "utf-8"
    )
    run_study(study.root)
    assert traces(study, TRACES), "tables and reports name files"
    listed = forget_person(study.root, "Quenneson Ludivine", dry_run=True)
    assert listed.participant_ids == () and listed.n_file_names == 1
    for path in listed_first | set(listed.depot_files):
        (study.depot / path).unlink()
    (study.depot / RETHEL / "Table 4.txt").write_text("Question 3\n- le four est froid\n", "utf-8")
    erasure = forget_person(study.root, "Quenneson Ludivine")
    assert (erasure.depot_files, erasure.still_readable) == ({}, {})
    assert traces(study, TRACES, with_depot=True) == []


def _leave_traces_in_review(study: Study) -> None:
    """What the pages of a study keep beside it: tasks, files sent, jobs, sessions, free pages."""
    review = study.root / ".review"
    for name in ("taches", "reprises", "restauration/etude"):
        (review / name).mkdir(parents=True)
    fault = {"fault": ["personne ne répond à « Quenneson »", "", ""]}
    (review / "taches" / "forget.json").write_text(json.dumps(fault), "utf-8")
    (review / "reprises" / "retour.qdpx").write_bytes(b"Quenneson")
    (review / "restauration" / "etude" / "etude.toml").write_text("# Quenneson", "utf-8")
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps({"m": "Ludivine"}).encode()))
    with contextlib.closing(sqlite3.connect(review / "accounts.sqlite3")) as base, base:
        base.execute("CREATE TABLE django_session (session_key TEXT, session_data TEXT)")
        base.execute("CREATE TABLE axes_accesslog (username TEXT)")
        base.execute("CREATE TABLE auth_user (username TEXT)")
        base.execute("INSERT INTO auth_user VALUES ('alix')")
        base.execute("INSERT INTO axes_accesslog VALUES ('ludivine.quenneson')")
        for n in range(200):  # most of them deleted, in pages that stay
            base.execute("INSERT INTO django_session VALUES (?, ?)", (f"{n}", "Quenneson " * 40))
        base.execute("DELETE FROM django_session")
        base.execute("INSERT INTO django_session VALUES ('a', ?)", (f".{packed.decode()}:1:s",))
        base.execute("INSERT INTO django_session VALUES ('b', 'e30:1:s')")
    assert ".review/accounts.sqlite3" in traces(study, TRACES)


def _check_review(study: Study) -> None:
    with contextlib.closing(sqlite3.connect(study.root / ".review" / "accounts.sqlite3")) as base:
        assert base.execute("SELECT session_key FROM django_session").fetchall() == [("b",)]
        assert base.execute("SELECT username FROM auth_user").fetchall() == [("alix",)]


def _check_tables(
    study: Study, before: pd.DataFrame, theme_ids: set[str], *, with_words: bool
) -> None:
    after = study.read_table("units")
    gone = set(before["unit_id"]) - set(after["unit_id"])
    spoken = set(before.loc[before["text"].str.contains("bouchons"), "unit_id"])
    own = set(before.loc[before["speaker"] == "personne-1", "unit_id"])  # said, or told as said
    assert len(own) == 2
    assert gone == (own if with_words else set())
    assert (spoken <= gone) is with_words
    assert set(study.read_table("attendance")["participant_id"]) == {"personne-2"}
    assert set(study.read_table("themes")["theme_id"]) == theme_ids
    store = study.decisions
    assert list(store.read()["author"]) == (
        ["[personne]"] if with_words else ["analyste", "[personne]"]
    )
    (record,) = store.read_erasures()
    assert record["counts"]["décisions dont le texte est masqué"] == (1 if with_words else 2)
    reports = list(study.publications.glob("*/rapport.html"))
    assert len(reports) == 1
    assert ("bouchons" in reports[0].read_text(encoding="utf-8")) is not with_words


@pytest.mark.slow
def test_a_first_name_leaves_decisions_doubts_records_and_the_new_report_too(study):
    (own,) = study.read_table("units").loc[
        lambda units: units["text"].str.contains("marché du soir"), "unit_id"
    ]
    theme = study.read_table("themes")["theme_id"][0]
    store, vault = study.decisions, Vault(study)
    for row in (  # as a version before typed texts were masked kept them
        {"action": "rename_theme", "theme_id": theme, "value": "Ce que LUDIVINE propose"},
        {"action": "describe_theme", "theme_id": theme, "value": "voir ludivine et Mme Quenneson"},
        sign_off(theme, [own], title="Ludivine", statement="Mme Quenneson propose."),
        {
            "action": "accept_tag",
            "unit_id": own,
            "axis": "rubrique",
            "code": "alimentation",
            "why": "Ludivine y tient",
        },
    ):
        store.append(author="analyste", **row)
    kept = {"words": "Ludivine", "done": "gardé", "decision": "garder"}
    vault.write_decisions({"c-1": kept, "c-2": kept | {"words": "Rethel"}})
    (study.runs / "20200101T000000000000Z.json").write_text(
        json.dumps(OLD_RECORD), encoding="utf-8"
    )
    study.settings_path.write_text(
        study.settings_path.read_text(encoding="utf-8") + '\n[pseudonymise]\nhide = ["Ludivine"]\n',
        "utf-8",
    )
    run_study(study.root)
    machine = study.read_machine_table("themes")
    machine.loc[0, "label"] = "Le marché de Ludivine"
    study.write_machine_table("themes", machine)
    erasure = forget_person(study.root, "Ludivine Quenneson")
    assert erasure.other_files == {"etude.toml": 1}
    assert erasure.counts["thèmes proposés dont le texte est masqué"] == 1
    assert erasure.still_readable == {}
    assert traces(study, TRACES) == ["etude.toml"], "which people are told to correct"
    assert "[personne] y tient" in list(study.decisions.read()["why"])
    assert set(Vault(study).decisions()) == {"c-2"}


@pytest.mark.slow
def test_the_files_to_correct_are_those_that_hid_her_too_by_her_first_name_alone(study):
    person = Vault(study).registry().persons[int(identifier(study).removeprefix("personne-"))]
    files, _ = named_files(study, person)
    assert files[f"{VOUZIERS}/Table 2.txt"] == 1
    assert files[f"{RETHEL}/Table 1.txt"] == 2


PHRASE = "une longue phrase de passe"


@pytest.mark.slow
@pytest.mark.parametrize("is_in_place", [True, False], ids=["from the page", "elsewhere"])
def test_a_backup_made_before_an_erasure_brings_nobody_back(
    study, monkeypatch, capsys, is_in_place
):
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    saved = backup_study(study.root).path
    own, others = identifier(study), set(study.read_table("attendance")["participant_id"])
    forget_person(study.root, "Ludivine Quenneson", with_words=True)
    beside = study.root.parent / "etude-effacements.json"
    assert not TRACES.search(beside.read_text("utf-8")) and beside.stat().st_mode & 0o077 == 0
    if is_in_place:
        assert try_restoration(study.root, saved, None)["n_erased"] == 1
        done = restore_over(study.root, passphrase=None, author="chantal")
        assert (done["n_erased"], len(done["depot_files"])) == (1, 5)
        restored = Study.open(study.root)
    else:
        restored = Study.open(restore_study(saved, study.root.with_name("revenue")).path)
        assert main(["restore", str(saved), str(study.root.with_name("dite"))]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "1 personne effacée depuis cette sauvegarde : elle reste effacée" in told
        assert "emargement.csv" in told and "Aucune liste" not in told
    assert traces(restored, TRACES) == []
    assert {entry["author"] for entry in restored.decisions.read_erasures()} == (
        {"chantal"} if is_in_place else {getpass.getuser()}
    )
    run_study(restored.root)
    assert traces(restored, TRACES) == []
    assert set(restored.read_table("attendance")["participant_id"]) == others - {own}
    assert not any("bouchons" in text for text in restored.read_table("units")["text"])


@pytest.mark.slow
def test_without_a_list_of_erasures_beside_it_a_restoration_says_what_may_come_back(
    study, tmp_path, capsys
):
    (tmp_path / "loin").mkdir()
    saved = backup_study(study.root, tmp_path / "loin" / "s.ateliers").path
    assert main(["restore", str(saved), str(tmp_path / "loin" / "etude")]) == 0
    assert "refaire ateliers forget" in " ".join(capsys.readouterr().out.split())


def test_whom_a_later_registry_forgot_is_found_again_and_nobody_else():
    earlier = Registry()
    for first, last in (("Odile", "Perrin"), ("Jean", "Perrin"), ("Odile", "Garnaud")):
        person = earlier.add(is_listed=True)
        facts = Facts(frozenset({name_words(f"{first} {last}")}), *[frozenset()] * 4)
        person.first_name, person.last_name = first, last
        person.learn("Redon", facts)
    mentioned = earlier.add(is_listed=False)
    mentioned.folders, mentioned.mentions = ["Redon"], {"Redon": ["quéméneur"]}
    later = Registry.loads(earlier.dumps())
    later.add(is_listed=True)
    for number in (1, 4):
        forms = lasting_forms(later.persons[number])
        later.forget(number, has_no_words=False, forms=forms)
    assert "perrin" not in str(later.erasures()).casefold()
    assert earlier.forget_too(later) == 2 and earlier.forget_too(later) == 0
    people = earlier.persons.values()
    erased = [each.number for each in people if earlier.forgotten_as(each, lasting_forms(each))]
    assert erased == [1, 4] and earlier.last_number == 5
    stranger = Registry(forgotten=[*later.forgotten])
    with pytest.raises(StudyError, match="autre clé"):
        stranger.forget_too(later)
    assert Registry().forget_too(later) == 2, "a backup of before any run takes everything over"


def test_what_still_names_a_forgotten_person_is_told_by_place(study):
    person = Person(
        1, is_listed=True, first_name="Rose", last_name="Quéméneur", names=["quemeneur rose"]
    )
    assert still_naming(study, person) == {}
    page = study.publications / "1" / "page.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("selon quemeneur, une rose à Rethel, QUÉMÉNEUR aussi", encoding="utf-8")
    with zipfile.ZipFile(page.with_name("tableaux.xlsx"), "w") as archive:
        archive.writestr("mots.xml", "<t>Quémeneur</t>")
    documents = study.read_table("documents")
    documents.loc[0, "text"] = documents.loc[0, "text"] + "\nles quéméneur"
    documents.to_parquet(study.tables / "documents.parquet")
    assert still_naming(study, person) == {
        "publications/1/page.html": 2,
        "publications/1/tableaux.xlsx": 1,
        f"tables/documents, {documents.loc[0, 'path']}": 1,
    }


def test_the_command_says_in_one_line_where_the_name_still_stands(capsys):
    forgotten(
        Erasure(
            ("personne-4",),
            False,
            still_readable={"tables/documents, notes.txt": 2, "publications/1/rapport.html": 3},
        ),
        as_json=False,
    )
    assert "Son nom se lit encore" in capsys.readouterr().out


FORMS = [
    (
        "Ludivine",
        "Quenneson",
        "LUDIVINE, ludivine et Quenneson",
        "[personne], [personne] et [personne]",
    ),
    ("Ludivine", "Quenneson", "Ludivinette et la quennesonne", "Ludivinette et la quennesonne"),
    (
        "Rose",
        "Petit",
        "Rose dit que la rose du petit jardin de Petit fane",
        "[personne] dit que la rose du petit jardin de [personne] fane",
    ),
    (
        "Jean-Éric",
        "Le Dû",
        "jean éric, Eric et l'été dû au Du",
        "[personne], [personne] et l'été dû au Du",
    ),
    ("Anaïs", None, "ANAIS, Anaïs", "[personne], [personne]"),
]


@pytest.mark.parametrize(("first", "last", "typed", "clean"), FORMS)
def test_every_form_of_a_name_leaves_what_was_typed_and_common_words_stay(
    first, last, typed, clean
):
    person = Person(
        1,
        is_listed=True,
        first_name=first,
        last_name=last,
        names=[name_words(f"{first} {last or ''}")],
    )
    assert every_form(person).sub("[personne]", typed) == clean


def test_whoever_decided_keeps_a_first_name_that_the_forgotten_person_had_too(tmp_path):
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    store.append(
        author="ludivine", action="rename_theme", theme_id="t", value="Chez Ludivine", why=None
    )
    store.append(author="Ludivine Quenneson", action="rename_theme", theme_id="t", value="Le four")
    person = Person(
        1,
        is_listed=True,
        first_name="Ludivine",
        last_name="Quenneson",
        names=["ludivine quenneson"],
    )
    whole, every = name_pattern(person), every_form(person)
    cleaners = (
        lambda text: every.sub("[personne]", text),
        lambda text: whole.sub("[personne]", text),
    )
    assert store.count_erased([], cleaners[0], clean_author=cleaners[1]) == (0, 2)
    store.erase([], cleaners[0], clean_author=cleaners[1], author="exploitant", counts={})
    kept = store.read()
    assert list(kept["author"]) == ["ludivine", "[personne]"]
    assert list(kept["value"]) == ["Chez [personne]", "Le four"]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("decisions.sqlite3*"))
    assert b"Chez Ludivine" not in content and b"Quenneson" not in content


@pytest.mark.slow
def test_a_dry_run_says_the_same_and_changes_nothing(study):
    before = {
        path: path.read_bytes()
        for path in study.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    erasure = forget_person(study.root, "ludivine.quenneson@example.org", dry_run=True)
    assert erasure.counts["lignes de présence"] == 2
    assert {
        path: path.read_bytes()
        for path in study.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    } == before


@pytest.mark.slow
def test_an_erasure_cut_at_any_step_is_ended_by_the_same_command(study, monkeypatch):
    for name in ("Vault.drop_doubts", "Vault.write_decisions", "Vault.write_registry", "run_study"):
        with monkeypatch.context() as cut:
            target, _, method = name.rpartition(".")
            cut.setattr(getattr(forget, target) if target else forget, method, _cut)
            with pytest.raises(KeyboardInterrupt):
                forget_person(study.root, "06.39.98.51.17")
    assert forget_person(study.root, "06.39.98.51.17").participant_ids == (), (
        "the vault had forgotten her already"
    )
    assert traces(study, TRACES) == []
    assert study.read_table("attendance")["participant_id"].tolist() == ["personne-2", "personne-2"]


def _cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_name_of_several_or_of_nobody_is_an_error_that_changes_nothing(study):
    with pytest.raises(StudyError, match="personne ne répond à « Ghislain »"):
        forget_person(study.root, "Ghislain")
    registry = Vault(study).registry()
    twin = registry.add(is_listed=True)
    twin.names, twin.folders = ["ludivine moreau"], [VOUZIERS]
    Vault(study).write_registry(registry)
    with pytest.raises(StudyError, match=rf"personne-1 .*personne-{twin.number} \({VOUZIERS}\)"):
        forget_person(study.root, "ludivine")
    assert len(Vault(study).registry().forgotten) == 0


@pytest.mark.slow
def test_the_command_names_files_to_correct_and_gives_figures_to_machines(study):
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "forget",
        str(study.root),
        "Quenneson",
        "--dry-run",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "à corriger ou supprimer à la main" in shown.stdout
    assert f"{RETHEL}/suite.eml" in shown.stdout
    figures = json.loads(
        subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert figures["counts"]["lignes de présence"] == 2
    assert figures["is_dry_run"]
