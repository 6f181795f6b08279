"""The tagger and the theme model keep scikit-learn's contract, but for what is listed here."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from models.tagger import GridTagger
from models.theme_model import ThemeModel
from pipeline.grid.codes import Code, Grid
from pipeline.settings.sections import ClusterSettings

NAMES = ("repas", "attente", "parking")
GRID = Grid(
    "hopital",
    "1",
    tuple(Code(name, "rubrique", name, f"Tout ce qui touche : {name}.") for name in NAMES),
    (),
    (),
)

# Check → why the estimator fails it. A check that passes in spite of that fails the test.
OF_THE_THEME_MODEL = {
    "check_fit_score_takes_y": "the second argument of fit is `embeddings`: contract 3 of the design",
}
# Nor is the tagger itself asked for a `y`: its second argument is `labels`, by the same contract.
OF_THE_TAGGER: dict[str, str] = {}


class NumbersTagger(GridTagger):
    """A tagger that reads rows of numbers as passages of invented words.

    scikit-learn checks estimators on arrays of numbers, and skips all but one check for those that
    say, as the tagger does, that they read text; so the tagger is checked behind this reader.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags

    def fit(self, X: Any, y: Any) -> "NumbersTagger":  # noqa: N803  scikit-learn's name
        rows, targets = validate_data(self, X, y)
        super().fit(as_passages(rows), [{NAMES[int(value) % len(NAMES)]} for value in targets])
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        passages = as_passages(validate_data(self, X, reset=False))
        return self.tag(passages).is_assigned.astype(int)

    def predict_proba(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        return super().predict_proba(as_passages(validate_data(self, X, reset=False)))


def as_passages(rows: np.ndarray) -> pd.DataFrame:
    """One passage a row: a word a column, one letter for how large its number is."""
    letters = "abcdefghij"
    levels = np.clip(np.asarray(rows, dtype=float) * 2 + 5, 0, 9).astype(int)
    return pd.DataFrame(
        {"text": [" ".join(f"m{i}{letters[n]}" for i, n in enumerate(row)) for row in levels]}
    )


def failures(estimator: Any) -> dict[str, str]:
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 40
    return {
        result["check_name"]: f"{type(result['exception']).__name__} {result['exception']}"
        for result in results
        if result["status"] == "failed"
    }


@pytest.mark.filterwarnings("ignore")
def test_the_theme_model_passes_the_checks():
    found = failures(ThemeModel(ClusterSettings(n_resamples=8)))
    assert set(found) == set(OF_THE_THEME_MODEL), found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_tagger_passes_the_checks():
    check_estimator(GridTagger(GRID))
    found = failures(NumbersTagger(GRID))
    assert set(found) == set(OF_THE_TAGGER), found


@pytest.mark.parametrize("estimator", [GridTagger(GRID), ThemeModel(ClusterSettings())])
def test_parameters_are_kept_as_given_and_cloned(estimator):
    parameters = estimator.get_params(deep=False)
    assert all(getattr(estimator, name) is value for name, value in parameters.items())
    assert clone(estimator).get_params(deep=False) == parameters
    assert re.match(type(estimator).__name__, repr(estimator))
