"""What people type in review or in a file names nobody once it is kept, nor when it leaves the study."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flows.codebook import change_grid, grid_without_names
from flows.creating import save_settings, version_of
from flows.encryption import PASSPHRASE
from flows.forget import forget_person
from flows.typed_texts import decisions_to_show, keep_decisions, typed_without_names
from flows.vault import Vault
from pipeline.decisions import KINDS
from pipeline.errors import StudyError
from pipeline.grid import load_grid
from pipeline.grid.yaml_file import write_yaml
from pipeline.pseudonymise.vault import Registry
from pipeline.study import Study
from support.decisions import sign_off, weighting_value

TYPED = [
    ("Les cars de Baudrillart", "Les cars de [personne]"),
    ("dit par Ludivine Quenneson et par L. Quenneson", "dit par [personne] et par [personne]"),
    ("voir mme vautrin, la place de Mme Aubry", "voir mme [personne], la place de Mme [personne]"),
    ("écrire à t.b@example.org ou au 06 39 98 51 17", "écrire à [courriel] ou au [téléphone]"),
    ("demander à Odette Vannier", "demander à [personne]"),
    ("l'Ogre sait pourquoi", "l'[personne] sait pourquoi"),
    ("Se déplacer sans voiture à Redon", "Se déplacer sans voiture à Redon"),
    ("Rue Jean-Jaurès, place du Général-de-Gaulle", "Rue Jean-Jaurès, place du Général-de-Gaulle"),
    (
        "France Travail, la CAF et l'école Marie Curie",
        "France Travail, la CAF et l'école Marie Curie",
    ),
]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that knows two people of a list, one whom texts name, and a nickname of etude.toml."""
    made = Study.create(tmp_path / "etude")
    made.settings_path.write_text('[pseudonymise]\nhide = ["Ogre"]\n', encoding="utf-8")
    registry = Registry(folders=["Redon"])
    for first, last in (("Ludivine", "Quenneson"), ("Thibaut", "Baudrillart")):
        person = registry.add(is_listed=True)
        person.first_name, person.last_name = first, last
    unlisted = registry.add(is_listed=False)
    unlisted.full_name, unlisted.mentions = "odette vannier", {"Redon": ["odette vannier"]}
    Vault(made).write_registry(registry)
    return Study.open(made.root)


@pytest.mark.parametrize(("typed", "kept"), TYPED)
def test_a_typed_text_names_nobody_and_keeps_its_places_and_organisations(
    study: Study, typed: str, kept: str
) -> None:
    assert typed_without_names(study, typed) == kept


