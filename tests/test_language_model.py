"""The second coder against a real server that misbehaves: what is kept, what is asked again, what never leaves."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from models.language_model import LanguageModelTagger
from models.language_model.asking import Codebook, find_quote, read_answer
from models.language_model.prompt import sample_units
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import Grid, Question
from pipeline.settings.sections import LanguageModelSettings, TagSettings
from pipeline.store import Store
from pipeline.tag import tag_units
from support.chat_server import ChatServer, Seen, altered, honest, serving

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
TEXTS = [
    "plus de médecin à Machecoul",
    "les loyers montent sur la côte",
    "la recyclerie de Legé emploie douze personnes",
    "il manque un bus le samedi",
    "[personne 12] tient l'épicerie sociale d’ici",
    "on devrait créer une régie de quartier",
    "l'eau du lac est polluée",
]
UNITS = pd.DataFrame(
    {
        "unit_id": [f"u-{place}" for place in range(len(TEXTS))],
        "text": TEXTS,
        "question": ["q1", "q1", "q2", None, "q2", "q4", "q1"],
        "channel": "notes",
    }
)


def settings(url: str, **more: Any) -> LanguageModelSettings:
    quick = {
        "batch_size": 3,
        "n_parallel": 1,
        "max_retries": 2,
        "retry_wait_s": 0.01,
        "connect_timeout_s": 60.0,  # what is late on a busy machine is not asked for again
        "read_timeout_s": 60.0,
    }
    return LanguageModelSettings(enabled=True, url=url, model="essai", **(quick | more))


def tagger(server: ChatServer, cache: Path | None = None, **more: Any) -> LanguageModelTagger:
    return LanguageModelTagger(
        GRID, settings(server.url, **more), cache=Store(cache) if cache else None
    )


def table(coder: LanguageModelTagger, units: pd.DataFrame = UNITS) -> pd.DataFrame:
    coded = units[coder.is_coded(units)]
    return tag_units(coded, tagger=coder, grid=GRID, settings=TagSettings())


@pytest.fixture(scope="module")
def right_table() -> pd.DataFrame:
    with serving(honest(GRID)) as server:
        coder = tagger(server)
        assert coder.ask(UNITS).n_coded == len(UNITS)
        return table(coder)


def test_every_unit_gets_its_codes_with_their_words_and_names_the_coder(right_table):
    assert set(right_table["unit_id"]) == set(UNITS["unit_id"])
    assert right_table["is_assigned"].all() and right_table["score"].eq(1).all()
    assert right_table["model_version"].str.fullmatch(r"essai\+[0-9a-f]{8}").all()
    postures = right_table[right_table["axis"] == "posture"].set_index("unit_id")
    assert json.loads(postures.loc["u-4", "evidence"]) == [
        [0, len(TEXTS[4])]
    ]  # offsets of the numbered text
    assert postures.index.is_unique


def test_the_interface_is_that_of_the_local_tagger(right_table):
    with serving(honest(GRID)) as server:
        coder = clone(tagger(server))
        assert list(coder.classes_) == [
            code.code for axis in ("rubrique", "posture", "pilier") for code in GRID.axis(axis)
        ]
        probabilities = coder.predict_proba(UNITS)
        assert probabilities.shape == (len(UNITS), len(coder.classes_))
        assert [len(codes) for codes in coder.predict(UNITS)] == probabilities.sum(axis=1).tolist()
        assert coder.explain(UNITS.head(1), np.ones((1, len(coder.classes_)), dtype=bool))[0]
        assert len(server.seen) == 3  # nothing is asked twice


@pytest.mark.parametrize(("n_parallel", "batch_size"), [(4, 1), (2, 2), (1, 50)])
def test_neither_threads_nor_batches_change_the_table(right_table, n_parallel, batch_size):
    with serving(
        lambda request: (time.sleep(0.02 * len(request.texts[0]) % 0.05), honest(GRID)(request))[1]
    ) as server:
        coder = tagger(server, n_parallel=n_parallel, batch_size=batch_size)
        coder.ask(UNITS)
        pd.testing.assert_frame_equal(table(coder), right_table)


def test_what_is_sent_is_the_grid_with_its_conventions_and_the_passages_with_their_context():
    units = UNITS.assign(heading=["Table 3 : [personne 4]", *[None] * 6])
    with serving(honest(GRID)) as server:
        tagger(server, seed=7).ask(units)
    body, headers = server.seen[0].body, server.seen[0].headers
    system = body["messages"][0]["content"]
    for code in GRID.codes:
        assert (
            code.code in system
            and " ".join(code.definition.split()) in system
            and " ".join(code.exclude.split()) in system
        )
    assert all(question.label in system for question in GRID.questions)
    expected = {
        "numero": 1,
        "question": "q1",
        "canal": "notes",
        "titre": "Table 3 : [personne]",
        "texte": TEXTS[0],
    }
    assert server.seen[0].passages[0] == expected
    assert (body["model"], body["temperature"], body["seed"], body["stream"]) == (
        "essai",
        0,
        7,
        False,
    )
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (
        "[personne 12]" not in "".join(server.texts)
        and "[personne] tient l'épicerie sociale d’ici" in server.texts
    )
    assert "Authorization" not in headers


def test_the_key_comes_from_the_environment_alone(monkeypatch):
    monkeypatch.setenv("ATELIERS_LANGUAGE_MODEL_KEY", "secret-42")
    with serving(honest(GRID)) as server:
        tagger(server).ask(UNITS)
    assert server.seen[0].headers["Authorization"] == "Bearer secret-42"
    assert b"secret-42" not in server.seen[0].raw


# --- a server that misbehaves: the table is the right one all the same ----------------------------------------------


def fenced(request: Seen) -> str:
    return f"<think>{{hmm}}</think>Voici :\n```json\n{honest(GRID)(request)}\n```\nBonne lecture !"


def drop_first(answers: list[dict[str, Any]]) -> None:
    del answers[0]


def add_extra(answers: list[dict[str, Any]]) -> None:
    answers += [answers[0] | {"numero": 99}, {"numero": "x"}, "rien"]  # type: ignore[list-item]


def two_postures(answers: list[dict[str, Any]]) -> None:
    other = next(
        code.code for code in GRID.axis("posture") if code.code != answers[0]["posture"]["code"]
    )
    answers[0]["codes"].append({"code": other, "citation": answers[0]["posture"]["citation"]})


def no_posture(answers: list[dict[str, Any]]) -> None:
    answers[0]["posture"] = None


def invented_posture_quote(answers: list[dict[str, Any]]) -> None:
    answers[0]["posture"]["citation"] = "jamais dit"


def invented_code(answers: list[dict[str, Any]]) -> None:
    answers[0]["codes"].append({"code": "enjeux.martiens", "citation": "plus"})


def invented_quote(answers: list[dict[str, Any]]) -> None:
    answers[0]["codes"].append({"code": GRID.axis("pilier")[0].code, "citation": "jamais dit"})


def answered_twice(answers: list[dict[str, Any]]) -> None:
    answers.append(answers[0] | {"codes": []})


def numbers_as_text(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        answer["numero"] = str(answer["numero"])


@pytest.mark.parametrize(
    ("script", "n_again", "dropped"),
    [
        pytest.param([fenced], 0, {}, id="code fence and thoughts"),
        pytest.param([altered(GRID, numbers_as_text)], 0, {}, id="numbers as text"),
        pytest.param([altered(GRID, add_extra)], 0, {"extra_units": 3}, id="extra units"),
        pytest.param([altered(GRID, invented_code)], 0, {"unknown_codes": 1}, id="invented code"),
        pytest.param(
            [altered(GRID, invented_quote)], 0, {"invented_quotes": 1}, id="invented quote"
        ),
        pytest.param([altered(GRID, drop_first)], 1, {}, id="missing unit"),
        pytest.param([altered(GRID, two_postures)], 1, {"broken_units": 1}, id="two postures"),
        pytest.param([altered(GRID, no_posture)], 1, {"broken_units": 1}, id="no posture"),
        pytest.param(
            [altered(GRID, invented_posture_quote)],
            1,
            {"broken_units": 1, "invented_quotes": 1},
            id="invented quote of a posture",
        ),
        pytest.param([altered(GRID, answered_twice)], 1, {"broken_units": 1}, id="answered twice"),
        pytest.param([lambda _: "désolé"], 3, {"broken_answers": 1}, id="no JSON"),
        pytest.param(
            [lambda request: honest(GRID)(request)[:-40]],
            3,
            {"broken_answers": 1},
            id="truncated JSON",
        ),
        pytest.param(
            [lambda _: '{"passages": ' * 5000], 3, {"broken_answers": 1}, id="too deep JSON"
        ),
        pytest.param([lambda _: b"<html>"], 3, {}, id="no completion"),
        pytest.param(
            [lambda _: b'{"choices": [{"message": {"content": null}}]}'],
            3,
            {},
            id="empty completion",
        ),
        pytest.param([lambda _: 413], 3, {}, id="too long"),
        pytest.param([lambda _: 500], 0, {}, id="500"),
        pytest.param([lambda _: None], 0, {}, id="hangs up"),
        pytest.param([lambda _: (429, {"Retry-After": "0.05"})], 0, {}, id="429"),
        pytest.param(
            [lambda _: (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})],
            0,
            {},
            id="503 with a date",
        ),
        pytest.param([lambda _: 400], 0, {}, id="refuses response_format"),
        pytest.param([lambda _: 400, lambda _: 400], 0, {}, id="refuses temperature too"),
    ],
)
def test_a_mishap_is_repaired_and_counted(right_table, script, n_again, dropped):
    with serving(honest(GRID), script) as server:
        coder = tagger(server)
        report = coder.ask(UNITS)
    assert (report.n_asked, report.n_coded, report.n_again, report.stopped) == (7, 7, n_again, None)
    assert report.dropped == dropped
    pd.testing.assert_frame_equal(table(coder), right_table)
    assert sorted(set(server.texts)) == sorted({text.replace(" 12]", "]") for text in TEXTS})


def test_a_passage_asked_again_is_asked_alone_and_with_another_seed():
    with serving(honest(GRID), [altered(GRID, drop_first)]) as server:
        tagger(server).ask(UNITS)
    assert server.seen[1].texts == [TEXTS[0]]
    assert [request.body["seed"] for request in server.seen[:2]] == [0, 1]


def test_what_a_server_refuses_is_left_out_of_every_later_request():
    with serving(
        lambda request: 400 if "response_format" in request.body else honest(GRID)(request)
    ) as server:
        assert tagger(server).ask(UNITS).n_coded == 7
    assert ["response_format" in request.body for request in server.seen] == [
        True,
        False,
        False,
        False,
    ]


def test_retry_after_is_waited_for_and_a_longer_one_than_bearable_ends_the_asking(monkeypatch):
    waits, wait = [], threading.Event.wait
    monkeypatch.setattr(
        threading.Event,
        "wait",
        lambda event, timeout=None: waits.append(timeout) or wait(event, timeout),
    )
    with serving(honest(GRID), [lambda _: (429, {"Retry-After": "0.3"})]) as server:
        assert tagger(server).ask(UNITS).stopped is None
        assert 0.3 in waits
    with serving(honest(GRID), [lambda _: (429, {"Retry-After": "3600"})]) as server:
        report = tagger(server).ask(UNITS)
    assert (report.n_coded, report.stopped, len(server.seen)) == (
        0,
        "réponse 429, attendre 3600 s",
        1,
    )


def test_a_slow_answer_is_given_up_and_asked_again(right_table):
    def slow(request: Seen) -> str:
        time.sleep(6)
        return honest(GRID)(request)

    with serving(honest(GRID), [slow]) as server:
        coder = tagger(server, read_timeout_s=2)
        assert coder.ask(UNITS).n_coded == 7
        assert len(server.seen) == 4
    pd.testing.assert_frame_equal(table(coder), right_table)


def test_a_passage_that_never_gets_an_answer_has_no_row_and_is_not_kept(tmp_path):
    def spoil(request: Seen) -> str:
        return (
            altered(GRID, drop_first)(request)
            if request.texts[0] == TEXTS[3]
            else honest(GRID)(request)
        )

    with serving(spoil) as server:
        coder = tagger(server, tmp_path)
        report = coder.ask(UNITS)
        assert (report.n_asked, report.n_coded, report.n_again, report.stopped) == (7, 6, 1, None)
        assert [request.texts for request in server.seen].count([TEXTS[3]]) == 2  # max_retries
        assert coder.is_coded(UNITS).tolist() == [True, True, True, False, True, True, True]
        assert set(table(coder)["unit_id"]) == set(UNITS["unit_id"]) - {"u-3"}
        assert coder.estimate(UNITS).n_units == 1


@pytest.mark.parametrize(
    ("behaviour", "reason", "n_requests"),
    [
        (401, "clé refusée (401)", 1),
        (404, "adresse ou modèle inconnus (404)", 1),
        (302, "redirection (302)", 1),
        (500, "réponse 500", 9),
    ],
)
def test_a_server_of_no_use_is_left_in_peace(behaviour, reason, n_requests):
    units = pd.concat([UNITS.assign(text=UNITS["text"] + f" {place}") for place in range(5)])
    with serving(lambda _: (behaviour, {"Location": "http://127.0.0.1:9/"})) as server:
        report = tagger(server).ask(units)
    assert (report.n_coded, report.stopped, len(server.seen)) == (0, reason, n_requests)


def test_a_model_that_answers_nothing_useful_is_given_up():
    units = pd.concat([UNITS.assign(text=UNITS["text"] + f" {place}") for place in range(20)])
    with serving(lambda _: "je ne sais pas") as server:
        report = tagger(server).ask(units)
    assert (report.stopped, len(server.seen)) == ("12 réponses inutilisables de suite", 12)


def test_a_server_that_is_down_is_said_and_costs_no_time():
    with serving(honest(GRID)) as server:
        pass
    coder = LanguageModelTagger(GRID, settings(server.url))
    report = coder.ask(UNITS)
    assert (report.n_coded, report.stopped) == (0, "ConnectError")
    assert not coder.is_coded(UNITS).any() and table(coder).empty


def test_a_key_that_no_header_can_hold_sends_nothing(monkeypatch):
    monkeypatch.setenv("ATELIERS_LANGUAGE_MODEL_KEY", "clé\nX-Autre: 1")
    with serving(honest(GRID)) as server:
        assert "ATELIERS_LANGUAGE_MODEL_KEY" in str(tagger(server).ask(UNITS).stopped)
    assert server.seen == []


# --- what is kept --------------------------------------------------------------------------------------------------


def test_answers_are_kept_by_content_and_hold_no_text(tmp_path, right_table):
    with serving(honest(GRID)) as server:
        tagger(server, tmp_path).ask(UNITS)
        tagger(server, tmp_path).ask(UNITS.iloc[::-1])
        assert len(server.seen) == 3
        pd.testing.assert_frame_equal(table(tagger(server, tmp_path)), right_table)
        changed = UNITS.assign(question=["q2", *UNITS["question"][1:]])
        assert tagger(server, tmp_path).estimate(changed).n_units == 1
        other_model = LanguageModelTagger(
            GRID, settings(server.url).model_copy(update={"model": "autre"}), cache=Store(tmp_path)
        )
        assert other_model.estimate(UNITS).n_units == 7
    kept = (tmp_path / "store.sqlite3").read_bytes()
    assert not any(word.encode() in kept for word in ("médecin", "recyclerie", "personne"))


def test_two_units_with_the_same_words_and_context_are_asked_once():
    twice = pd.concat([UNITS.head(2), UNITS.head(2).assign(unit_id=["v-0", "v-1"])])
    with serving(honest(GRID)) as server:
        coder = tagger(server)
        assert coder.ask(twice).n_asked == 2
        assert coder.is_coded(twice).all()


def test_a_damaged_answer_on_disk_is_asked_again(tmp_path):
    with serving(honest(GRID)) as server:
        tagger(server, tmp_path).ask(UNITS)
        with sqlite3.connect(tmp_path / "store.sqlite3") as connection:
            rows = connection.execute("SELECT key FROM entries WHERE kind = 'answers'").fetchall()
            for (key,), content in zip(rows, [b"", b"[]", b'{"codes": 3}'], strict=False):
                connection.execute("UPDATE entries SET value = ? WHERE key = ?", (content, key))
        assert tagger(server, tmp_path).estimate(UNITS).n_units == 3


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_language_model import GRID, UNITS, LanguageModelTagger, Store, settings
LanguageModelTagger(GRID, settings(sys.argv[2], batch_size=2), cache=Store(Path(sys.argv[3]))).ask(UNITS)
"""


