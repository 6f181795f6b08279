"""The tagger: learnt or by definitions, the same for a passage whatever is beside it, stored as plain arrays that cannot be altered."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from models.encoders import NAME, STRONG_NAME
from models.refit import (
    Labelled,
    read_labels,
    refit_tagger,
    reviewed_units,
    train_on_study,
)
from models.registry import (
    SHIPPED,
    load_passages,
    load_tagger,
    read_tagger,
    save_tagger,
    shipped_rows,
)
from models.rows import unit_rows
from models.tagger import GridTagger
from models.tagger.decision import Axes, Scores, Thresholds, fit_calibration
from models.tagger.features import encode, normalised, texts_of
from models.tagger.storage import read_description
from pipeline.errors import ModelError
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import Axis, Code, Grid
from pipeline.settings.sections import TagSettings
from pipeline.tables.material import TAGS
from tools.training.tagger import held_out_figures

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
AUTO = TagSettings()

HOSPITAL = Grid(
    "hopital",
    "1",
    (
        Code(
            "douleur",
            "rubrique",
            "Douleur",
            "Le patient dit qu'il souffre, ou que sa douleur n'a pas été soulagée.",
        ),
        Code(
            "repas",
            "rubrique",
            "Repas",
            "La nourriture servie à l'hôpital : goût, température, quantité, horaires des plateaux.",
        ),
        Code(
            "attente",
            "rubrique",
            "Attente",
            "Le temps passé à attendre un médecin, un examen ou une chambre.",
        ),
        Code(
            "parking",
            "rubrique",
            "Stationnement",
            "Trouver une place pour se garer, le prix du parking.",
        ),
    ),
    (),
    (),
)
UNTOLD = dataclasses.replace(
    HOSPITAL,
    codes=tuple(
        dataclasses.replace(code, label=code.code.upper(), definition="Voir le guide.")
        for code in HOSPITAL.codes
    ),
)  # a grid whose definitions tell nothing: what is found was learnt
HOSPITAL_EXAMPLES = [
    ("les plateaux arrivent froids et la soupe n'a aucun goût", "repas"),
    ("quatre heures à attendre un médecin aux urgences", "attente"),
    ("impossible de se garer, le parking est hors de prix", "parking"),
    ("j'ai souffert toute la nuit, on ne m'a rien donné contre la douleur", "douleur"),
    ("le repas du soir est servi à dix-huit heures", "repas"),
    ("ma mère a attendu deux jours qu'une chambre se libère", "attente"),
]
LEARNT_EXAMPLES = [
    (
        "plus de médecin à Nantua depuis le départ du docteur, on fait quarante kilomètres",
        "q1",
        "enjeux.social",
        "difficulte",
    ),
    (
        "les nappes baissent chaque été et la rivière est à sec en août",
        "q1",
        "enjeux.environnemental",
        "difficulte",
    ),
    (
        "la ressourcerie d'Oyonnax collecte 80 tonnes par an et emploie neuf personnes",
        "q2",
        "offre",
        "force",
    ),
    (
        "notre trésorier part en juin et personne ne veut reprendre la compta, il nous faudrait de l'aide",
        "q3",
        "accompagnement",
        "difficulte",
    ),
    (
        "on pourrait monter une légumerie collective dans l'ancienne laiterie",
        "q4",
        "opportunites",
        "proposition",
    ),
    ("créer un garage solidaire avec le lycée professionnel", "q4", "opportunites", "proposition"),
    (
        "la plateforme américaine casse les prix, nos coursiers perdent leurs clients",
        "q3",
        "partenariats.concurrence",
        "difficulte",
    ),
]
NOISE = [
    "merci à la mairie pour la salle et le café",
    "pause à dix heures, reprise à dix heures quinze",
    "rdv le 14 pour la prochaine séance",
]


def _units(*texts: str, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {"text": list(texts), **{name: [value] * len(texts) for name, value in columns.items()}}
    )


def _small_study(n_copies: int = 4) -> tuple[pd.DataFrame, list[set[str]], list[str]]:
    """The hospital's examples, said in several wards."""
    rows = [
        (f"{text}, service {ward}", code, f"service {ward}")
        for ward in range(n_copies)
        for text, code in HOSPITAL_EXAMPLES
    ]
    return (
        pd.DataFrame({"text": [row[0] for row in rows]}),
        [{row[1]} for row in rows],
        [row[2] for row in rows],
    )


