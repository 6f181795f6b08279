"""A study that the first version left opens, runs and restores in this one; one of a later version is refused and left as it is."""

import json
import shutil
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.backup import backup_study, restore_study
from flows.run import run_study
from flows.vault import Vault
from pipeline.cli import main
from pipeline.decision_store.databases import VERSION
from pipeline.study import Study
from pipeline.tables.schema import Column, Table
from pipeline.versions import SCHEMA
from support.review_pages import PAGES, address
from support.review_server import serving
from support.studies import group_any_size

FIRST = Path(__file__).parent / "golden" / "first-release"
LOST = "t-cfab3976"  # a theme whose passages this version groups with another's
PEOPLE = {1: "Maëlle Guivarch", 2: "Yannick Le Bihan", 3: "Odile Sorin", 4: "Théophile Pasquereau"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The first version's study, with the rights that it gave."""
    root = tmp_path / "etude"
    shutil.copytree(FIRST, root)
    (root / "vault").chmod(0o700)
    for path in (root / "vault").iterdir():
        path.chmod(0o600)
    return Study.open(root)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The same, run by this version."""
    root = tmp_path_factory.mktemp("migration") / "etude"
    shutil.copytree(FIRST, root)
    group_any_size(Study.open(root))
    run_study(root)
    return Study.open(root)


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# --- opening ---------------------------------------------------------------------------------------------------------------


def test_the_first_version_s_study_is_of_no_written_version_and_lacks_columns_and_tables(
    study: Study,
) -> None:
    last = study.last_run()
    assert last is not None and "schema" not in last
    assert "map_workshop_ids" not in pd.read_parquet(study.tables / "structures.parquet").columns
    assert not study.has_table("decision_effects")


def test_status_counts_what_is_there_and_says_what_to_do(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(study.root)
    assert main(["status", str(study.root)]) == 0
    assert "autre version du programme" in capsys.readouterr().out
    assert main(["status", str(study.root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_rows"]["units"], found["n_rows"]["structures"], found["n_decisions"]) == (
        31,
        4,
        9,
    )
    assert found["is_other_version"] is True
    assert files_of(study.root) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    ["csv", "xlsx", "techniques", "parquet", "qdpx", "qdc", "iramuteq", "relecture", "geojson"],
)
def test_every_export_is_written_before_the_study_is_run_again(
    study: Study, tmp_path: Path, form: str
) -> None:
    assert (
        main(["export", str(study.root), "--format", form, "-o", str(tmp_path / f"sortie.{form}")])
        == 0
    )
    assert (tmp_path / f"sortie.{form}").exists()


@pytest.mark.slow
def test_every_page_of_the_review_opens_before_the_study_is_run_again(study: Study) -> None:
    with serving(study) as served:
        for page in PAGES:
            request = urllib.request.Request(
                address(page, served).replace(" ", "%20"),
                headers={"Cookie": f"{served.session_cookie}={served.sessions['chantal']}"},
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200, page


ROWS = pd.DataFrame({"place": ["a", "b"], "n": [1, 2]})
COLUMNS = (Column("place", "text", "Where"), Column("n", "int", "How many"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (COLUMNS, [["a", 1], ["b", 2]]),
        ((COLUMNS[1],), [[1], [2]]),
        (
            (*COLUMNS, Column("sign", "text", "Added since", nullable=True)),
            [["a", 1, None], ["b", 2, None]],
        ),
        ((*COLUMNS, Column("share", "float", "Added since, never blank")), []),
        (
            (*COLUMNS, Column("is_kept", "bool", "Added since", earlier=True)),
            [["a", 1, True], ["b", 2, True]],
        ),
    ],
)
def test_a_table_of_another_version_keeps_what_this_one_can_tell(
    columns: tuple[Column, ...], expected: list[list[Any]]
) -> None:
    table = Table("essai", "A table", (columns[0].name,), columns)
    adapted = table.adapt(ROWS)
    assert list(adapted.columns) == [column.name for column in columns]
    assert adapted.astype(object).where(adapted.notna(), None).to_numpy().tolist() == expected


# --- running ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_run_writes_every_table_and_this_version(migrated: Study) -> None:
    last = migrated.last_run()
    assert last is not None and last["schema"] == SCHEMA
    assert "map_workshop_ids" in pd.read_parquet(migrated.tables / "structures.parquet").columns
    assert migrated.has_table("decision_effects")
    assert run_study(migrated.root).is_new is False


@pytest.mark.slow
def test_passages_keep_their_ids_and_decided_themes_theirs(migrated: Study) -> None:
    before = Study.open(FIRST)
    assert set(before.read_table("units")["unit_id"]) == set(
        migrated.read_table("units")["unit_id"]
    )
    kept = set(before.read_table("themes")["theme_id"]) - {LOST}
    assert kept <= set(migrated.read_table("themes")["theme_id"])


@pytest.mark.slow
def test_every_decision_still_holds_but_for_a_theme_that_is_no_more_which_is_told(
    migrated: Study,
) -> None:
    assert migrated.decisions.read().equals(Study.open(FIRST).decisions.read())
    effects = migrated.read_table("decision_effects").set_index("decision_id")
    assert list(effects["state"]) == ["appliquée"] * 8 + ["sans objet"]
    assert "n'existe plus" in effects.loc[9, "reason"]
    labels = migrated.read_table("themes").set_index("theme_id")["label"]
    assert (labels["t-aa32735c"], labels["t-771fe4e3"]) == (
        "Se déplacer sans voiture",
        "Trouver un médecin",
    )
    members = migrated.read_table("theme_members").set_index("unit_id")["theme_id"]
    assert members["u-215319939393752c"] == "t-66f90ba5"
    tags = migrated.read_table("tags").set_index(["unit_id", "axis", "code", "source"])[
        "is_assigned"
    ]
    assert not tags["u-06310c5b30bef4f4", "rubrique", "enjeux.environnemental", "person"]
    assert tags["u-b7da3f304f9849e4", "rubrique", "enjeux.social", "person"]


@pytest.mark.slow
def test_people_get_their_lasting_numbers_in_the_order_of_the_list(migrated: Study) -> None:
    vault = Vault(migrated)
    persons = vault.registry().persons
    assert {
        number: f"{one.first_name} {one.last_name}" for number, one in persons.items()
    } == PEOPLE
    assert not vault.has_earlier()
    texts = " ".join(migrated.read_table("units")["text"])
    assert "[personne 1]" in texts and "[personne 2]" in texts


@pytest.mark.slow
def test_one_workshop_alone_is_not_run_over_what_another_version_left(study: Study) -> None:
    shutil.copytree(study.depot / "Pays de Retz 2026-03-10", study.depot / "Marais 2026-04-01")
    run_study(study.root, workshop="Marais")
    assert set(study.read_table("workshops")["territory"]) == {"Pays de Retz", "Marais"}
    shutil.rmtree(study.cache)
    run_study(study.root, workshop="Marais")
    assert set(study.read_table("workshops")["territory"]) == {"Pays de Retz", "Marais"}


def test_a_backup_of_it_comes_back(study: Study, tmp_path: Path) -> None:
    before = files_of(study.root)
    saved = backup_study(study.root, tmp_path / "garde.ateliers")
    restore_study(saved.path, tmp_path / "revenue")
    after = files_of(tmp_path / "revenue")
    assert {name: content for name, content in after.items() if name != "decisions.sqlite3"} == {
        name: content for name, content in before.items() if name != "decisions.sqlite3"
    }
    assert Study.open(tmp_path / "revenue").decisions.read().equals(study.decisions.read())


# --- a later version -------------------------------------------------------------------------------------------------------


def later_run(study: Study) -> None:
    newest = max(study.runs.glob("*.json"))
    later = json.loads(newest.read_text(encoding="utf-8")) | {
        "schema": SCHEMA + 1,
        "run_id": "20990101T000000000000Z",
    }
    (study.runs / "20990101T000000000000Z.json").write_text(json.dumps(later), encoding="utf-8")


def later_decisions(study: Study) -> None:
    with sqlite3.connect(study.decisions_path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")


def later_vault(study: Study) -> None:
    (study.vault / "personnes.vault").write_text('{"version": 99, "persons": []}', encoding="utf-8")


def broken_run(study: Study) -> None:
    (study.runs / "20990101T000000000000Z.json").write_text('{"run_id": ', encoding="utf-8")


@pytest.mark.parametrize("command", ["status", "run", "publish", "review", "train"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (later_run, "version plus récente"),
        (later_decisions, "version plus récente"),
        (broken_run, "ne se lit pas"),
    ],
)
def test_a_later_or_broken_study_is_one_line_and_stays_as_it_is(
    study: Study, capsys: pytest.CaptureFixture[str], command: str, make: Any, words: str
) -> None:
    make(study)
    before = files_of(study.root)
    assert main([command, str(study.root)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert {
        name: content for name, content in files_of(study.root).items() if name != "runs/.lock"
    } == before


def test_a_later_vault_is_refused_before_it_is_written_again(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    later_vault(study)
    before = files_of(study.root)
    assert main(["run", str(study.root)]) == 1
    error = capsys.readouterr().err
    assert "version plus récente" in error and error.count("\n") == 1
    assert {
        name: content
        for name, content in files_of(study.root).items()
        if name != "runs/.lock" and ".cache" not in name
    } == before


def test_nothing_is_decided_in_later_decisions(study: Study) -> None:
    later_decisions(study)
    with pytest.raises(Exception, match="version plus récente"):
        study.decisions.append(author="alix", action="rename_theme", theme_id="t-1", value="x")


def test_nothing_is_decided_in_a_later_database(postgres_url: str) -> None:
    import psycopg

    from pipeline.decision_store import DecisionStore
    from pipeline.errors import StoreError

    DecisionStore(postgres_url).append(
        author="alix", action="rename_theme", theme_id="t-1", value="x"
    )
    assert DecisionStore(postgres_url).last_id() == 1
    with psycopg.connect(postgres_url) as database:
        database.execute(f"COMMENT ON TABLE decisions IS '{VERSION + 1}'".encode())
    with pytest.raises(StoreError, match="version plus récente"):
        DecisionStore(postgres_url).last_id()
