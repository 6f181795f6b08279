"""How alike themes come out when they are made again: as figures, and in plain French."""

import numpy as np
import pytest

from models.theme_model.communities import GroupingAgreement, mean_index, measure_agreement
from pipeline.cluster import vectors as cluster_vectors
from pipeline.cluster.vectors import agree_themes
from pipeline.settings.sections import ClusterSettings
from support.centring import centred

QUICK = ClusterSettings(n_resamples=6, n_repeats=4)


def groups(n_groups: int, per_group: int) -> np.ndarray:
    draw = np.random.default_rng(5)
    return centred(
        np.repeat(draw.normal(size=(n_groups, 20)), per_group, axis=0)
        + 0.3 * draw.normal(size=(n_groups * per_group, 20))
    )


def test_groups_that_stand_apart_come_out_the_same_and_noise_does_not():
    clear = measure_agreement(groups(6, 15), QUICK)
    noise = measure_agreement(centred(np.random.default_rng(1).normal(size=(90, 20))), QUICK)
    assert min(clear.over_seeds, clear.over_subsamples) > 0.95
    assert max(noise.over_seeds, noise.over_subsamples) < 0.7


def test_the_same_vectors_give_the_same_figures():
    assert measure_agreement(groups(4, 12), QUICK) == measure_agreement(groups(4, 12), QUICK)


@pytest.mark.parametrize(("n", "n_repeats"), [(29, 4), (60, 0), (60, 1)])
def test_too_few_vectors_or_runs_tell_nothing(n, n_repeats):
    settings = ClusterSettings(n_resamples=6, n_repeats=n_repeats)
    assert measure_agreement(groups(1, n), settings) is None
    assert agree_themes(groups(1, n), settings).empty


def test_a_large_study_is_measured_on_a_draw():
    assert measure_agreement(groups(5, 16), QUICK, most=50).n_vectors == 50


def test_runs_are_compared_on_what_both_drew():
    runs = [np.array([0, 0, 1, 1, -9]), np.array([1, 1, 0, -9, 0])]
    assert mean_index(runs) == 1.0


@pytest.mark.parametrize(
    ("index", "verdict"),
    [
        (0.95, "presque les mêmes."),
        (0.9, "presque les mêmes."),
        (0.7, "en gros les mêmes."),
        (0.3, "souvent autres : à relire avant de les citer."),
    ],
)
def test_figures_are_said_in_french(monkeypatch, index, verdict):
    monkeypatch.setattr(
        cluster_vectors,
        "measure_agreement",
        lambda *_, **__: GroupingAgreement(index, index, 20, 300),
    )
    rows = agree_themes(np.zeros((300, 2)), QUICK)
    assert list(rows["trial"]) == ["graines", "sous_echantillons"]
    assert rows["sentence"].str.endswith(f"les thèmes sont {verdict}").all()
    assert rows["sentence"].str.startswith("Refaits 20 fois").all()
