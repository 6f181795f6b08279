"""A selection of passages: what it keeps, how it is said in French, and its address."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.conf import UserSettingsHolder, global_settings, settings
from django.http import QueryDict
from django.utils import translation

from flows import meaning
from flows.meaning import MeaningIndex
from models.catalogue import (
    is_word_of_subjects,
    load_catalogue,
    load_weights,
    subjects_of_question,
)
from models.embedder import load_embedder
from models.words import word_spans
from pipeline.decision_store import DecisionStore
from pipeline.decisions.tags import AddTag, ConfirmUnit
from pipeline.errors import ModelError
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.review.journal import Journal
from pipeline.review.nearest import merged
from pipeline.review.queue import CoderView, PassageFacts
from pipeline.review.search import SearchIndex, SearchQuery
from pipeline.review.selection import (
    ALL_OF,
    ANY_OF,
    ATTRIBUTES,
    EVERY,
    NONE_OF,
    Condition,
    Selection,
)
from pipeline.review.selection_words import SelectionWords, of_name
from pipeline.review.snapshot import Snapshot
from pipeline.study import Study
from support.draws import seeds

_GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
_RUBRIQUE, _OTHER_RUBRIQUE = (f"rubrique:{row.code}" for row in _GRID.axis("rubrique")[:2])
# passage: workshop, table, question, channel, speaker, codes, theme, text
_PASSAGES = {
    "a": (
        "lens",
        1,
        "q1",
        "notes",
        None,
        [_RUBRIQUE, "posture:difficulte"],
        "t-bus",
        "Plus de bus",
    ),
    "b": ("lens", 2, "q2", "notes", "p-1", [_RUBRIQUE], "t-bus", "Le bus de nuit"),
    "c": ("lens", 2, "q3", "postit", None, [_RUBRIQUE, _OTHER_RUBRIQUE], None, "Les loyers"),
    "d": ("ouest", 1, "q1", "notes", "p-2", ["posture:difficulte"], "t-toit", "Un toit, des bus"),
    "e": ("ouest", None, None, "mail", None, [], None, "Autobus scolaire"),
}
_DAYS = {"lens": ("Lens", "2026-03-12"), "ouest": ("Arras", "2026-04-02")}
_LABELS = {"t-bus": "Manque de bus", "t-toit": "Se loger", "f-1": "Se déplacer"}


def _snapshot() -> Snapshot:
    units = pd.DataFrame(
        [
            (name, "d", workshop, i, text, table, question, channel, speaker)
            for i, (name, (workshop, table, question, channel, speaker, _codes, _theme, text))
            in enumerate(_PASSAGES.items())
        ],
        columns=["unit_id", "document_id", "workshop_id", "unit_order", "text", "table_number", "question", "channel", "speaker"],
    )  # fmt: skip
    units["table_number"] = units["table_number"].astype("Int64")
    tags = [
        (name, *code.split(":"), 0.9, True, "[]")
        for name, row in _PASSAGES.items()
        for code in row[5]
    ]
    columns = ["unit_id", "axis", "code", "score", "is_assigned", "evidence"]
    workshops = [(name, *row) for name, row in _DAYS.items()]
    people = [("p-1", "lens", "association"), ("p-2", "ouest", "mairie")]
    tables = {
        "units": units,
        "workshops": pd.DataFrame(workshops, columns=["workshop_id", "territory", "date"]),
        "attendance": pd.DataFrame(
            people, columns=["participant_id", "workshop_id", "structure_type"]
        ),
        "review_queue": pd.DataFrame(columns=["unit_id", "place", "reason", "n_expected_errors"]),
    }
    return Snapshot("r", tables, {"tags": pd.DataFrame(tags, columns=columns)})


@pytest.fixture(autouse=True, scope="module")
def french() -> Iterator[None]:
    """Django's own settings, without translations, as long as these tests run."""
    before, trans = settings._wrapped, translation._trans
    plain = UserSettingsHolder(global_settings)
    plain.USE_I18N = False
    settings._wrapped = plain
    yield
    settings._wrapped = before
    vars(trans).clear()


_SNAPSHOT = _snapshot()
_WORDS = SelectionWords(_SNAPSHOT, _GRID, lambda: _LABELS)


