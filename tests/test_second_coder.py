"""The second coder in a run: nothing leaves without the study's setting and somebody's consent, and nothing personal ever does."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from flows.cache import StageRecord
from flows.execution import StageOutcome, run_stage
from flows.run import run_study
from flows.stages import AGREE, SECOND
from flows.vault import Vault
from flows.workspace import Approver, open_workspace
from models.language_model.prompt import Estimate
from pipeline.evaluate import evaluate_study
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.show import results
from pipeline.show.results import outcome as show_outcome
from pipeline.show.results import study_status
from pipeline.show.writing import consent, cost_line
from pipeline.study import Study
from pipeline.tables import TABLES
from pipeline.tables.material import SECOND_TAGS
from support.chat_server import ChatServer, honest, serving
from support.decisions import confirmation
from support.invented import said, study, tag
from support.studies import read_and_cut, stages_of

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
PEOPLE = [
    ("Aurélie", "Kerbrat", "aurelie.kerbrat@exemple.fr", "06 12 34 56 78"),
    ("Yannick", "Delvaux", "y.delvaux@exemple.org", "0298111213"),
]
NOTES = """Table 3, animée par Aurélie Kerbrat
Q1
- Mme Kerbrat dit qu'il n'y a plus de médecin à Machecoul
- rappeler Yannick Delvaux au 02 98 11 12 13 pour la recyclerie
- les loyers montent sur la côte, écrire à aurelie.kerbrat@exemple.fr
Q2
- la recyclerie de Legé emploie douze personnes
"""


def set_up(root: Study, url: str, **more: Any) -> None:
    """Write the study's [language_model]."""
    lines = {
        "enabled": True,
        "url": url,
        "model": "essai",
        "retry_wait_s": 0.01,
        "max_retries": 1,
        **more,
    }
    root.settings_path.write_text(
        "[language_model]\n"
        + "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items())
    )


