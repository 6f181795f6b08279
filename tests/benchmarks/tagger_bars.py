"""Figures of the tagger on what it has not seen: workshops and files left out whole, other grids, no label at all.

    make bench, or python -m pytest tests/benchmarks/tagger_bars.py -s

A scored workshop's or file's labels are used neither for weights nor for thresholds nor for calibration. About ten minutes, encoding apart.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.registry import load_passages
from models.tagger import GridTagger
from models.tagger.decision import Axes, micro_f1
from models.tagger.definitions import DefinitionMatcher, load_background, match
from models.tagger.features import Array, fit_features
from models.tagger.learning import figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import Code, Grid
from tools.training.definitions import best_threshold, fit_coefficients, learning_sample, tasks_of

pytestmark = pytest.mark.slow

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
AXES = Axes.of(GRID)
COLUMNS = ["text", "question", "channel"]
PLAIN_THRESHOLD = 0.35
N_THEMES, N_DRAWS = 18, 4


def _gold() -> tuple[pd.DataFrame, list[set[str]]]:
    lines = data_path("demo", "gold", "units.jsonl").read_text(encoding="utf-8").splitlines()
    units = pd.DataFrame([json.loads(line) for line in lines if line])
    return units, [{*row.rubriques, row.posture, *row.piliers} for row in units.itertuples()]


def _shown(name: str, assigned: NDArray[np.bool_], targets: Array) -> dict[str, float]:
    figures = figures_of(assigned, targets, AXES)
    bare, wanted = ~assigned[:, AXES.rubriques].any(axis=1), ~targets[:, AXES.rubriques].any(axis=1)
    figures["no_code_f1"] = round(micro_f1(bare[:, None], wanted[:, None].astype(float)), 3)
    print(f"\n{name}: {figures}")
    return figures


def _calibration_error(probabilities: Array, targets: Array) -> float:
    """Mean gap of what is said and what is true, over ten bins of probability."""
    said, true = probabilities.ravel(), targets.ravel()
    bins = np.minimum((said * 10).astype(int), 9)
    return float(
        sum(
            abs(said[bins == at].mean() - true[bins == at].mean()) * (bins == at).mean()
            for at in set(bins.tolist())
        )
    )


def _plain(known: pd.DataFrame, targets: Array, asked: pd.DataFrame) -> Array:
    """Rubriques by the plain linear model: one logistic regression a code on vectors, characters, question and channel."""
    views = fit_features(known, n_terms={"characters": 20_000, "lemmas": 1})
    seen, new = (
        sparse.hstack(
            [sparse.csr_matrix(np.hstack([inputs.vectors, inputs.context])), inputs.terms],
            format="csr",
        )
        for inputs in (views.transform(known), views.transform(asked))
    )
    chances = [
        LogisticRegression(max_iter=200).fit(seen, column).predict_proba(new)[:, 1]
        for column in targets[:, AXES.rubriques].T
    ]
    return np.array(chances).T >= PLAIN_THRESHOLD


def test_each_workshop_of_the_example_study_left_out():
    passages, labels = load_passages()
    gold, gold_labels = _gold()
    assigned, targets, chances = [], [], []
    for workshop in sorted(gold["workshop"].unique()):
        asked = (gold["workshop"] == workshop).to_numpy()
        known = pd.concat([passages[COLUMNS], gold.loc[~asked, COLUMNS]], ignore_index=True)
        known_labels = labels + [
            put for put, is_asked in zip(gold_labels, asked, strict=True) if not is_asked
        ]
        is_shipped = np.arange(len(known)) < len(passages)
        tagger = GridTagger(GRID).fit(
            known,
            known_labels,
            [*passages["file"], *gold["workshop"][~asked]],
            remembered=is_shipped,
        )
        tagging = tagger.tag(gold[asked])
        targets.append(
            tagger.targets(
                [put for put, is_asked in zip(gold_labels, asked, strict=True) if is_asked]
            )
        )
        assigned.append(tagging.is_assigned)
        chances.append(tagging.probabilities)
        _shown(workshop, assigned[-1], targets[-1])
    figures = _shown("example study", np.vstack(assigned), np.vstack(targets))
    error = _calibration_error(np.vstack(chances), np.vstack(targets))
    print(f"expected calibration error {error:.3f}")
    assert figures["rubrique_micro_f1"] >= 0.75
    assert figures["rubrique_samples_f1"] >= 0.77
    assert figures["rubrique_macro_f1"] >= 0.68
    assert figures["posture_accuracy"] >= 0.87
    assert error <= 0.05


@pytest.mark.parametrize("file", ["amorce-5", "amorce-6"])
def test_a_file_of_minutes_left_out(file):
    passages, labels = load_passages()
    asked = (passages["file"] == file).to_numpy()
    known = passages[~asked]
    known_labels = [labels[place] for place in np.flatnonzero(~asked)]
    tagger = GridTagger(GRID).fit(
        known, known_labels, list(known["file"]), remembered=np.ones(len(known), dtype=bool)
    )
    every = tagger.targets(labels)
    figures = _shown(file, tagger.tag(passages[asked]).is_assigned, every[asked])
    plain = micro_f1(_plain(known, every[~asked], passages[asked]), every[asked][:, AXES.rubriques])
    print(f"plain linear model: {plain:.3f}")
    assert figures["rubrique_micro_f1"] >= max(0.62, plain)
    assert figures["no_code_f1"] >= 0.80


def test_definitions_alone_on_the_example_study():
    gold, labels = _gold()
    tagger = GridTagger(GRID)
    assert (
        _shown("definitions alone", tagger.tag(gold).is_assigned, tagger.targets(labels))[
            "rubrique_micro_f1"
        ]
        >= 0.45
    )


def test_definitions_of_codes_that_nothing_was_learnt_of():
    """Each family of rubriques by coefficients and a threshold learnt on the other families' codes and on themes."""
    gold, labels = _gold()
    matcher = DefinitionMatcher(GRID.axis("rubrique"), GRID.questions, load_background())
    grid_task, *themes = tasks_of(matcher, *learning_sample(*load_passages()))
    closeness, families = (
        matcher.closeness(gold),
        np.array([code.parent_id or code.code for code in matcher.codes]),
    )
    assigned = np.zeros(closeness.shape[:2], dtype=bool)
    for family in dict.fromkeys(families):
        left, kept = families == family, families != family
        task = dataclasses.replace(
            grid_task, closeness=grid_task.closeness[:, kept], targets=grid_task.targets[:, kept]
        )
        coefficients = fit_coefficients([task, *themes], exclusive=False)
        threshold = best_threshold(task, coefficients)
        assigned[:, left] = match(closeness, coefficients, exclusive=False)[:, left] >= threshold
    score = micro_f1(assigned, GridTagger(GRID).targets(labels)[:, AXES.rubriques])
    print(f"\ndefinitions of codes that nothing was learnt of: {score:.3f}")
    assert score >= 0.43