LIGHT, STRONG = (NAME,), (NAME, STRONG_NAME)


@pytest.fixture(scope="module", params=[LIGHT, STRONG], ids=["light", "strong"])
def shipped(request: pytest.FixtureRequest) -> GridTagger:
    return load_tagger(GRID, settings=AUTO, encoders=request.param)


@pytest.fixture(scope="module")
def fitted() -> GridTagger:
    units, labels, groups = _small_study()
    return GridTagger(HOSPITAL).fit(units, labels, groups)


# --- learnt ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "question", "rubrique", "posture"), LEARNT_EXAMPLES)
def test_the_shipped_tagger_finds_the_rubrique_and_the_posture(
    shipped, text, question, rubrique, posture
):
    (codes,) = shipped.predict(_units(text, question=question, channel="notes"))
    # one passage complains and asks: the light encoder hears the first, the strong one the second
    asks = "il nous faudrait" in text and shipped.encoders == STRONG
    assert {rubrique, "demande" if asks else posture} <= codes


@pytest.mark.parametrize("text", NOISE)
def test_thanks_and_logistics_get_no_rubrique(shipped, text):
    (codes,) = shipped.predict(_units(text, question=None, channel="notes"))
    assert codes == {"constat"}


def test_every_unit_has_exactly_one_posture_even_a_blank_one(shipped):
    postures = {code.code for code in GRID.axis("posture")}
    for codes in shipped.predict(_units("", "?", "12", "le lavoir de Cormoranche")):
        assert len(codes & postures) == 1


def test_postures_sum_to_one_and_all_scores_lie_in_0_1(shipped):
    probabilities = shipped.predict_proba(_units(*(row[0] for row in LEARNT_EXAMPLES)))
    assert probabilities.shape == (len(LEARNT_EXAMPLES), len(GRID.codes))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities[:, Axes.of(GRID).postures].sum(axis=1), 1, atol=3e-6)


def test_a_unit_gets_the_same_probabilities_alone_in_a_batch_and_in_any_order(shipped):
    units = pd.DataFrame(
        [{"text": text, "question": question} for text, question, *_ in LEARNT_EXAMPLES]
        + [{"text": t} for t in NOISE]
    )
    whole = shipped.predict_proba(units)
    alone = np.vstack([shipped.predict_proba(units.iloc[[place]]) for place in range(len(units))])
    assert np.array_equal(whole, alone)
    assert np.array_equal(whole, shipped.predict_proba(units.iloc[::-1])[::-1])


@pytest.mark.parametrize("absent", [None, float("nan"), pd.NA, "autre", "q99"])
def test_an_unknown_question_counts_as_no_question(shipped, absent):
    text = LEARNT_EXAMPLES[2][0]
    assert np.array_equal(
        shipped.predict_proba(_units(text, question=absent)), shipped.predict_proba(_units(text))
    )


def test_a_known_question_counts(shipped):
    text = "la recyclerie et ses salariés"
    assert not np.array_equal(
        shipped.predict_proba(_units(text, question="q2")),
        shipped.predict_proba(_units(text, question="q4")),
    )


def test_no_unit_gives_no_row(shipped):
    assert shipped.predict_proba(_units()).shape == (0, len(GRID.codes))
    assert shipped.predict(_units()) == []


