"""The vault on disk: rights, passphrase, doubtful cases and what people decide on them, and vaults of earlier versions."""

import csv
import json
import re
import stat
from pathlib import Path

import pandas as pd
import pytest

from flows.encryption import MAGIC, PASSPHRASE, PASSPHRASE_FILE, Cipher, is_encrypted
from flows.masked_names import leave_readable, masked_words
from flows.run import recorded_settings
from flows.vault import CHOSEN, Vault, read_decisions, write_doubts
from pipeline.cli import main
from pipeline.errors import StudyError, UsageError, VaultError
from pipeline.files import parquet_bytes, text_hash, write_bytes
from pipeline.pseudonymise.documents import DOUBTS
from pipeline.pseudonymise.vault import VAULT, Registry
from pipeline.study import Study

CASES = [
    ("c-1", "Olive", "l'atelier d'Olive ouvre", "masqué", "prénom ou mot commun"),
    ("c-2", "Mirecourt", "=voir Mirecourt jeudi", "gardé", "nom de personne ou de lieu"),
    ("c-3", "Anaïs Vautrin (personne-4)", None, "compté", "même nom"),
]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "etude")


def _doubts() -> pd.DataFrame:
    return DOUBTS.build(
        {
            "doubt_id": case,
            "workshop_id": "w",
            "path": "W/a.txt",
            "start_char": 3,
            "words": words,
            "context": context,
        }
        | {"done": done, "reason": reason, "n_occurrences": 2}
        for case, words, context, done, reason in CASES
    )


def _registry() -> Registry:
    registry = Registry()
    registry.add(is_listed=True).full_name = "Anaïs Vautrin"
    return registry


def test_files_are_readable_by_their_owner_alone_and_say_what_they_are(study):
    Vault(study).write_registry(_registry())
    Vault(study).write_doubts("W", _doubts())
    assert stat.S_IMODE(study.vault.stat().st_mode) == 0o700
    files = list(study.vault.iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert "pas anonymes" in (study.vault / "LISEZMOI.txt").read_text(encoding="utf-8")
    assert len(files) == 5  # two with a checksum each


def test_what_is_written_is_read_back_and_doubts_carry_their_decision(study):
    registry = _registry()
    Vault(study).write_registry(registry)
    Vault(study).write_doubts("W", _doubts())
    Vault(study).write_decisions(
        {"c-1": {"words": "Olive", "done": "masqué", "decision": "garder"}}
    )
    again = Vault(study)
    assert again.registry() == registry
    assert list(again.doubts()["decision"].fillna("")) == ["garder", "", ""]
    assert again.count_waiting() == 2
    Vault(study).write_doubts("W", _doubts().head(0))
    assert again.doubts().empty


def test_a_case_is_decided_alone_and_taken_back_even_where_no_doubt_is_left(study):
    person = _doubts().head(1).assign(words="Hélène Garnières (personne-2)", done="compté")
    Vault(study).write_doubts("W", person)
    assert Vault(study).decide("c-1", "masquer", author="alix") is None
    assert Vault(study).decide("c-0", "réunir", author="alix") is None
    before = Vault(study).state()
    assert Vault(study).decide("c-1", "réunir", author="alix") == "Hélène Garnières (personne-2)"
    assert Vault(study).choices().same == {"garnieres helene"}
    assert Vault(study).state() != before
    assert Vault(study).decisions()["c-1"]["author"] == "alix"
    Vault(study).write_doubts("W", person.head(0))
    assert Vault(study).decide("c-1", None, author="bilal")
    assert Vault(study).decisions() == {} and Vault(study).state() == before


# --- passphrase -----------------------------------------------------------------------------------------------------


def test_a_passphrase_encrypts_a_plain_vault_in_place_and_then_opens_it(study, monkeypatch):
    Vault(study).write_registry(_registry())
    Vault(study).write_doubts("W", _doubts())
    monkeypatch.setenv(PASSPHRASE, "trois haies, un four")
    assert Vault(study).registry().persons[1].full_name == "Anaïs Vautrin"
    for path in study.vault.glob("*.vault"):
        assert path.read_bytes().startswith(MAGIC)
        assert b"Vautrin" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(Vault(study).doubts()["words"]) == [case[1] for case in CASES]


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [("autre phrase", "n'ouvre pas le coffre"), ("", "est chiffré"), (None, "est chiffré")],
)
def test_another_passphrase_or_none_is_one_line_and_overwrites_nothing(
    study, monkeypatch, capsys, passphrase, words
):
    (study.depot / "Rethel").mkdir()
    (study.depot / "Rethel" / "Table 1.txt").write_text("Q1\n- plus de car\n", encoding="utf-8")
    monkeypatch.setenv(PASSPHRASE, "trois haies, un four")
    Vault(study).write_registry(_registry())
    before = {path: path.read_bytes() for path in study.vault.iterdir()}
    monkeypatch.delenv(PASSPHRASE)
    if passphrase is not None:
        monkeypatch.setenv(PASSPHRASE, passphrase)
    assert main(["run", str(study.root)]) == 1
    error = capsys.readouterr().err
    assert words in error
    # what a server of another test, on its own thread, says of a client that left is not the run's
    own = re.sub(r"-{40}\nException occurred during processing.*?\n-{40}\n", "", error, flags=re.S)
    assert own.count("\n") == 1
    assert {path: path.read_bytes() for path in study.vault.iterdir()} == before