@pytest.fixture(scope="module")
def read_study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, list[StageRecord]]:
    """A study with persons in it, read and cut; not tagged."""
    made = Study.create(tmp_path_factory.mktemp("lue") / "etude")
    folder = made.depot / "Pays de Retz 2026-10-01"
    folder.mkdir()
    (folder / "Table 3.txt").write_text(NOTES, encoding="utf-8")
    with (folder / "emargement.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("Prénom", "Nom", "Courriel", "Téléphone"), *PEOPLE])
    with open_workspace(made) as workspace:
        return made, read_and_cut(workspace)


@pytest.fixture
def ready(read_study) -> tuple[Study, list[StageRecord]]:
    """The same study without an answer, and without any setting."""
    made, records = read_study
    made.settings_path.write_text("", encoding="utf-8")
    (made.cache / "store.sqlite3").unlink(missing_ok=True)
    return made, records


def second(
    ready: tuple[Study, list[StageRecord]],
    server: ChatServer | None = None,
    on_cost: Approver | None = None,
    **more: Any,
) -> StageOutcome:
    made, records = ready
    if server:
        set_up(made, server.url, **more)
    with open_workspace(Study.open(made.root), on_cost=on_cost) as workspace:
        return run_stage(SECOND, workspace, records)


def rows(ready: tuple[Study, list[StageRecord]], found: StageOutcome) -> Any:
    return stages_of(ready[0]).load(found.records[0])["second_tags"]


@pytest.mark.slow
def test_nothing_is_sent_unless_the_study_says_so(ready):
    with serving(honest(GRID)) as server:
        for found in (
            second(ready, None, bool),
            second(ready, server, bool, enabled=False),
        ):
            assert (found.summary, len(rows(ready, found))) == (None, 0)
    assert server.seen == []


def test_nothing_is_sent_without_consent_and_the_summary_says_so(ready, capsys):
    with serving(honest(GRID)) as server:
        found = second(ready, server)
        assert second(ready, server, lambda _: False).summary == found.summary
        assert server.seen == []
        results.tell_second_coder(ready[0], found.summary)
        assert "rien n'a été envoyé, faute d'accord" in capsys.readouterr().out
        agreed = second(
            ready, server, lambda estimate: estimate.n_units == found.summary["n_units"]
        )
        assert (
            agreed.summary["state"] == "done"
            and agreed.summary["n_coded"] == agreed.summary["n_units"] > 3
        )
        n_requests = len(server.seen)
        assert (
            len(rows(ready, second(ready, server))) == len(rows(ready, agreed)) > 0
        )  # kept answers need no consent
        assert len(server.seen) == n_requests


def test_no_personal_datum_of_the_vault_is_in_the_bytes_sent(ready):
    with serving(honest(GRID)) as server:
        second(ready, server, confirm=False)
    sent = "".join(request.raw.decode() for request in server.seen).lower()
    assert "[personne]" in sent and "recyclerie" in sent and "médecin" in sent
    persons = Vault(ready[0]).registry().persons.values()
    assert {person.last_name for person in persons} == {"Kerbrat", "Delvaux"}
    words = {word for person in PEOPLE for word in person} | {"02 98 11 12 13"}
    words |= {
        str(name)
        for person in persons
        for name in (person.first_name, person.last_name, person.participant_id)
    }
    assert [word for word in sorted(words) if word.lower() in sent] == []
    assert "u-" not in "".join(request.body["messages"][1]["content"] for request in server.seen)


def test_at_most_max_units_of_a_study_are_ever_sent(ready):
    with serving(honest(GRID)) as server:
        for _ in range(2):
            found = second(ready, server, confirm=False, max_units=2)
    assert len(server.texts) == 2
    assert (found.summary["n_chosen"], found.summary["n_coded"], found.summary["state"]) == (
        2,
        2,
        "done",
    )


def test_the_table_of_agreement_names_the_machine_the_model_and_the_person(ready):
    made, records = ready
    with serving(honest(GRID)) as server:
        coded = second(ready, server, confirm=False)
    cache = stages_of(made)
    second_tags = rows(ready, coded)
    unit_ids = list(cache.load(records[1])["units"]["unit_id"])
    assert coded.summary["n_coded"] == len(unit_ids)
    machine = second_tags[second_tags["axis"] != "rubrique"].assign(model_version="local")
    tagged = cache.run("tag", "essai", lambda: {"tags": machine}, workshop=records[0].workshop)
    store = made.decisions
    said = confirmation([("pilier", GRID.axis("pilier")[0].code)])
    store.append(author="analyste", action="confirm_unit", unit_id=unit_ids[0], value=said)
    with open_workspace(Study.open(made.root)) as workspace:
        before = [*records, tagged, *coded.records]
        (agreed,) = run_stage(AGREE, workspace, before).records
    found = (
        cache.load(agreed)["agreement"]
        .set_index(["first_coder", "second_coder", "axis", "code"])
        .sort_index()
    )
    assert set(found.index.droplevel(["axis", "code"])) == {
        ("machine", "essai"),
        ("machine", "relecteur 1"),
        ("essai", "relecteur 1"),
    }
    between = found.loc["machine", "essai"]
    assert between.loc[("posture", "tous"), "f1"] == 1.0
    assert between.loc[("rubrique", "tous"), "n_first"] == 0 and between.loc[
        ("rubrique", "tous"), "n_units"
    ] == len(unit_ids)


@pytest.mark.slow
def test_a_run_goes_on_without_its_second_coder_and_asks_it_again_when_it_is_back(
    small_study, capsys
):
    with serving(honest(GRID)) as server:
        pass
    set_up(small_study, server.url, confirm=False, themes=False)
    outcome = run_study(small_study.root)
    tags = small_study.read_table("tags")
    assert len(tags) > 0 and small_study.read_table("second_tags").empty
    assert outcome.manifest["second_coder"]["state"] == "stopped"
    show_outcome(small_study, outcome, as_json=False)
    assert (
        "0 passage codé sur 3 ; arrêté (ConnectError), les étiquettes locales valent seules"
        in capsys.readouterr().out
    )
    with serving(honest(GRID)) as server:
        set_up(small_study, server.url, confirm=False, themes=False)
        value = confirmation([("pilier", GRID.axis("pilier")[0].code)])
        small_study.decisions.append(
            author="analyste", action="confirm_unit", unit_id=tags["unit_id"][0], value=value
        )
        outcome = run_study(small_study.root)
        assert not run_study(small_study.root).is_new
        assert len(server.texts) == 3
    found = small_study.read_table("second_tags")
    assert set(found["unit_id"]) == set(small_study.read_table("units")["unit_id"])
    assert small_study.read_machine_table("tags").equals(tags)
    agreement = small_study.read_table("agreement")
    assert set(zip(agreement["first_coder"], agreement["second_coder"], strict=True)) == {
        ("machine", "essai"),
        ("machine", "relecteur 1"),
        ("essai", "relecteur 1"),
    }
    status = study_status(
        small_study.read_tables(), small_study.last_run(), small_study.decisions.read()
    )
    assert (status["second_coder"]["n_coded"], status["n_rows"]["second_tags"]) == (3, len(found))
    assert "recyclerie" not in json.dumps(outcome.manifest, ensure_ascii=False)


# --- the question, and figures -------------------------------------------------------------------------------------

ESTIMATE = Estimate(
    "https://serveur/v1/chat/completions", "essai", 363, 37, 200_000, 30_000, 0.7, 240.0
)


def test_the_question_tells_where_how_much_and_how_long():
    line = cost_line(ESTIMATE)
    for words in (
        "363 passages pseudonymisés",
        ESTIMATE.address,
        "(essai)",
        "37 requêtes",
        "200000 jetons",
        "0.70 €",
        "4 min",
    ):
        assert words in line


@pytest.mark.parametrize(
    ("typed", "is_agreed"),
    [("o\n", True), ("Oui\n", True), ("\n", False), ("n\n", False), ("", False)],
)
def test_only_a_yes_on_a_terminal_is_a_yes(monkeypatch, capsys, typed, is_agreed):
    import io

    from rich.console import Console
    from rich.progress import Progress

    from pipeline.show.writing import ProgressBars

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    with Progress(console=Console(file=io.StringIO())) as bars:
        approve = consent(ProgressBars(bars), is_agreed=False)
        assert approve is not None and approve(ESTIMATE) is is_agreed
    assert capsys.readouterr().err.endswith("[o/N] ")


def test_without_a_terminal_nobody_agrees_but_yes_does(capsys):
    assert consent(None, is_agreed=False) is None
    approve = consent(None, is_agreed=True)
    assert approve is not None and approve(ESTIMATE)
    assert "363 passages" in capsys.readouterr().err


def test_figures_of_the_second_coder_are_over_the_passages_that_it_coded(tmp_path: Path):
    units = {"a": "plus de car le soir", "b": "la laiterie de Die emploie douze personnes"}
    gold = [
        {
            "unit_id": key,
            "document": "notes.txt",
            "text": text,
            "rubriques": ["offre"],
            "posture": "force",
        }
        for key, text in units.items()
    ]
    (tmp_path / "units.jsonl").write_text(
        "\n".join(json.dumps(row) for row in gold), encoding="utf-8"
    )
    some = study(
        *[
            said(None, text=text, unit_id=key, document_id="d", posture="force", rubrique="offre")
            for key, text in units.items()
        ]
    )
    tables = {name: table.empty() for name, table in TABLES.items()} | some
    tables["documents"] = TABLES["documents"].build(
        [
            {
                "document_id": "d",
                "workshop_id": "w",
                "path": "notes.txt",
                "sha256": "",
                "channel": "notes",
                "n_chars": 0,
                "text": "",
            }
        ]
    )
    assert "second" not in evaluate_study(tables, tmp_path)
    tables["second_tags"] = SECOND_TAGS.build(
        [tag("a", "posture", "force"), tag("a", "rubrique", "offre")]
    )
    found = evaluate_study(tables, tmp_path)["second"]
    assert (found["gold_units"], found["rubrique"]["micro_f1"], found["posture"]["accuracy"]) == (
        1,
        1.0,
        1.0,
    )