def test_a_higher_shift_never_puts_more_codes(shipped):
    units = _units(*(row[0] for row in LEARNT_EXAMPLES))
    counts = [
        int(shipped.tag(units, threshold_shift=shift).is_assigned.sum())
        for shift in (-0.2, 0.0, 0.2, 0.5)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.slow
def test_the_estimator_can_be_cloned_and_keeps_its_parameters(fitted):
    twin = clone(GridTagger(HOSPITAL, penalty=2.0))
    assert twin.get_params()["penalty"] == 2.0
    assert twin.grid == HOSPITAL
    assert not clone(fitted).is_learnt


def test_a_tiny_set_is_learnt(fitted):
    codes = fitted.predict(
        _units("le plateau était froid", "attendre encore un médecin", "se garer coûte cher")
    )
    assert codes == [{"repas"}, {"attente"}, {"parking"}]


@pytest.mark.parametrize("n_units", [1, 2, 6])
def test_a_handful_of_labelled_units_is_no_error(n_units):
    texts, codes = zip(*HOSPITAL_EXAMPLES[:n_units], strict=True)
    tagger = GridTagger(HOSPITAL).fit(_units(*texts), [{code} for code in codes])
    assert tagger.predict_proba(_units("la soupe")).shape == (1, 4)


def test_a_code_that_nobody_was_given_is_still_found_by_its_definition():
    units, labels, groups = _small_study()
    kept = [place for place, put in enumerate(labels) if put != {"parking"}]
    tagger = GridTagger(HOSPITAL).fit(
        units.iloc[kept], [labels[place] for place in kept], [groups[place] for place in kept]
    )
    probabilities = dict(
        zip(
            tagger.classes_,
            tagger.predict_proba(_units("aucune place pour se garer, parking complet"))[0],
            strict=True,
        )
    )
    assert max(probabilities, key=probabilities.get) == "parking"


def test_fitting_twice_gives_the_same_tagger(fitted):
    units, labels, groups = _small_study()
    assert GridTagger(HOSPITAL).fit(units, labels, groups).version_ == fitted.version_


# --- by definitions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "code"), HOSPITAL_EXAMPLES)
def test_another_grid_without_labels_finds_the_code_that_its_definition_describes(text, code):
    probabilities = GridTagger(HOSPITAL).predict_proba(_units(text))[0]
    assert [entry.code for entry in HOSPITAL.codes][int(probabilities.argmax())] == code


def test_a_grid_without_postures_or_piliers_puts_none():
    for codes in GridTagger(HOSPITAL).predict(_units("la soupe est froide", "bonjour à tous")):
        assert codes <= {code.code for code in HOSPITAL.codes}


def test_definitions_put_no_code_on_what_they_do_not_describe():
    assert (
        GridTagger(HOSPITAL).predict(_units("le syndicat mixte vote son budget mardi"))[0] == set()
    )


def test_definitions_do_not_depend_on_the_batch():
    texts = [text for text, _ in HOSPITAL_EXAMPLES]
    tagger = GridTagger(HOSPITAL)
    alone = np.vstack([tagger.predict_proba(_units(text)) for text in texts])
    assert np.array_equal(tagger.predict_proba(_units(*texts)), alone)


@pytest.mark.slow
def test_codes_that_another_grid_defines_alike_keep_what_was_learnt_of_them(shipped):
    codes = tuple(code for code in GRID.codes if code.code != "offre")
    changed = (*codes, Code("sante", "rubrique", "Santé", "Soins, médecins, hôpitaux, prévention."))
    other = dataclasses.replace(GRID, grid_id="autre", codes=changed)
    borrower = load_tagger(other, settings=AUTO, encoders=shipped.encoders)
    units = _units(*(row[0] for row in LEARNT_EXAMPLES), question="q3")
    mine, theirs = borrower.classes_.tolist(), shipped.classes_.tolist()
    for code in ("accompagnement", "difficulte", "recyclage"):
        np.testing.assert_array_equal(
            borrower.predict_proba(units)[:, mine.index(code)],
            shipped.predict_proba(units)[:, theirs.index(code)],
        )
    assert "sante" in mine
    assert "offre" not in mine


def test_a_changed_posture_takes_the_whole_axis_back_to_definitions():
    codes = tuple(
        dataclasses.replace(code, definition="Un souhait.") if code.code == "demande" else code
        for code in GRID.codes
    )
    borrower = load_tagger(dataclasses.replace(GRID, codes=codes), settings=AUTO)
    units = _units(*(row[0] for row in LEARNT_EXAMPLES))
    by_definitions = GridTagger(borrower.grid).predict_proba(units)
    postures = Axes.of(GRID).postures
    assert np.array_equal(borrower.predict_proba(units)[:, postures], by_definitions[:, postures])


# --- evidence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("À Nantua, « plus de médecin » le samedi : on va à Bourg.", "enjeux.social", "médecin"),
        ("LES NAPPES BAISSENT, pollution de la rivière", "enjeux.environnemental", "NAPPES"),
        ("Les bénévoles sont épuisés et il faudrait une formation", "accompagnement", "bénévoles"),
    ],
)
def test_evidence_is_whole_words_that_speak_for_the_code(shipped, text, code, word):
    asked = np.array([[name == code for name in shipped.classes_]])
    spans = shipped.explain(_units(text), asked)[0][shipped.classes_.tolist().index(code)]
    assert 1 <= len(spans) <= 3
    assert spans == sorted(spans)
    assert any(word in text[start:end] for start, end in spans)
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert not text[start:end].isspace()
        assert start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())
        assert end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum())


