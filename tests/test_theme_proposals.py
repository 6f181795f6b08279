"""What a language model proposes for themes, against a real server that misbehaves: proposals beside the machine's own, or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cache import StageRecord
from flows.execution import StageOutcome, run_stage
from flows.stages import PROPOSE
from flows.workspace import Approver, open_workspace
from models.language_model.themes import (
    ProposedName,
    ThemeCard,
    ThemePair,
    ThemeReader,
    read_name,
    read_pairs,
)
from pipeline.settings.sections import LanguageModelSettings
from pipeline.show import results
from pipeline.show.writing import cost_line
from pipeline.store import Store
from pipeline.study import Study
from support.chat_server import ChatServer, Seen, serving
from support.invented import said, study
from support.studies import stages_of

PASSAGES = ["plus de car le soir", "le minibus de l'association dépanne"]


def honest(request: Seen) -> str:
    """Names a theme by the first words of its first passage; would merge the first two themes."""
    if "theme" in request.passages[0]:
        return json.dumps({"reunions": [{"themes": [1, 2], "raison": "les deux parlent de venir"}]})
    first = request.passages[0]["texte"]
    return json.dumps(
        {
            "nom": f"Nom de {first.split('[')[0].strip()}",
            "description": "Une phrase.",
            "citations": [{"passage": 1, "citation": first}],
        }
    )


def altered(**change: Any) -> Any:
    return lambda request: json.dumps({**json.loads(honest(request)), **change})


def named(content: Any, texts: list[str] = PASSAGES) -> ProposedName | None:
    return read_name(content if isinstance(content, str) else json.dumps(content), texts)


GOOD = {
    "nom": "Cars du soir",
    "description": "Il n'y a plus de car.",
    "citations": [{"passage": 1, "citation": "plus de car"}],
}


@pytest.mark.parametrize(
    "content",
    [
        "pas de JSON",
        [],
        {**GOOD, "nom": ""},
        {**GOOD, "nom": "x" * 61},
        {**GOOD, "nom": "Chez [personne]"},
        {**GOOD, "nom": 3},
        {**GOOD, "description": "y" * 301},
        {**GOOD, "citations": []},
        {**GOOD, "citations": [{"passage": 1, "citation": "plus de bus"}]},
        {**GOOD, "citations": [{"passage": 2, "citation": "plus de car"}]},
        {**GOOD, "citations": [{"passage": 9, "citation": "plus de car"}]},
        {**GOOD, "citations": "plus de car"},
    ],
)
def test_a_name_that_its_quotes_do_not_bear_out_is_none(content):
    assert named(content) is None


def test_a_name_is_read_alone_in_a_fence_or_after_thoughts_and_only_true_quotes_stay():
    told = {
        **GOOD,
        "citations": [*GOOD["citations"], {"passage": 2, "citation": "le minibus vole"}],
    }
    for content in (
        told,
        f"```json\n{json.dumps(told)}\n```",
        f"<think>{{hum}}</think> {json.dumps(told)}",
    ):
        assert named(content) == ProposedName(
            "Cars du soir", "Il n'y a plus de car.", ((0, "plus de car"),)
        )


@pytest.mark.parametrize(
    ("told", "pairs"),
    [
        ({"reunions": []}, []),
        (
            {"reunions": [{"themes": [2, 1], "raison": "même chose"}]},
            [ThemePair(0, 1, "même chose")],
        ),
        ({"reunions": [{"themes": [1, 9], "raison": ""}, {"themes": "1 et 2"}, 4]}, []),
        (
            {"reunions": [{"themes": [1, 2]}, {"themes": [2, 1], "raison": "redite"}]},
            [ThemePair(0, 1, "")],
        ),
        ({"reunions": "aucune"}, None),
        ({}, None),
    ],
)
def test_mergers_are_pairs_of_known_themes(told, pairs):
    assert read_pairs(json.dumps(told), 3) == pairs


# --- the server ----------------------------------------------------------------------------------------------------

CARDS = [
    ThemeCard("Cars", ("car",), (PASSAGES[0],)),
    ThemeCard("Minibus", ("minibus",), (PASSAGES[1],)),
]


def reader(server: ChatServer, folder: Path) -> ThemeReader:
    return ThemeReader(settings(server.url), Store(folder))


def settings(url: str) -> LanguageModelSettings:
    waits = {"retry_wait_s": 0.01, "connect_timeout_s": 1.0, "read_timeout_s": 1.0}
    return LanguageModelSettings(enabled=True, url=url, model="essai", max_retries=1, **waits)


def test_each_theme_is_asked_once_and_then_all_together_and_nothing_twice(tmp_path):
    with serving(honest) as server:
        asked = reader(server, tmp_path)
        assert (asked.estimate(CARDS).n_requests, asked.estimate(CARDS).n_units) == (3, 2)
        report = asked.ask(CARDS)
        again = reader(server, tmp_path)
        assert again.estimate(CARDS).n_requests == 0 and again.ask(CARDS).n_requests == 0
        assert (report.n_asked, report.n_coded, len(server.seen)) == (3, 3, 3)
        assert [found.name for found in again.names(CARDS) if found] == [
            f"Nom de {text}" for text in PASSAGES
        ]
        assert again.pairs(CARDS) == [ThemePair(0, 1, "les deux parlent de venir")]
        changed = [ThemeCard("Cars", ("car",), ("un car de plus",)), CARDS[1]]
        assert again.estimate(changed).n_units == 1  # the theme whose passages changed


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: "je ne sais pas",
        lambda _: b"{",
        lambda _: 422,
        altered(citations=[{"passage": 1, "citation": "inventée"}]),
        altered(nom="un nom bien trop long " * 5),
    ],
)
def test_a_broken_answer_is_asked_again_and_a_theme_that_has_none_is_left_to_the_machine(
    tmp_path, broken
):
    with serving(honest, [broken]) as server:
        asked = reader(server, tmp_path / "une")
        assert asked.ask(CARDS).n_again == 1 and asked.names(CARDS)[0]
    with serving(honest, [broken, broken]) as server:
        asked = reader(server, tmp_path / "deux")
        assert asked.ask(CARDS).stopped is None
        assert [found is None for found in asked.names(CARDS)] == [True, False]


@pytest.mark.parametrize("gone", [lambda _: None, lambda _: 503, lambda _: 401])
def test_a_server_that_goes_away_ends_the_asking_and_what_was_read_stays(tmp_path, gone):
    with serving(gone, [honest]) as server:
        asked = reader(server, tmp_path)
        report = asked.ask(CARDS)
        assert report.stopped and (report.n_coded, asked.pairs(CARDS)) == (1, [])
        assert [found is None for found in asked.names(CARDS)] == [False, True]


# --- the run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Study, list[StageRecord], StageRecord]:
    """A study with two themes, [personne 4] in one of them."""
    made = Study.create(tmp_path / "etude")
    tables = study(
        said("cars", 1, text="plus de car chez [personne 4]", unit_id="a"),
        said("cars", 2, text="pas de car", unit_id="b"),
        said("lait", 1, text="la laiterie emploie douze personnes", unit_id="c"),
    )
    cache = stages_of(made)
    segmented = cache.run("segment", "essai", lambda: {"units": tables["units"]}, workshop="w")
    return (
        made,
        [segmented],
        cache.run(
            "join", "essai", lambda: {name: tables[name] for name in ("themes", "theme_members")}
        ),
    )


def propose(
    ready: tuple[Study, list[StageRecord], StageRecord],
    url: str,
    on_cost: Approver | None = None,
    **more: Any,
) -> StageOutcome:
    lines = {
        "enabled": True,
        "url": url,
        "model": "essai",
        "retry_wait_s": 0.01,
        "max_retries": 1,
        **more,
    }
    ready[0].settings_path.write_text(
        "[language_model]\n"
        + "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items())
    )
    with open_workspace(Study.open(ready[0].root), on_cost=on_cost) as workspace:
        _, segmented, joined = ready
        return run_stage(PROPOSE, workspace, [*segmented, joined])


def test_proposals_stand_in_their_table_with_quotes_and_no_number_leaves(ready):
    with serving(honest) as server:
        proposed = propose(ready, server.url, confirm=False)
    rows = stages_of(ready[0]).load(proposed.records[0])["theme_proposals"]
    assert rows["subject"].value_counts().to_dict() == {"nom": 2, "description": 2, "réunion": 1}
    quotes = json.loads(
        rows[(rows["theme_id"] == "lait") & (rows["subject"] == "nom")]["quotes"].iloc[0]
    )
    assert quotes == [["c", "la laiterie emploie douze personnes"]]
    assert "personne 4" not in b"".join(request.raw for request in server.seen).decode()
    assert proposed.summary and (proposed.summary["n_names"], proposed.summary["n_mergers"]) == (
        2,
        1,
    )
    merger = rows[rows["subject"] == "réunion"].iloc[0]
    ready[0].decisions.append(
        author="lise", action="keep_apart", theme_id=merger["value"], value=merger["theme_id"]
    )
    with serving(honest) as server:
        again = propose(ready, server.url, confirm=False)
    assert again.summary and again.summary["n_mergers"] == 0


def test_nothing_is_sent_without_the_setting_or_consent_and_at_most_max_units(ready, capsys):
    with serving(honest) as server:
        assert propose(ready, server.url, themes=False).summary is None
        assert propose(ready, server.url, enabled=False).summary is None
        unsent = propose(ready, server.url).summary
        assert server.seen == [] and unsent and unsent["state"] == "not_sent"
        results.tell_proposals(ready[0], unsent)
        assert "rien n'a été envoyé, faute d'accord" in capsys.readouterr().out
        asked: list[str] = []
        propose(
            ready,
            server.url,
            lambda estimate: bool(asked.append(cost_line(estimate))) or True,
            max_units=1,
        )
        assert "Noms de thèmes : 1 passage pseudonymisé" in asked[0]
        assert len(server.seen) == 1


def test_without_its_server_the_machine_s_names_stand_and_the_summary_says_so(ready, capsys):
    with serving(honest) as server:
        pass
    proposed = propose(ready, server.url, confirm=False)
    assert stages_of(ready[0]).load(proposed.records[0])["theme_proposals"].empty
    assert proposed.summary and proposed.summary["state"] == "stopped"
    results.tell_proposals(ready[0], proposed.summary)
    assert (
        "0 nom proposé sur 2 thèmes, 0 réunion ; arrêté (ConnectError), les noms de la machine valent seuls"
        in capsys.readouterr().out
    )