def _view(folder: Path) -> CoderView:
    index = SearchIndex(_SNAPSHOT)

    def of_theme(theme_id: str) -> frozenset[str]:
        wanted = None if theme_id == "aucun" else theme_id
        return frozenset(name for name, row in _PASSAGES.items() if row[6] == wanted)

    def rank(wanted: Selection, unit_ids: Sequence[str]) -> list[str]:
        return sorted(unit_ids, reverse=True)

    units_with = {
        "theme": of_theme,
        "words": lambda typed: frozenset(index.find(SearchQuery(typed))),
    }
    facts = PassageFacts(units_with, rank, disagreed=lambda: {"b", "d"}, unsigned=lambda: {"d"})
    store = DecisionStore(folder / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    decisions = [ConfirmUnit("a", (("posture", "difficulte"),)), AddTag("e", *_RUBRIQUE.split(":"))]
    journal.add(decisions, author="alix", request_id="1")
    return CoderView("alix", _SNAPSHOT, journal, _GRID, facts)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("etat=tous", "abcde"),
        ("", "bcd"),  # to decide
        ("etat=decides", "ae"),
        ("etat=desaccords", "bd"),
        ("etat=non-signes", "d"),
        ("etat=tous&territoire=Lens", "abc"),
        ("etat=tous&territoire=Lens&territoire=Arras", "abcde"),
        ("etat=tous&territoire=Lens&question=q1", "a"),
        ("etat=tous&territoire=Lens&sans-question=q1", "bc"),
        ("etat=tous&sans-territoire=Lens&sans-territoire=Arras", ""),
        ("etat=tous&table=1", "ad"),
        ("etat=tous&table=aucun", "e"),
        ("etat=tous&atelier=ouest&table=1&table=aucun", "de"),
        ("etat=tous&canal=postit&canal=mail", "ce"),
        ("etat=tous&locuteur=p-1", "b"),
        ("etat=tous&sans-locuteur=aucun", "bd"),
        ("etat=tous&acteur=mairie", "d"),
        # « a » was confirmed with its posture alone, « e » was given the rubrique
        (f"etat=tous&code={_RUBRIQUE}", "bce"),
        (f"etat=tous&code={_RUBRIQUE.partition(':')[2]}", "bce"),
        (f"etat=tous&code={_RUBRIQUE}&code={_OTHER_RUBRIQUE}", "bce"),
        (f"etat=tous&code={_RUBRIQUE}&et-code={_OTHER_RUBRIQUE}", "c"),
        (f"etat=tous&code={_RUBRIQUE}&code=posture:difficulte", ""),  # two axes: both
        (f"etat=tous&code=posture:difficulte&sans-code={_RUBRIQUE}", "ad"),
        ("etat=tous&theme=t-bus&theme=aucun", "abce"),
        ("etat=tous&sans-theme=aucun", "abd"),
        ("etat=tous&mots=bus", "abd"),  # whole beginnings of words: « autobus » has none
        ("etat=tous&mots=bus&sans-mots=toit", "ab"),
        ("etat=tous&et-mots=bus&et-mots=nuit", "b"),
        ("etat=tous&mots=toit&mots=loyer", "cd"),
        ("etat=tous&du=2026-04-01", "de"),
        ("etat=tous&au=2026-03-12", "abc"),
        ("etat=tous&du=2026-03-13&au=2026-04-01", ""),
        ("etat=tous&du=hier", ""),
        ("etat=tous&au=hier", ""),
        ("etat=tous&territoire=Atlantide", ""),
        ("etat=tous&sans-territoire=Atlantide", "abcde"),
        ("etat=tous&code=pilier:inconnu", ""),
        ("etat=tous&theme=t-9", ""),
        ("etat=tous&q=bus", "edcba"),  # in the order of the search
        ("etat=tous&q=bus&ordre=lecture&territoire=Lens", "abc"),
        ("etat=nimporte&ordre=quoi", "bcd"),
    ],
)
def test_a_selection_keeps(tmp_path: Path, address: str, kept: str) -> None:
    wanted = Selection.read(QueryDict(address))
    assert "".join(_view(tmp_path).unit_ids(wanted)) == kept


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Passages à décider."),
        ("etat=tous", "Tous les passages."),
        ("etat=non-signes", "Passages d’un thème pas encore signé."),
        ("etat=tous&territoire=Lens&territoire=Arras", "Passages de Lens ou d’Arras."),
        (
            "etat=tous&territoire=Lens&sans-question=q3&mots=bus",
            "Passages de Lens, où l’on lit « bus », sauf la question « forces et difficultés ».",
        ),
        ("etat=tous&code=posture:force&code=posture:difficulte", "Passages codés « Force ou réussite » ou « Difficulté ou menace »."),
        ("etat=tous&code=posture:force&et-code=posture:difficulte", "Passages codés « Force ou réussite », et aussi codés « Difficulté ou menace »."),
        ("etat=tous&theme=t-bus&theme=aucun&table=3", "Passages à la table 3, du thème « Manque de bus » ou sans thème."),
        ("etat=tous&sans-theme=aucun&sans-mots=bus&sans-mots=car", "Passages qui ont un thème, où l’on ne lit pas « bus » ni « car »."),
        ("etat=tous&atelier=lens&canal=postit", "Passages de l’atelier « Lens, 12 mars 2026 », du canal post-it."),
        ("etat=tous&du=2026-03-01&au=2026-03-31", "Passages du 1er mars 2026 au 31 mars 2026."),
        ("etat=tous&q=se loger", "Passages les plus proches de « se loger »."),
        ("etat=tous&comme=d", "Passages qui ressemblent à « Un toit, des bus »."),
    ],
)  # fmt: skip
def test_a_selection_is_said_in_french(address: str, sentence: str) -> None:
    said = _WORDS.sentence(Selection.read(QueryDict(address)))
    assert said.replace("\u00a0", " ").replace("\u202f", " ") == sentence