def test_evidence_by_definitions_is_what_passage_and_code_share():
    text = "le parking est complet dès huit heures"
    spans = GridTagger(HOSPITAL).explain(_units(text), np.array([[False, False, False, True]]))[0][
        3
    ]
    assert "parking" in " ".join(text[start:end] for start, end in spans)


@pytest.mark.parametrize("text", ["", " ", "…", "☕ 👍"])
def test_a_text_without_words_has_no_evidence(shipped, text):
    asked = np.ones((1, len(GRID.codes)), dtype=bool)
    assert all(spans == [] for spans in shipped.explain(_units(text), asked)[0].values())


@pytest.mark.parametrize("text", ["İstanbul 2026", "ŒUVRE d’art", "3½ tonnes", "e\u0301te\u0301"])
def test_normalising_keeps_the_length_so_that_offsets_hold(text):
    assert len(normalised(text)) == len(text)


# --- decisions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probabilities", "no_code", "expected"),
    [
        ([0.6, 0.5, 0.2, 0.8, 0.1], 0.0, [True, True, False, True, False]),
        (
            [0.3, 0.1, 0.9, 0.1, 0.6],
            0.2,
            [True, False, True, False, True],
        ),  # nothing passes, but some code must fit
        (
            [0.3, 0.1, 0.9, 0.1, 0.6],
            0.7,
            [False, False, True, False, True],
        ),  # nothing passes, and likely nothing fits
    ],
)
def test_a_bare_unit_gets_its_best_rubrique_only_where_one_must_fit(
    probabilities, no_code, expected
):
    axes = Axes(slice(0, 2), slice(2, 4), slice(4, 5))
    thresholds = Thresholds(np.full(5, 0.5), np.array([0.4]))
    assert (
        thresholds.decide(Scores(np.array([probabilities]), np.array([[no_code]])), axes)[
            0
        ].tolist()
        == expected
    )


def test_calibration_makes_sure_scores_out_of_timid_ones():
    generator = np.random.default_rng(0)
    truth = (generator.random((4000, 1)) < 0.3).astype(float)
    timid = np.where(truth == 1, 0.4, -0.9) + generator.normal(0, 0.5, truth.shape)
    calibrated = fit_calibration(timid, truth).apply(timid)
    assert abs(calibrated.mean() - 0.3) < 0.01
    likely = (calibrated > 0.6) & (calibrated < 0.8)
    assert 0.55 < truth[likely].mean() < 0.85


# --- files -------------------------------------------------------------------------------------------------------------