@pytest.mark.slow
def test_a_killed_asking_goes_on_without_asking_again(tmp_path, right_table):
    stuck, release = threading.Event(), threading.Event()

    def hang(_: Seen) -> None:
        stuck.set()
        release.wait(300)

    with serving(honest(GRID), [honest(GRID), honest(GRID), hang]) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), server.url, str(tmp_path)],
            env=os.environ,
        )
        assert stuck.wait(300)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -9
        release.set()
        before = len(server.seen)
        coder = tagger(server, tmp_path)
        report = coder.ask(UNITS)
        asked_again = set(server.texts[: 2 * (before - 1)]) & {
            text for request in server.seen[before:] for text in request.texts
        }
    assert (report.n_asked, asked_again) == (3, set())
    pd.testing.assert_frame_equal(table(coder), right_table)


# --- examples, cost, sample ----------------------------------------------------------------------------------------


def test_at_most_twelve_examples_are_shown_the_same_whatever_their_order():
    names = [code.code for code in GRID.axis("rubrique")]
    labels: list[set[str]] = [
        {names[place % len(names)], "inconnu"} if place % 5 else set() for place in range(40)
    ]
    units = pd.DataFrame({"text": [f"passage numéro {place}" for place in range(40)]})
    with serving(honest(GRID)) as server:
        forward = tagger(server).fit(units, labels)
        backward = tagger(server).fit(units.iloc[::-1], labels[::-1])
        assert forward.version_ == backward.version_ != tagger(server).version_
        forward.ask(UNITS.head(1))
    shown = (
        server.seen[0]
        .body["messages"][0]["content"]
        .split("## Exemples déjà codés\n")[1]
        .split("\n\n")[0]
        .splitlines()
    )
    assert len(shown) == 12
    assert sum("aucun code" in line for line in shown) == 1
    assert len({line.split(" → ")[1] for line in shown}) == 12
    assert "inconnu" not in "".join(shown)