@pytest.mark.parametrize(
    ("file", "sizes"), [("amorce-2", (50, 100, 200)), ("frontieres-11", (50, 100, 200, 300))]
)
def test_another_grid_from_a_few_labelled_passages(file, sizes):
    passages, _ = load_passages()
    listed = {
        theme["id"]: theme
        for theme in yaml.safe_load(data_path("training", "themes-larges.yaml").read_text("utf-8"))[
            "themes"
        ]
    }
    about = passages[(passages["file"] == file) & passages["theme_large"].notna()]
    kept = [theme for theme, _ in Counter(about["theme_large"]).most_common(N_THEMES)]
    about = about[about["theme_large"].isin(kept)].reset_index(drop=True)
    codes = tuple(
        Code(theme, "rubrique", listed[theme]["libelle"], listed[theme]["description"])
        for theme in kept
    )
    print(f"\n{file}: {len(about)} passages of {len(kept)} themes")
    for size in sizes:
        pairs = np.array(
            [_few(Grid("themes", "1", codes, (), ()), about, size, draw) for draw in range(N_DRAWS)]
        )
        ours, plain = pairs.mean(axis=0)
        print(
            f"  {size} labelled: {ours:.3f}, character TF-IDF {plain:.3f}, least gain {(pairs[:, 0] - pairs[:, 1]).min():.3f}"
        )
        assert ours >= plain + 0.08


def _few(grid: Grid, about: pd.DataFrame, size: int, draw: int) -> Sequence[float]:
    """Micro-F1 on the passages that were not drawn, of the tagger and of the plain model at its better of two penalties."""
    order = np.random.default_rng(draw).permutation(len(about))
    known, asked = about.iloc[order[:size]], about.iloc[order[size:]]
    tagger = GridTagger(grid).fit(known[["text"]], [{theme} for theme in known["theme_large"]])
    ours = micro_f1(
        tagger.tag(asked[["text"]]).is_assigned,
        tagger.targets([{theme} for theme in asked["theme_large"]]),
    )
    counter = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    seen, new = counter.fit_transform(known["text"]), counter.transform(asked["text"])
    plain = [
        LogisticRegression(C=penalty, max_iter=300)
        .fit(seen, known["theme_large"])
        .score(new, asked["theme_large"])
        for penalty in (10, 100)
    ]
    return ours, max(plain)