def test_a_saved_tagger_answers_to_the_last_bit_and_holds_no_pickle(fitted, tmp_path):
    path = tmp_path / "tagger-0001.json"
    save_tagger(fitted, path, name="essai", made_from={"service": "0" * 64})
    again = load_tagger(HOSPITAL, settings=AUTO, registered=path)
    units = _units(*(text for text, _ in HOSPITAL_EXAMPLES), "la place du village")
    assert np.array_equal(fitted.predict_proba(units), again.predict_proba(units))
    assert fitted.predict(units) == again.predict(units)
    assert again.version_ == fitted.version_ == read_description(path)["version"]
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind == "f" for name in arrays.files)


def test_saving_twice_writes_the_same_bytes(fitted, tmp_path):
    for folder in ("a", "b"):
        save_tagger(fitted, tmp_path / folder / "tagger-0001.json", name="essai", made_from={})
    for suffix in (".json", ".npz"):
        first, second = ((tmp_path / folder / "tagger-0001").with_suffix(suffix) for folder in "ab")
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "what", ["arrays", "threshold", "no arrays", "no json", "not json", "other format"]
)
def test_an_altered_file_is_refused(fitted, tmp_path, what):
    path = tmp_path / "tagger-0001.json"
    save_tagger(fitted, path, name="essai", made_from={})
    if what == "arrays":
        content = bytearray(path.with_suffix(".npz").read_bytes())
        content[len(content) // 2] ^= 1
        path.with_suffix(".npz").write_bytes(content)
    elif what == "threshold":
        path.write_text(
            path.read_text(encoding="utf-8").replace(
                '"no_code_threshold": 0.', '"no_code_threshold": 1.'
            ),
            encoding="utf-8",
        )
    elif what == "no arrays":
        path.with_suffix(".npz").unlink()
    elif what == "no json":
        path.unlink()
    elif what == "not json":
        path.write_bytes(b"\x80\x04pickle")
    else:
        path.write_text(json.dumps({"format": 99}), encoding="utf-8")
    with pytest.raises(ModelError):
        load_tagger(HOSPITAL, settings=AUTO, registered=path)


def test_every_shipped_model_is_whole_small_and_free():
    described = {path: read_description(path) for path in SHIPPED.glob("*.json")}
    assert {"amorce", "definitions"} <= {each["name"] for each in described.values()}
    assert {each["licence"] for each in described.values()} == {"MIT"}
    files = [file for path in described for file in SHIPPED.glob(f"{path.stem}.*")]
    assert sum(file.stat().st_size for file in files) < 28_000_000


def test_an_unknown_model_is_refused_by_name():
    with pytest.raises(ModelError, match=r"amorce.*definitions|definitions.*amorce"):
        load_tagger(GRID, settings=TagSettings(model="gpt"))


def test_definitions_can_be_asked_for():
    assert load_tagger(GRID, settings=TagSettings(model="definitions")).version_.startswith(
        "definitions-"
    )


def test_a_grid_that_adds_an_axis_to_the_standard_ones_keeps_what_was_learnt_of_them(shipped):
    own = (
        Code("bourg", "echelle", "Bourg", "Le bourg, la mairie."),
        Code("pays", "echelle", "Pays", "La communauté de communes."),
    )
    wider = dataclasses.replace(
        GRID, codes=GRID.codes + own, own_axes=(Axis("echelle", "Échelle", is_exclusive=True),)
    )
    borrower, units = (
        load_tagger(wider, settings=AUTO, encoders=shipped.encoders),
        _units(*(row[0] for row in LEARNT_EXAMPLES[:3])),
    )
    theirs, mine = shipped.tag(units), borrower.tag(units)
    assert np.array_equal(mine.probabilities[:, :-2], theirs.probabilities)
    assert np.array_equal(mine.is_assigned[:, :-2], theirs.is_assigned)
    assert (mine.is_assigned[:, -2:].sum(axis=1) == 1).all()


def test_a_grid_in_another_order_gets_the_same_answers(shipped):
    turned = dataclasses.replace(GRID, codes=tuple(reversed(GRID.codes)))
    units = _units(*(row[0] for row in LEARNT_EXAMPLES), question="q1")
    turned_tagger = load_tagger(turned, settings=AUTO, encoders=shipped.encoders)
    assert turned_tagger.predict(units) == shipped.predict(units)


# --- refit -------------------------------------------------------------------------------------------------------------


def test_a_refit_registers_a_file_and_says_how_it_does_on_groups_left_out(tmp_path):
    units, labels, groups = _small_study()
    labelled = _labelled(units, labels, groups, UNTOLD)
    figures = refit_tagger(UNTOLD, labelled, out=tmp_path)
    assert figures["n_shipped_passages"] == 0
    assert figures["before"]["rubrique_micro_f1"] < figures["after"]["rubrique_micro_f1"]
    assert set(figures["held_out"]) == set(groups)
    assert all(values["rubrique_micro_f1"] > 0.8 for values in figures["held_out"].values())
    assert read_tagger(tmp_path / figures["file"]).version_ == figures["version"]
    again = refit_tagger(UNTOLD, labelled, out=tmp_path, registered=tmp_path / figures["file"])
    assert again["file"] > figures["file"]
    assert (
        again["before"] == figures["after"]
    )  # what it had put before it had seen them, not what it knows by heart


def test_a_refit_that_is_no_better_keeps_the_old_tagger(tmp_path):
    units, labels, groups = _small_study()
    good = _labelled(units, labels, groups, UNTOLD)
    first = refit_tagger(UNTOLD, good, out=tmp_path)
    # Judged by others that never saw their code, the same passages look harder.
    by_code = _labelled(units, labels, [min(put, default="") for put in labels], UNTOLD)
    figures = refit_tagger(UNTOLD, by_code, out=tmp_path, registered=tmp_path / first["file"])
    assert not figures["is_registered"]
    assert figures["after"]["rubrique_micro_f1"] < figures["before"]["rubrique_micro_f1"]
    assert [path.name for path in tmp_path.glob("*.json")] == [first["file"]]


def test_a_tagger_of_another_encoder_is_refused_until_it_is_fitted_again(
    fitted, tmp_path, monkeypatch
):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(
            "models.registry.load_embedder", lambda _settings: SimpleNamespace(version="autre")
        )
        old = tmp_path / "tagger-0001.json"
        save_tagger(fitted, old, name="essai", made_from={})
    with pytest.raises(ModelError, match=r"autre encodeur.*ateliers train"):
        load_tagger(HOSPITAL, settings=AUTO, registered=old)
    figures = refit_tagger(
        HOSPITAL, _labelled(*_small_study(), HOSPITAL), out=tmp_path, registered=old
    )
    assert figures["is_registered"]
    assert "autre encodeur (e5-sujets autre) : remplacé" in figures["notes"][0]
    assert read_tagger(tmp_path / figures["file"]).version_ == figures["version"]


def test_what_is_wrong_in_a_gold_file_is_told_in_one_line_a_kind_and_the_rest_is_used(tmp_path):
    lines = [
        '{"text": "la soupe est froide", "rubriques": ["repas", "potage"]}',
        '{"text": "encore du potage", "rubriques": ["potage"], "posture": null}',
        "ceci n'est pas du JSON",
        '{"rubriques": ["repas"]}',
        '{"text": "sans étiquette"}',
    ]
    (tmp_path / "lues.jsonl").write_text("\n".join(lines), encoding="utf-8")
    labelled = read_labels(tmp_path / "lues.jsonl", HOSPITAL)
    assert labelled.labels == [{"repas"}, set()]
    assert [note.removeprefix("lues.jsonl : ") for note in labelled.notes] == [
        "ligne 3 : pas un objet JSON, laissée de côté",
        "1 ligne sans « text », laissée de côté",
        "1 passage sans étiquette, laissé de côté",
        "codes que la grille ne connaît pas, laissés de côté : « potage » (2)",
    ]


def test_gold_in_a_table_of_a_spreadsheet(tmp_path):
    (tmp_path / "lues.csv").write_text(
        "Text;Rubriques;workshop\nla soupe;repas, parking;Nord\nmerci;;Nord\n", encoding="utf-8-sig"
    )
    labelled = read_labels(tmp_path / "lues.csv", HOSPITAL)
    assert (labelled.labels, labelled.groups) == ([{"repas", "parking"}, set()], ["nord", "nord"])


def test_an_axis_that_nobody_judged_teaches_nothing(tmp_path):
    rows = [{"text": f"passage {n}", "rubriques": ["offre"], "posture": "force"} for n in range(3)]
    (tmp_path / "units.jsonl").write_text(
        "\n".join(json.dumps(row) for row in rows), encoding="utf-8"
    )
    labelled = read_labels(tmp_path, GRID)
    piliers = np.array([code.axis == "pilier" for code in GridTagger(GRID).codes])
    assert not labelled.judged[:, piliers].any()
    assert labelled.judged[:, ~piliers].all()
    assert "« piliers » manque à 3 passages" in labelled.notes[0]


def test_a_refit_on_too_little_is_refused(tmp_path):
    with pytest.raises(ModelError, match="20"):
        refit_tagger(
            HOSPITAL, _labelled(_units("la soupe"), [{"repas"}], ["a"], HOSPITAL), out=tmp_path
        )
    assert not list(tmp_path.iterdir())


def test_held_out_thresholds_never_see_their_group(fitted):
    units, labels, groups = _small_study()
    tagger, targets = GridTagger(HOSPITAL), fitted.targets(labels)
    first = np.array(groups) == "service 0"
    # Elsewhere a code is right from 0.5 on; in this group from 0.2 on: thresholds that had seen it would be lower.
    chances = np.where(targets == 1, np.where(first, 0.3, 0.6)[:, None], 0.1)
    tagger.held_out_ = Scores(chances, np.ones((len(units), 1)))
    figures = held_out_figures(tagger, labels, groups)
    assert figures["service 0"]["rubrique_micro_f1"] == 0
    assert figures["service 1"]["rubrique_micro_f1"] == 1


def test_a_study_is_refitted_from_what_people_decided(tmp_path):
    units, labels, groups = _small_study()
    units = units.assign(unit_id=[f"u{place}" for place in range(len(units))], workshop_id=groups)
    rows = [
        _tag(unit_id, next(iter(put)), "person")
        for unit_id, put in zip(units["unit_id"], labels, strict=True)
    ]
    machine = [
        _tag("u0", "parking", "machine"),
        _tag("u1", "repas", "machine") | {"source": "person", "is_assigned": False},
    ]
    unseen = pd.DataFrame([{"text": "jamais relu", "unit_id": "u99", "workshop_id": "service 9"}])
    tables = {
        "units": pd.concat([units, unseen]),
        "tags": TAGS.build([*rows, *machine, _tag("u99", "repas", "machine")]),
    }
    figures = train_on_study(tables, HOSPITAL, out=tmp_path)
    assert figures["n_units"] == len(units)
    assert "service 9" not in figures["held_out"]


def test_a_passage_confirmed_to_bear_no_code_is_learnt_from():
    units = pd.DataFrame(
        [{"text": f"passage {n}", "unit_id": f"u{n}", "workshop_id": "a"} for n in range(3)]
    )
    tags = TAGS.build([_tag("u0", "repas", "person")])
    labelled = reviewed_units(units, tags, HOSPITAL, confirmed={"u0", "u2"})
    assert (labelled.labels, list(labelled.units["text"])) == (
        [{"repas"}, set()],
        ["passage 0", "passage 2"],
    )
    assert labelled.judged.all()


def test_gold_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "units.jsonl").write_text('{"text": "sans étiquette"}\n', encoding="utf-8")
    tables = {"units": _units().assign(unit_id=[], workshop_id=[]), "tags": TAGS.empty()}
    with pytest.raises(ModelError):
        train_on_study(tables, HOSPITAL, gold=tmp_path, out=tmp_path / "models")