@pytest.mark.slow
def test_typing_does_not_wait_for_the_language_model(study: Study) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.typed_texts import typed_without_names; "
        "from pipeline import french; from pipeline.study import Study; "
        "typed_without_names(Study.open(Path(sys.argv[1])), 'Les cars de Baudrillart à Redon'); "
        "print(french._french.cache_info().currsize)"
    )
    command = [sys.executable, "-c", code, str(study.root)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0\n"


def test_reasons_names_of_themes_families_and_weights_are_masked_before_they_are_kept(
    study: Study,
) -> None:
    keep_decisions(
        study,
        [
            {
                "author": "alix",
                "action": "rename_theme",
                "theme_id": "t-1",
                "value": "Le car de Baudrillart",
            },
            {
                "author": "alix",
                "action": "rename_family",
                "theme_id": "f-1",
                "value": "Idées de Mme Quenneson",
            },
            {
                "author": "alix",
                "action": "describe_theme",
                "theme_id": "t-1",
                "value": "06 39 98 51 17",
            },
            {
                "author": "alix",
                "action": "save_weighting",
                "value": weighting_value("Poids de Ludivine", {"c_scope": 1.0}),
            },
            {"author": "alix", "action": "use_weighting", "value": "Poids de Ludivine"},
            {
                "author": "alix",
                **sign_off("t-1", "a", title="Ludivine", statement="Voir Mme Quenneson."),
            },
            {
                "author": "alix",
                "action": "accept_tag",
                "unit_id": "u",
                "axis": "a",
                "code": "c",
                "why": "Thibaut l'a dit",
            },
            {"author": "alix", "action": "merge_theme", "theme_id": "t-1", "value": "t-2"},
        ],
    )
    kept = study.decisions.read()
    values = kept["value"].fillna("").to_list()
    assert values[:3] == ["Le car de [personne]", "Idées de Mme [personne]", "[téléphone]"]
    signed = json.loads(values.pop(5))
    assert (signed["title"], signed["statement"]) == ("[personne]", "Voir Mme [personne].")
    assert values[4:] == ["Poids de [personne]", "", "t-2"]
    assert json.loads(values[3]) == {"name": "Poids de [personne]", "weights": {"c_scope": 1.0}}
    assert kept["why"][6] == "[personne] l'a dit"
    content = b"".join(path.read_bytes() for path in study.root.glob("decisions.sqlite3*"))
    assert not any(
        name in content for name in (b"Quenneson", b"Baudrillart", b"Ludivine", b"639985117")
    )


def test_a_request_sent_twice_is_kept_once(study: Study) -> None:
    row = {
        "author": "alix",
        "action": "rename_theme",
        "theme_id": "t",
        "value": "Le car de Baudrillart",
    }
    assert (
        keep_decisions(study, [row], request_id="r")
        == keep_decisions(study, [row], request_id="r")
        == [1]
    )


def test_what_was_typed_before_somebody_was_known_names_nobody_when_it_leaves(study: Study) -> None:
    study.decisions.append(
        author="alix",
        action="rename_theme",
        theme_id="t",
        value="La remorque de Zdrakov",
        why="Zdrakov",
    )
    assert list(decisions_to_show(study)["value"]) == ["La remorque de Zdrakov"]
    vault = Vault(study)
    registry = vault.registry()
    registry.add(is_listed=True).last_name = "Zdrakov"
    vault.write_registry(registry)
    shown = decisions_to_show(study)
    assert (shown["value"][0], shown["why"][0]) == ("La remorque de [personne]", "[personne]")
    assert list(shown.dtypes) == list(study.decisions.read().dtypes)


def test_without_the_passphrase_patterns_are_still_masked(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "une phrase de passe")
    Vault(study)
    monkeypatch.delenv(PASSPHRASE)
    typed = "Mme Zdrakov, zdrakov@example.org, Baudrillart"
    assert typed_without_names(study, typed) == "Mme [personne], [courriel], Baudrillart"


# Their values are ids, codes, positions, logins or files: nobody types words into them.
WITHOUT_WORDS = {
    *("accept_tag", "add_tag", "reject_tag", "confirm_unit", "join_passages", "merge_theme"),
    *("keep_apart", "split_theme", "reject_theme", "move_theme", "move_unit", "pin_quote"),
    *("unpin_quote", "confirm_gap", "refuse_gap", "unflag_passage", "hide_machine"),
    *("show_machine", "draw_sample", "use_machine", "see_remark", "undo"),
}


def test_each_kind_of_decision_masks_its_words_or_has_none() -> None:
    assert {name for name, kind in KINDS.items() if not kind.has_typed_value} == WITHOUT_WORDS
    for name in KINDS.keys() - WITHOUT_WORDS:
        assert "Quenneson" not in KINDS[name].masked_value("Quenneson", lambda _text: "")


def test_the_table_question_or_speaker_that_a_person_gives_names_nobody(study: Study) -> None:
    value = json.dumps({"field": "speaker", "value": "Ludivine Quenneson"})
    row = {"author": "alix", "action": "correct_passage", "unit_id": "u", "value": value}
    keep_decisions(study, [row])
    assert "Quenneson" not in study.decisions.read()["value"][0]


SAID = "Voir avec Marie Dupont et Marie, pas avec Julie Lambert ni Odette Vannier."


def test_a_memo_may_name_colleagues_who_are_no_participants(study: Study) -> None:
    rows = [
        {"author": "Marie Dupont", "action": "note_memo", "unit_id": "u", "value": SAID},
        {
            "author": "Marie",
            "action": "correct_passage",
            "unit_id": "u",
            "value": json.dumps({"field": "text", "value": SAID}),
        },
    ]
    named = ("Marie Dupont", "Marie", "Odette Vannier", "Ludivine Quenneson")
    keep_decisions(study, rows, colleagues=lambda: named)
    for values in (study.decisions.read()["value"], decisions_to_show(study)["value"]):
        assert values[0] == ("Voir avec Marie Dupont et Marie, pas avec [personne] ni [personne].")
        assert "Marie" not in values[1]


def test_whom_a_kept_memo_names_stays_named_without_an_account_or_a_decision(study: Study) -> None:
    """Exports and runs know no accounts: Julie decided nothing, Marie's account is closed, Odette is on a list."""
    row = {"author": "alix", "action": "note_memo", "unit_id": "u", "why": "Julie Lambert"}
    open_accounts = ["Julie Lambert", "Marie Dupont", "Marie", "Zdrakov"]
    keep_decisions(
        study, [row | {"value": f"{SAID} Zdrakov aussi."}], colleagues=lambda: open_accounts
    )
    typed = {
        "author": "alix",
        "action": "rename_theme",
        "theme_id": "t",
        "value": "Chez Julie Lambert",
    }
    keep_decisions(study, [typed], colleagues=lambda: open_accounts)
    kept = study.decisions.read()
    assert kept["value"][0] == (
        "Voir avec Marie Dupont et Marie, pas avec Julie Lambert ni [personne]. Zdrakov aussi."
    )
    shown = decisions_to_show(study)
    assert shown["value"].tolist() == kept["value"].tolist() and shown["why"][0] == "Julie Lambert"
    assert shown["value"][1] == "Chez [personne]"


@pytest.mark.parametrize(
    "typed", ["Zdrakova Ilinca", "I. Zdrakova", "Zdrakova", "Ilinca Zdrakovva"]
)
def test_a_memo_names_no_colleague_who_is_met_on_a_list_later(study: Study, typed: str) -> None:
    row = {"author": "alix", "action": "note_memo", "unit_id": "u", "value": f"Voir {typed}."}
    keep_decisions(study, [row], colleagues=lambda: [typed])
    assert list(decisions_to_show(study)["value"]) == [f"Voir {typed}."]
    vault = Vault(study)
    registry = vault.registry()
    person = registry.add(is_listed=True)
    person.first_name, person.last_name = "Ilinca", "Zdrakova"
    vault.write_registry(registry)
    assert list(decisions_to_show(study)["value"]) == ["Voir [personne]."]


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_colleague_who_is_erased_is_named_in_no_memo_kept_or_written_later(
    study: Study, is_listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.forget.run_study", lambda *_, **__: None)
    (study.depot / "Redon").mkdir()
    (study.depot / "Redon" / "notes.txt").write_text("- un car le soir\n", encoding="utf-8")
    if is_listed:
        vault = Vault(study)
        registry = vault.registry()
        person = registry.add(is_listed=True)
        person.first_name, person.last_name, person.names = "Julie", "Lambert", ["julie lambert"]
        vault.write_registry(registry)
    row = {"author": "Marie Dupont", "action": "note_memo", "unit_id": "u"}
    study.decisions.append(**row, value="Voir Julie Lambert et Marie Dupont.")
    assert forget_person(study.root, "Julie Lambert", dry_run=True).counts[
        "décisions dont le texte est masqué"
    ]
    erased = forget_person(study.root, "Julie Lambert", author="chef")
    assert len(erased.participant_ids) == 1
    named = ["Julie Lambert", "Marie Dupont"]
    keep_decisions(study, [row | {"value": "Julie Lambert et Marie."}], colleagues=lambda: named)
    shown = decisions_to_show(study)
    assert shown["value"].tolist() == [
        "Voir [personne] et Marie Dupont.",
        "[personne] et [personne].",
    ]
    assert shown["author"].tolist() == ["Marie Dupont"] * 2
    assert b"Lambert" not in b"".join(path.read_bytes() for path in study.root.glob("decisions*"))
    assert forget_person(study.root, "Julie Lambert").participant_ids == ()


@pytest.mark.parametrize("wanted", ["Ghislain Perrot", "plan vélo", "Julie"])
def test_who_is_named_nowhere_or_by_no_whole_name_is_an_error(study: Study, wanted: str) -> None:
    study.decisions.append(author="a", action="note_memo", unit_id="u", value="plan vélo de Julie")
    with pytest.raises(StudyError, match="personne ne répond"):
        forget_person(study.root, wanted)
    assert list(study.decisions.read()["value"]) == ["plan vélo de Julie"]


def test_a_colleague_who_is_on_a_list_is_masked_in_memos_too(study: Study) -> None:
    row = {"author": "alix", "action": "note_memo", "unit_id": "u"}
    names = ("Ludivine Quenneson", "Ludivine", "Thibaut Baudrillart", "Ogre")
    rows = [row | {"value": f"Voir {name}."} for name in names]
    keep_decisions(study, rows, colleagues=lambda: names)
    assert set(study.decisions.read()["value"]) == {"Voir [personne]."}


def test_a_namesake_s_first_name_stays_masked_with_the_surname(study: Study) -> None:
    row = {
        "author": "alix",
        "action": "note_memo",
        "unit_id": "u",
        "value": "Dit par Marie Lambert.",
    }
    keep_decisions(study, [row], colleagues=lambda: ["Marie", "Marie Dupont"])
    assert study.decisions.read()["value"][0] == "Dit par [personne]."


# What writes what people typed, and the only modules that may call it.
DOORS = {
    r"study\.decisions\.append(?:_all)?\(": {"flows/typed_texts.py"},
    r"\bsave_grid\(study": {"flows/codebook.py"},
    r"\bchanged_toml\(": {"flows/creating.py", "flows/restoration.py"},  # as it was
}


def test_what_is_typed_or_imported_is_written_by_modules_that_mask_it() -> None:
    root = Path(__file__).parents[1]
    found: dict[str, set[str]] = {door: set() for door in DOORS}
    for path in (path for part in ("pipeline", "flows") for path in (root / part).rglob("*.py")):
        text = re.sub(r"def \w+\(", "", path.read_text(encoding="utf-8"))
        for door in DOORS:
            if re.search(door, text):
                found[door].add(path.relative_to(root).as_posix())
    assert found == DOORS


def test_a_grid_and_a_title_name_nobody(study: Study) -> None:
    grid = load_grid(study.grid_path)
    code = replace(grid.codes[0], definition="Ce que dit Mme Quenneson.", examples=("Thibaut",))
    typed = replace(grid, codes=(code, *grid.codes[1:]))
    asked = {"author": "alix", "request_id": "r", "version": version_of(study.grid_path)}
    assert change_grid(study, typed, text=write_yaml(typed), **asked) == 1
    kept = load_grid(study.grid_path)
    assert kept.codes[0].definition == "Ce que dit Mme [personne]."
    assert kept.codes[0].examples == ("[personne]",)
    assert grid_without_names(study, kept) == kept
    version = version_of(study.settings_path)
    save_settings(study, {"etude.title": "Chez Ludivine Quenneson"}, version=version)
    assert study.settings.etude.title == "Chez [personne]"