@pytest.mark.parametrize(
    ("address", "reasons"),
    [
        ("territoire=Lens&code=posture:difficulte&table=aucun", []),
        ("territoire=Atlantide", ["L’étude n’a pas de territoire « Atlantide »."]),
        ("code=posture:sagesse", ["La grille n’a pas de code « posture:sagesse »."]),
        ("theme=t-9&table=44", ["Aucun passage n’a la table « 44 ».", "L’étude n’a pas, ou plus, de thème « t-9 »."]),
        ("au=hier", ["« hier » n’est pas une date : l’écrire comme 2026-03-12."]),
        ("comme=u-0", ["Le passage auquel comparer les autres n’existe plus."]),
    ],
)  # fmt: skip
def test_an_unknown_value_is_told(address: str, reasons: list[str]) -> None:
    told = _WORDS.why_nothing(Selection.read(QueryDict(address)))
    assert [reason.replace("\u00a0", " ") for reason in told] == reasons


@pytest.mark.parametrize("seed", seeds(40))
def test_an_address_gives_back_its_selection(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = ["Lens", "d’Arras & co", "a:b", "-bus", "x y", "é=%", "12.3_4.5_6.7"]
    wanted = Selection(
        first_day=str(draw.choice(["", "2026-03-12"])),
        typed=str(draw.choice(["", "se loger"])),
        state=str(draw.choice(["tous", "a-decider", "desaccords"])),
    )
    for _ in range(draw.integers(0, 8)):
        attribute, value = str(draw.choice(list(ATTRIBUTES))), str(draw.choice(values))
        add = (wanted.where, wanted.and_also, wanted.but_not)[int(draw.integers(3))]
        wanted = add(**{attribute: value})
    wanted = Selection.read(QueryDict(wanted.address()))
    assert Selection.read(QueryDict(wanted.address())) == wanted
    assert len(set(wanted.conditions)) == len(wanted.conditions)


def test_conditions_can_be_taken_off_and_turned_round() -> None:
    wanted = EVERY.where(territory=["Lens", "Arras", ""]).but_not(code="posture:force")
    assert (
        wanted.address() == "territoire=Lens&territoire=Arras&sans-code=posture%3Aforce&etat=tous"
    )
    assert wanted.values("territory") == ("Lens", "Arras") and wanted.one("territory") == ""
    left = wanted.without(Condition("territory", "Lens", ANY_OF))
    assert left.one("territory") == "Arras" and left.values("code", NONE_OF) == ("posture:force",)
    assert left.values("code", ALL_OF) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [("Lens", "de Lens"), ("Arras", "d’Arras"), ("Le Havre", "du Havre"), ("Les Weppes", "des Weppes"), ("La Rochelle", "de La Rochelle"), ("Pays de Bray", "du Pays de Bray"), ("Hesdin", "d’Hesdin")],
)  # fmt: skip
def test_a_territory_has_its_preposition(name: str, said: str) -> None:
    assert of_name(name) == said