def _labelled(
    units: pd.DataFrame, labels: list[set[str]], groups: list[str], grid: Grid
) -> Labelled:
    """Passages that are wholly judged."""
    return Labelled(
        units.reindex(columns=["text", "question", "channel"]),
        labels,
        np.ones((len(units), len(grid.codes)), dtype=bool),
        groups,
    )


def _tag(unit_id: str, code: str, source: str) -> dict[str, object]:
    row = {"unit_id": unit_id, "axis": "rubrique", "code": code, "score": 0.9, "is_assigned": True}
    return row | {"evidence": "[]", "source": source, "model_version": "1"}


@pytest.mark.parametrize(("name", "encoders"), [("amorce", LIGHT), ("amorce-fort", STRONG)])
def test_the_shipped_files_survive_a_copy(name, encoders, tmp_path):
    for file in SHIPPED.glob(f"tagger-{name}*"):
        shutil.copy(file, tmp_path)
    shipped = load_tagger(GRID, settings=TagSettings(model=name))
    paths = [tmp_path / f"tagger-{name}{end}.json" for end in ("-sans-question", "")]
    copies = [read_tagger(path).version_ for path in paths]
    assert copies == [shipped.unasked_.version_, f"{name}-{shipped.model_.fingerprint()}"]
    assert shipped.version_ == f"{copies[1]}-{shipped.unasked_.model_.fingerprint()}"
    assert load_tagger(GRID, settings=AUTO, encoders=encoders).version_ == shipped.version_
    assert (shipped.encoders, shipped.unasked_.encoders) == (encoders, encoders)