def test_a_passphrase_may_lie_in_a_file_that_nobody_else_reads(study, monkeypatch, tmp_path):
    secret = tmp_path / "phrase"
    secret.write_text("trois haies, un four\n", encoding="utf-8")
    secret.chmod(0o600)
    monkeypatch.setenv(PASSPHRASE_FILE, str(secret))
    Vault(study).write_registry(_registry())
    monkeypatch.delenv(PASSPHRASE_FILE)
    study.settings_path.write_text(f'[vault]\npassphrase_file = "{secret}"\n', encoding="utf-8")
    assert Vault(Study.open(study.root)).registry().last_number == 1
    secret.chmod(0o640)
    with pytest.raises(VaultError, match="lisible par d'autres"):
        Vault(Study.open(study.root))
    secret.unlink()
    with pytest.raises(VaultError, match="pas de fichier"):
        Vault(Study.open(study.root))


def test_a_file_that_was_altered_or_renamed_is_refused():
    sealed = Cipher("phrase").encrypt("Anaïs Vautrin".encode(), "a.vault")
    assert is_encrypted(sealed)
    assert Cipher("phrase").decrypt(sealed, "a.vault").decode() == "Anaïs Vautrin"
    for damaged, name in (
        (sealed[:-1] + b"\0", "a.vault"),
        (sealed, "b.vault"),
        (sealed[:40], "a.vault"),
    ):
        with pytest.raises(VaultError):
            Cipher("phrase").decrypt(damaged, name)


# --- doubtful cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_decisions_come_back_from_the_table_that_was_written(tmp_path, ending):
    doubts = _doubts()
    path = write_doubts(doubts, tmp_path / f"doutes.{ending}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_decisions(path, doubts) == ({}, 0), "blank decisions decide nothing"
    doubts.loc[[0, 1], "decision"] = ["garder", "masquer"]
    decisions, n_unknown = read_decisions(
        write_doubts(doubts, path), doubts.head(2).drop(columns="decision").assign(decision=None)
    )
    assert {case: entry["decision"] for case, entry in decisions.items()} == {
        "c-1": "garder",
        "c-2": "masquer",
    }
    assert decisions["c-1"]["words"] == "Olive"
    assert n_unknown == 1


RETURNED = [  # as spreadsheets and people send it back
    ("cas;décision\nc-1;Garder\nc-2;\n", {"c-1": "garder"}),
    ("cas,mots,decision\nc-1,Olive, MASQUER \n", {"c-1": "masquer"}),
    ("cas;décision\nc-1;Réunir\n", {"c-1": "réunir"}),
    ("mots\tcas\tDÉCISION\nOlive\tc-1\tgarder\n", {"c-1": "garder"}),
]


@pytest.mark.parametrize(("text", "expected"), RETURNED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_returned_csv_is_read_in_any_usual_form(tmp_path, text, expected, encoding):
    path = tmp_path / "retour.csv"
    path.write_bytes(text.encode(encoding))
    decisions, _ = read_decisions(path, _doubts())
    assert {case: entry["decision"] for case, entry in decisions.items()} == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [("cas;décision\nc-1;oui\n", "ligne 2 : décision « oui »"), ("a;b\n", "n'a pas les colonnes")],
)
def test_a_table_that_says_something_else_is_refused_with_its_line(tmp_path, text, words):
    path = tmp_path / "retour.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=words):
        read_decisions(path, _doubts())


def test_cells_are_no_formulas_and_another_ending_is_refused(tmp_path):
    path = write_doubts(_doubts(), tmp_path / "doutes.csv")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter=";"))
    assert rows[1]["contexte"] == "'=voir Mirecourt jeudi"
    with pytest.raises(UsageError):
        write_doubts(_doubts(), tmp_path / "doutes.ods")


