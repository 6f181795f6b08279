"""Figures of the shipped tagger on the example study, none of whose labels it has seen; `make bench` prints them."""

import json
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from models.embedder import load_engine
from models.registry import load_tagger
from models.tagger import GridTagger
from models.tagger.decision import Axes, micro_f1
from models.tagger.features import Array, Mask
from models.tagger.learning import figures_of
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.settings.sections import EmbedSettings, TagSettings
from pipeline.tag import tag_units

pytestmark = pytest.mark.slow

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
AXES = Axes.of(GRID)
N_DRAWS = 1000


@pytest.fixture(scope="module")
def gold() -> pd.DataFrame:
    """The gold passages of the example study, with the set of their codes."""
    lines = data_path("demo", "gold", "units.jsonl").read_text(encoding="utf-8").splitlines()
    passages = pd.DataFrame([json.loads(line) for line in lines if line])
    passages["codes"] = [
        {*row.rubriques, row.posture, *row.piliers} for row in passages.itertuples()
    ]
    return passages


@pytest.mark.parametrize(
    ("model", "least"), [("amorce", 0.72), ("amorce-fort", 0.72), ("definitions", 0.42)]
)
def test_rubriques_of_the_example_study(gold, model, least):
    tagger = load_tagger(GRID, settings=TagSettings(model=model))
    assigned, targets = tagger.tag(gold).is_assigned, tagger.targets(list(gold["codes"]))
    print(f"\n{tagger.version_}, {len(gold)} passages: {figures_of(assigned, targets, AXES)}")
    for workshop in sorted(gold["workshop"].unique()):
        rows = (gold["workshop"] == workshop).to_numpy()
        print(f"  {workshop}: {figures_of(assigned[rows], targets[rows], AXES)}")
    if model != "definitions":
        _print_codes(tagger, assigned, targets)
    assert micro_f1(assigned[:, AXES.rubriques], targets[:, AXES.rubriques]) >= least


def test_without_question_and_channel(gold):
    tagger = load_tagger(GRID, settings=TagSettings())
    assigned, targets = tagger.tag(gold[["text"]]).is_assigned, tagger.targets(list(gold["codes"]))
    print(f"\ntext alone: {figures_of(assigned, targets, AXES)}")
    assert micro_f1(assigned[:, AXES.rubriques], targets[:, AXES.rubriques]) >= 0.62


def test_seconds_for_the_whole_example(gold):
    """Seconds tell of the machine too: printed, not bounded. The encoder's are shared by every stage that needs its vectors."""
    tagger = load_tagger(GRID, settings=TagSettings())
    encoding = _seconds(lambda: load_engine(EmbedSettings()).encode(gold["text"]))
    tagger.tag(gold)  # the encoder remembers what it has encoded
    own = _seconds(lambda: tag_units(gold, tagger=tagger, grid=GRID, settings=TagSettings()))
    print(f"\n{len(gold)} passages: {encoding:.1f} s of processor to encode, {own:.1f} s to tag")
    assert encoding > 0 < own


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _print_codes(tagger: GridTagger, assigned: Mask, targets: Array) -> None:
    """F1 of each code with its 95 % interval over resampled passages."""
    draws = np.random.default_rng(0).integers(0, len(targets), (N_DRAWS, len(targets)))
    for column, code in enumerate(tagger.classes_):
        scores = [
            micro_f1(assigned[rows][:, [column]], targets[rows][:, [column]]) for rows in draws
        ]
        low, high = np.percentile(scores, [2.5, 97.5])
        score, n_passages = (
            micro_f1(assigned[:, [column]], targets[:, [column]]),
            int(targets[:, column].sum()),
        )
        print(f"  {code}: {n_passages} passages, F1 {score:.2f} [{low:.2f}, {high:.2f}]")