def test_the_vectors_that_a_shipped_tagger_stores_are_those_of_its_passages(shipped):
    """A refit takes them, and does not encode 7,000 passages again."""
    passages, _ = load_passages()
    rows, some = shipped_rows(shipped.encoders), [0, 3_000, 6_997]
    assert len(rows) == len(passages)
    made = encode(texts_of(passages.iloc[some]), encoders=shipped.encoders)
    assert np.abs(rows[some] - made).max() < 0.02
    near = unit_rows(rows[some]) @ unit_rows(made).T
    assert (np.diag(near) > 0.995).all()


def test_a_refit_reads_the_encoders_that_it_is_asked_for(tmp_path):
    units, labels, groups = _small_study()
    figures = refit_tagger(
        UNTOLD, _labelled(units, labels, groups, UNTOLD), out=tmp_path, encoders=STRONG
    )
    tagger = load_tagger(UNTOLD, settings=AUTO, registered=tmp_path / figures["file"])
    assert tagger.encoders == STRONG
    assert tagger.version_ == figures["version"]
    assert figures["version"].startswith("etude-fort-")


def test_a_unit_of_no_known_question_is_scored_by_what_was_learnt_without_questions(shipped):
    texts = ["plus de car après 18 h", "la recyclerie emploie douze personnes", "merci à tous"]
    asked = pd.DataFrame({"text": texts, "question": "q1"})
    unasked = asked.assign(question=[None, "autre", ""])
    alone = shipped.unasked_.predict_proba(unasked)
    np.testing.assert_array_equal(shipped.predict_proba(unasked), alone)
    mixed = pd.concat([unasked, asked]).iloc[[3, 0, 4, 1, 5, 2]]
    expected = np.vstack([shipped.predict_proba(asked), alone])[[0, 3, 1, 4, 2, 5]]
    np.testing.assert_array_equal(shipped.predict_proba(mixed), expected)
    assert not np.allclose(shipped.predict_proba(asked), alone)
    every_code = np.ones((1, len(shipped.codes)), dtype=bool)
    assert shipped.explain(unasked[:1], every_code) == shipped.unasked_.explain(
        unasked[:1], every_code
    )