@pytest.mark.parametrize(
    ("typed", "shares"),
    [
        ("bus", {"a": 1, "b": 1, "d": 1}),
        ("le bus de nuit", {"b": 1}),
        ("des toits", {"d": 1}),
        ("loyer", {"c": 1}),
        ("de la les", {}),
        ("zèbre", {}),
    ],
)
def test_words_are_found_in_their_forms(typed: str, shares: dict[str, float]) -> None:
    index = SearchIndex(_SNAPSHOT)
    whole = dict(zip(index.unit_ids, index.words.shares(typed).tolist(), strict=True))
    assert {name: share for name, share in whole.items() if share > 0.99} == shares


@pytest.mark.parametrize(
    ("typed", "text", "words"),
    [
        ("loyer cher", "On cherche des loyers moins chers", ["loyers", "chers"]),
        ("écoles", "L’école ÉCOLE œuvre", ["école", "ÉCOLE"]),
    ],
)
def test_the_words_found_are_marked(typed: str, text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(typed, text)] == words


_SAID = [
    "Les familles cherchent un toit, les loyers flambent",
    "Plus de médecin au village, le cabinet a fermé",
    "Il faut deux heures de car pour aller au lycée",
    "Les bénévoles vieillissent et personne ne prend la relève",
    "L'écran fait peur, il n'y a plus de guichet",
]


def test_meaning_finds_what_no_word_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study.create(tmp_path / "etude")
    monkeypatch.setattr(meaning, "_MOST_NEW", 4)
    with pytest.raises(ModelError, match="5 passages sans vecteur"):
        MeaningIndex(study, _SAID)
    monkeypatch.setattr(meaning, "_MOST_NEW", 5)
    index = MeaningIndex(study, _SAID)
    for typed, nearest in (("se loger", 0), ("santé", 1), ("mobilité, transports", 2)):
        assert index.scores(typed).argmax() == nearest
    assert index.scores("illectronisme").argmax() == 4
    assert index.scores_like(3).argmax() == 3
    monkeypatch.setattr(meaning, "_MOST_NEW", 0)
    again = MeaningIndex(study, _SAID)  # read from the file that the first one wrote
    assert np.array_equal(again.scores("se loger"), index.scores("se loger"))
    assert [path.suffix for path in (study.cache / "meaning").iterdir()] == [".npy"]


def test_a_word_leads_to_the_subjects_that_say_it() -> None:
    encoder = load_embedder()
    fine = load_weights(encoder).fine
    towards = subjects_of_question(
        "illectronisme", np.zeros(fine.shape[1], dtype=np.float32), encoder
    )
    nearest = load_catalogue().fine[int((fine @ towards).argmax())]
    assert nearest.title == "Démarches en ligne et illectronisme"


def test_words_come_before_meaning_only_where_all_are_there() -> None:
    shares = np.array([1.0, 0.4, 0.0, 0.0])
    closeness = np.array([0.3, 0.4, 0.5, -0.2], dtype=np.float32)
    rows = np.arange(4)
    assert merged(shares, closeness, rows) == [0, 2, 1]
    assert merged(shares, closeness, rows[1:]) == [2, 1]
    assert merged(shares, None, rows) == [0, 1], "without vectors, words alone"


@pytest.mark.parametrize(
    ("closeness", "always", "listed"),
    [
        ([0.9, 0.5, 0.44, 0.3], (), [0, 1]),  # less than half as near as the nearest
        ([0.4, 0.26, 0.24, 0.1], (), [0, 1]),  # too far from anything asked
        ([0.2, 0.1, 0.0, -0.1], (), []),
        ([0.2, 0.1, 0.0, -0.1], (3,), [3]),  # it has every word
    ],
)
def test_what_is_far_from_a_question_is_not_listed(
    closeness: list[float], always: tuple[int, ...], listed: list[int]
) -> None:
    near = np.array(closeness, dtype=np.float32)
    assert merged(np.zeros(4), near, np.arange(4), always) == listed


@pytest.mark.parametrize(
    ("typed", "is_word"),
    [("zzzzqqq", False), ("xkcd 1234567", False), ("logements", True), ("illectronisme", True)],
)
def test_a_word_that_nothing_says_has_no_meaning(typed: str, is_word: bool) -> None:
    assert is_word_of_subjects(typed) is is_word


def test_a_decision_changes_at_once_what_a_code_selects(tmp_path: Path) -> None:
    view, wanted = _view(tmp_path), EVERY.where(code=_OTHER_RUBRIQUE)
    assert view.unit_ids(wanted) == ["c"]
    rows = [AddTag("d", *_OTHER_RUBRIQUE.split(":")), ConfirmUnit("c", ())]
    view.journal.add(rows, author="alix", request_id="2")
    assert view.unit_ids(wanted) == ["d"]