def test_decisions_change_words_over_the_whole_study_and_a_counted_person_changes_none(study):
    Vault(study).write_decisions(
        {
            "c-1": {"words": "Olive", "done": "masqué", "decision": "garder"},
            "c-2": {"words": "Mirecourt", "done": "gardé", "decision": "masquer"},
            "c-3": {"words": "Anaïs Vautrin (personne-4)", "done": "compté", "decision": "garder"},
        }
    )
    choices = Vault(study).choices()
    assert (choices.keep, choices.hide) == ({"Olive"}, {"Mirecourt"})


# --- earlier versions -----------------------------------------------------------------------------------------------


def test_the_record_of_a_run_says_how_many_words_are_hidden_and_none_of_them(study):
    study.settings_path.write_text(
        '[pseudonymise]\nhide = ["Ogre", "Zdrakov"]\nkeep = ["Chez Mirecourt"]\n', encoding="utf-8"
    )
    Vault(study).write_registry(_registry())
    made = Study.open(study.root)
    recorded = recorded_settings(made, Vault(made))
    said = json.dumps(recorded)
    assert not any(name in said for name in ("Ogre", "Zdrakov", "Mirecourt"))
    assert recorded["pseudonymise"]["hide"]["n_words"] == 2
    marks = {recorded["pseudonymise"][name]["mark"] for name in ("hide", "keep")}
    assert len(marks) == 2 and recorded_settings(made, Vault(made)) == recorded


def test_people_of_an_earlier_version_s_vault_join_those_of_the_lists(study):
    row = {
        "participant_id": "rethel-p1",
        "workshop_id": "rethel",
        "full_name": "Anaïs Vautrin",
        "first_name": "Anaïs",
        "last_name": "Vautrin",
    }
    path = study.vault / f"{text_hash('Rethel')[:16]}.parquet"
    write_bytes(path, parquet_bytes(VAULT.build([row])), mode=0o600)
    listed = VAULT.build(
        [{**row, "full_name": "Luc Roze", "first_name": "Luc", "last_name": "Roze"}]
    ).assign(origin="mail")
    vault = Vault(study)
    people = vault.with_earlier(listed, "Rethel")
    assert list(people["last_name"]) == ["Roze", "Vautrin"]
    assert people["participant_id"].is_unique
    assert vault.with_earlier(listed, "Vouziers") is listed
    assert vault.has_earlier()
    vault.drop_earlier()
    assert not vault.has_earlier()


def test_a_change_of_the_registry_that_was_not_written_is_forgotten(study):
    vault = Vault(study)
    vault.write_registry(_registry())
    assert vault.has_read("W") is False
    vault.take_registry().folders.append("W")  # a workshop whose reading failed
    assert vault.has_read("W") is False
    assert vault.registry() == Registry.loads((study.vault / "personnes.vault").read_bytes())


def test_the_registry_is_json_that_a_person_can_read(study):
    Vault(study).write_registry(_registry())
    content = json.loads((study.vault / "personnes.vault").read_text(encoding="utf-8"))
    assert content["persons"][0]["full_name"] == "Anaïs Vautrin"


def _full(study: Study) -> dict[str, bytes]:
    """The files of a vault that has all kinds of them."""
    registry = _registry()
    registry.persons[1].learn("W", registry.persons[1].facts)
    registry.add(is_listed=False)
    registry.forget(2, has_no_words=True, forms=[("W", "anais")])
    vault = Vault(study)
    vault.write_registry(registry)
    vault.write_doubts("W", _doubts())
    vault.write_decisions({"c-1": {"words": "Olive", "done": "masqué", "decision": "garder"}})
    return {path.name: path.read_bytes() for path in study.vault.glob("*.vault")}


@pytest.mark.parametrize("passphrase", [None, "ouvre-toi"])
def test_a_file_of_the_vault_that_is_cut_anywhere_is_one_error_and_is_left_as_it_is(
    study, monkeypatch, passphrase
):
    if passphrase:
        monkeypatch.setenv(PASSPHRASE, passphrase)
    for name, content in _full(study).items():
        path = study.vault / name
        for end in (0, 1, len(MAGIC), len(MAGIC) + 20, len(content) - 2):
            path.write_bytes(content[:end])
            with pytest.raises(VaultError, match="abîmé"):
                (Vault(study).registry(), Vault(study).doubts())
            assert path.read_bytes() == content[:end]
        path.write_bytes(content)
    assert Vault(study).registry().persons.keys() == {1}