def test_the_estimate_sends_nothing_and_is_near_what_it_takes(tmp_path):
    prices = {"price_per_million_in": 2.0, "price_per_million_out": 10.0}
    with serving(honest(GRID)) as server:
        coder = tagger(server, tmp_path, **prices)
        estimate = coder.estimate(UNITS)
        assert server.seen == []
        assert (estimate.n_units, estimate.n_requests, estimate.seconds) == (7, 3, None)
        assert estimate.address == f"{server.url}/chat/completions"
        assert estimate.price == pytest.approx(
            (2 * estimate.tokens_in + 10 * estimate.tokens_out) / 1e6, abs=1e-4
        )
        coder.ask(UNITS)
        assert estimate.tokens_in == pytest.approx(
            sum(len(str(seen.body["messages"])) for seen in server.seen) / 3.5, rel=0.1
        )
        again = tagger(server, tmp_path).estimate(UNITS.assign(question="q3"))
        assert again.seconds  # as the first asking measured
        assert (
            tagger(server, tmp_path, seconds_per_request=10, n_parallel=2)
            .estimate(UNITS.assign(question="q3"))
            .seconds
            == 20
        )
        assert coder.estimate(UNITS).n_requests == coder.estimate(UNITS).tokens_in == 0


def test_a_sample_is_the_same_units_in_their_order_and_grows_by_adding():
    units = pd.DataFrame({"unit_id": [f"u-{place}" for place in range(200)]})
    few, more = sample_units(units, 20), sample_units(units, 60)
    assert len(few) == 20 and few["unit_id"].isin(more["unit_id"]).all()
    assert few.index.is_monotonic_increasing
    assert set(sample_units(units.iloc[::-1].reset_index(drop=True), 20)["unit_id"]) == set(
        few["unit_id"]
    )
    assert few.index.max() > 100