NO_REGISTRIES = [
    "null",
    "[]",
    "{}",
    '"x"',
    "[" * 100_000,
    '{"version": "deux"}',
    '{"version": 1, "persons": [3], "forgotten": [], "folders": [], "last_number": 0, "secret": "00"}',
    '{"version": 1, "persons": [{"number": "x", "is_listed": true}], "forgotten": [], "folders": [], "last_number": 1, "secret": "00"}',
    '{"version": 1, "persons": [{"number": 1, "is_listed": true, "names": "a"}], "forgotten": [], "folders": [], "last_number": 1,'
    ' "secret": "00"}',
    '{"version": 1, "persons": [{"number": 9, "is_listed": true}], "forgotten": [], "folders": [], "last_number": 1, "secret": "00"}',
    '{"version": 1, "persons": [], "forgotten": [], "folders": [], "last_number": 0, "secret": "pas hexadécimal"}',
    '{"version": 1, "persons": [], "forgotten": [{}], "folders": [], "last_number": 0, "secret": "00"}',
]


@pytest.mark.parametrize("content", NO_REGISTRIES)
def test_what_is_no_registry_is_one_error(study, content):
    Vault(study).write_registry(_registry())
    (study.vault / "personnes.vault").write_text(content, encoding="utf-8")
    with pytest.raises(VaultError, match="le registre des personnes du coffre est abîmé"):
        Vault(study).registry()


@pytest.mark.parametrize("command", [["run"], ["status"], ["forget", "Anaïs"]])
def test_a_damaged_registry_is_one_line_of_every_command(small_study, capsys, command):
    Vault(small_study).write_registry(_registry())
    Vault(small_study).write_doubts("W", _doubts())
    for path in small_study.vault.glob("*.vault"):
        path.write_bytes(b"")
    code = main([command[0], str(small_study.root), *command[1:]])
    out, err = capsys.readouterr()
    assert "Traceback" not in err and err.count("\n") <= 1
    assert (code, "est vide" in err + out or "abîmé" in err + out) == (1, True) or command == [
        "status"
    ]


def test_the_doubts_of_a_folder_that_was_renamed_are_told_once(study):
    for folder in ("Trégor 2026-05-19", "2026-05-19 Trégor"):
        Vault(study).write_doubts(folder, _doubts())
    assert Vault(study).doubts()["doubt_id"].tolist() == ["c-1", "c-2", "c-3"]


def test_words_that_a_person_hides_are_choices_until_taken_back(study):
    vault = Vault(study)
    before = vault.state()
    vault.hide("Odile Perrin", author="lise")
    (case,) = vault.decisions()
    assert vault.choices().hide == {"Odile Perrin"} and vault.state() != before
    assert case.startswith(CHOSEN) and "Odile" not in case
    assert Vault(study).decide(case, None, author="lise") == "Odile Perrin"
    assert not vault.choices().hide and vault.state() == before


def test_the_words_behind_a_token_are_told_and_left_readable_until_taken_back(study):
    vault, registry = Vault(study), _registry()
    registry.persons[1].mentions = {"W": ["anais vautrin", "vautrin"], "Z": ["anais"]}
    registry.add(is_listed=False).mentions = {"W": ["olive"]}
    vault.write_registry(registry)
    vault.write_doubts("W", _doubts().assign(path="W/t.txt"))
    place = {"folder": "W", "path": "W/t.txt", "start_char": 0}

    def told(text: str) -> list[tuple[str, str, str]]:
        return [(row.token, row.words, row.decision) for row in masked_words(vault, text, **place)]

    first, second = "[personne 1]", "[personne 2]"
    assert told("sans nom") == told("à [personne]") == told("à [personne 9]") == []
    assert told(f"{first}, {first}") == [(first, "anais vautrin", ""), (first, "vautrin", "")]
    assert told(f"le {second}") == [(second, "Olive", "")]  # as the doubtful case writes it
    vault.hide("Vautrin", author="lise")
    assert told(first)[1][2] == "masquer"
    leave_readable(vault, "vautrin", author="lise")
    assert told(first) == [(first, "anais vautrin", ""), (first, "vautrin", "garder")]
    assert (vault.choices().keep, vault.choices().hide) == ({"vautrin"}, set())
    leave_readable(vault, "olive", author="lise")
    assert vault.decisions()["c-1"]["decision"] == "garder"  # its own case, and no other entry
    assert len(vault.decisions()) == 2