# --- checks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "text", "span"),
    [
        ("l'eau du lac", "Que l’eau  du\u00a0lac soit propre", (4, 17)),
        ("l’eau", "l'eau", (0, 5)),
        ("a", "la gare", None),  # not a word of it
        ("gare", "la gare", (3, 7)),
        ("Gare", "la gare", None),
        ("la gare ferme", "la gare", None),
        ("", "la gare", None),
        ("(2 h)", "un bus (2 h) par jour", (7, 12)),
    ],
)
def test_a_quote_is_found_word_for_word(quote, text, span):
    assert find_quote(quote, text) == ([span] if span else [])


def test_a_grid_without_postures_needs_none_and_a_passage_may_have_no_code():
    grid = Grid("g", "1", GRID.axis("pilier"), (Question("q1", "?"),), ())
    answers, dropped = read_answer(
        '{"passages": [{"numero": 1, "codes": []}]}', ["bonjour"], Codebook.of(grid)
    )
    assert (answers, dict(dropped)) == ({0: {}}, {})
    with serving(
        lambda request: json.dumps(
            {"passages": [{"numero": one["numero"], "codes": []} for one in request.passages]}
        )
    ) as server:
        coder = LanguageModelTagger(grid, settings(server.url))
        coder.ask(UNITS)
        assert coder.is_coded(UNITS).all()
        assert (
            "posture"
            not in server.seen[0].body["response_format"]["json_schema"]["schema"]["properties"][
                "passages"
            ]["items"]["required"]
        )
