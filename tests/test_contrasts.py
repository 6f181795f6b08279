"""Contrasts against what others published or compute otherwise: Lafon's specificity, Monroe's log-odds, false discoveries, a loud table."""

from fractions import Fraction
from math import comb, log, log10, sqrt

import numpy as np
import pytest
from benchmarks.contrasts import LAYOUTS, judged, naive, ours, simulate, without_circle
from scipy.stats import hypergeom

from pipeline.compare.counts import Counts, log_odds, specificity
from pipeline.compare.verdict import design_effects, judge, leave_out_loud_circles
from pipeline.settings.sections import CompareSettings
from pipeline.tables.schema import VERDICTS

# Ten discourses of Robespierre (Lafon, 1980), as textometry and lexicalStat distribute them
WORDS_OF_PARTS = [8395, 2558, 3920, 6903, 7896, 4555, 10142, 2063, 1084, 13933]
ROBESPIERRE = {
    "de": [464, 165, 194, 392, 398, 235, 509, 96, 58, 662],
    "peuple": [45, 18, 15, 14, 53, 30, 42, 16, 4, 59],
    "république": [35, 10, 16, 29, 29, 9, 21, 14, 2, 42],
    "ennemi": [30, 13, 11, 19, 22, 10, 16, 7, 2, 35],
    "patrie": [6, 5, 16, 8, 23, 10, 35, 8, 3, 39],
}


def robespierre() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    counts = np.array(list(ROBESPIERRE.values()), dtype=float)
    return (
        counts,
        counts.sum(axis=1, keepdims=True),
        np.array([WORDS_OF_PARTS], dtype=float),
        float(sum(WORDS_OF_PARTS)),
    )


def exact_tail(n: int, total: int, here: int, everything: int, *, upper: bool) -> float:
    """The hypergeometric tail summed in whole numbers."""
    terms = range(n, min(total, here) + 1) if upper else range(n + 1)
    term = comb(total, terms[0]) * comb(everything - total, here - terms[0])
    part = 0
    for k in terms:
        part += term
        term = term * (total - k) * (here - k) // ((k + 1) * (everything - total - here + k + 1))
    return float(Fraction(part, comb(everything, here)))


@pytest.mark.parametrize(
    "word",
    ["peuple", *(pytest.param(word, marks=pytest.mark.slow) for word in ("ennemi", "patrie"))],
)
def test_specificities_of_lafons_table_are_those_of_whole_numbers(word: str) -> None:
    counts, totals, here, everything = robespierre()
    row = list(ROBESPIERRE).index(word)
    found = specificity(counts, totals, here, everything)[row]
    for part, n in enumerate(ROBESPIERRE[word]):
        upper = n * everything >= totals[row, 0] * here[0, part]
        tail = exact_tail(
            n, int(totals[row, 0]), int(here[0, part]), int(everything), upper=bool(upper)
        )
        assert found[part] == pytest.approx((-1 if upper else 1) * log10(tail), abs=1e-6)


def test_lafons_reading_of_his_table_is_found_again() -> None:
    """« Peuple » is rare in the fourth discourse, « patrie » rare in the first and frequent in the seventh."""
    found = dict(zip(ROBESPIERRE, specificity(*robespierre()), strict=True))
    assert found["peuple"][3] < -3 and np.argmin(found["peuple"]) == 3
    assert (
        found["patrie"][0] < -3
        and np.argmin(found["patrie"]) == 0
        and np.argmax(found["patrie"]) == 6
    )


def test_specificities_equal_scipys_tails_over_random_tables() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 40, size=(30, 8)).astype(float)
    counts[:, -1] += 200
    totals, here = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    everything = counts.sum()
    found = specificity(counts, totals, here, everything)
    over = counts * everything >= totals * here
    expected = np.where(
        over,
        -hypergeom.logsf(counts - 1, everything, totals, here) / log(10),
        hypergeom.logcdf(counts, everything, totals, here) / log(10),
    )
    assert np.abs(found - expected).max() < 1e-6


def test_log_odds_are_those_of_monroe_and_others() -> None:
    """Formulas 15, 19, 20 and 22 of « Fightin' Words » worked by hand for one word of two groups."""
    counts = Counts(
        ["mot", "autre"],
        ["ici", "ailleurs"],
        np.array([0, 1]),
        np.array([100.0, 300.0]),
        np.array([[30.0, 70.0], [20.0, 280.0]]),
    )
    odds, z_score = log_odds(counts, 40.0)
    prior = 40 * 50 / 400
    expected = log((30 + prior) / (140 - 30 - prior)) - log((20 + prior) / (340 - 20 - prior))
    assert odds[0] == pytest.approx([expected, -expected])
    assert z_score[0, 0] == pytest.approx(expected / sqrt(1 / (30 + prior) + 1 / (20 + prior)))


def test_a_strong_prior_draws_log_odds_to_nought() -> None:
    counts = Counts(
        ["mot", "autre"],
        ["ici", "ailleurs"],
        np.array([0, 1]),
        np.array([10.0, 10.0]),
        np.array([[8.0, 2.0], [2.0, 8.0]]),
    )
    weak, strong = (abs(log_odds(counts, prior)[0]).max() for prior in (0.1, 1000.0))
    assert strong < 0.05 < 1 < weak


def test_a_table_out_of_proportion_is_not_heard_on_its_subject_and_on_it_alone() -> None:
    said = np.column_stack(
        [[30.0, 2, 1, 3, 2, 1], *[np.roll([3.0, 2, 4, 3, 2, 3], turn) for turn in range(6)]]
    )
    counts = Counts(
        [f"s{n}" for n in range(7)], ["ici"], np.zeros(6, dtype=int), said.sum(axis=1), said
    )
    heard = leave_out_loud_circles(counts)
    assert heard.by_circle[:, 0].tolist() == [0, 2, 1, 3, 2, 1] and heard.sizes[0, 0] == 0
    assert (heard.by_circle[:, 1:] == said[:, 1:]).all() and (
        heard.sizes[1:] == counts.sizes[1:, None]
    ).all()


def test_tables_of_a_territory_that_all_insist_are_all_heard() -> None:
    said = np.array([[12.0, 8.0]] * 4 + [[0.0, 20.0]] * 4)
    counts = Counts(
        ["propre", "reste"], ["ici", "ailleurs"], np.repeat([0, 1], 4), said.sum(axis=1), said
    )
    assert (leave_out_loud_circles(counts).by_circle == said).all()


def test_the_design_effect_is_one_for_even_circles_and_grows_where_some_say_it_over_and_over() -> (
    None
):
    said = np.column_stack([np.full(12, 3.0), np.tile([6.0, 0.0], 6), np.full(12, 2.0)])
    counts = Counts(
        ["pareil", "par à-coups", "reste"],
        ["ici", "ailleurs"],
        np.repeat([0, 1], 6),
        np.full(12, 20.0),
        said,
    )
    effects = design_effects(counts, leave_out_loud_circles(counts))
    assert (
        effects.effect[0, 0] == 1.0 and effects.effect[1, 0] > 3 and (effects.freedom == 10).all()
    )


def test_subjects_lend_each_other_what_they_tell_of_tables() -> None:
    """Twenty subjects of one law: the design effect of each comes near the law's, from more degrees of freedom than its own circles."""
    counts, _ = simulate(np.random.default_rng(3), (8, 8, 8), planted=0, loud=False)
    effects = design_effects(counts, leave_out_loud_circles(counts))
    assert np.median(effects.freedom) > 40 and effects.effect.std() < 0.35


def _judged(said: list[list[float]], place: list[int], sizes: list[float]) -> np.ndarray:
    matrix = np.array(said)
    counts = Counts(
        [f"s{n}" for n in range(matrix.shape[1])],
        ["a", "b"],
        np.array(place),
        np.array(sizes),
        matrix,
    )
    n_tables = counts.by_territory((matrix > 0).astype(float)).T
    return judge(
        counts, n_tables, np.bincount(place).astype(float)[None, :], CompareSettings()
    ).verdict


@pytest.mark.parametrize("loud", [10.0, 40.0, 200.0])
def test_a_lone_loud_table_gives_no_verdict_in_either_territory(loud: float) -> None:
    said = [[loud, 15.0], *[[0.0, 15.0]] * 9]
    verdict = _judged(said, [0] * 3 + [1] * 7, [loud + 15.0] + [15.0] * 9)
    assert not np.isin(verdict[0], VERDICTS[:2]).any()


def test_what_several_tables_say_is_affirmed() -> None:
    verdict = _judged([[6.0, 14.0]] * 6 + [[0.0, 20.0]] * 6, [0] * 6 + [1] * 6, [20.0] * 12)
    assert verdict[0].tolist() == list(VERDICTS[:2])


def _with_false(method, held: tuple[int, ...], n_studies: int) -> float:
    found = [
        method(simulate(np.random.default_rng([9, number]), held, planted=0)[0])
        for number in range(n_studies)
    ]
    return float(np.mean([(verdict == VERDICTS[0]).any() for verdict in found]))


def test_territories_that_do_not_differ_are_seldom_said_to_where_sentences_would_say_it_each_time() -> (
    None
):
    held = LAYOUTS["3 territoires de 5, 6 et 7 tables"]
    assert _with_false(ours, held, 25) <= 0.05
    assert _with_false(naive, held, 3) == 1.0


def test_what_is_affirmed_does_not_rest_on_any_one_table() -> None:
    """Without each table in turn, what is affirmed is still affirmed, or at least a lead."""
    n_affirmed = 0
    for number in range(3):
        counts, _ = simulate(np.random.default_rng([4, number]), (6, 7, 8), planted=6, times=8.0)
        more = ours(counts) == VERDICTS[0]
        n_affirmed += more.sum()
        for circle in range(len(counts.territory_index)):
            found = judged(without_circle(counts, circle))
            assert (found.is_lead | (found.verdict == VERDICTS[0]))[more].all()
    assert n_affirmed > 2


def test_a_lead_is_never_an_affirmed_cell_nor_said_to_be_alike() -> None:
    found = [
        judged(simulate(np.random.default_rng([6, number]), (2, 5, 6, 7), planted=6)[0])
        for number in range(10)
    ]
    leads = np.concatenate([one.verdict[one.is_lead] for one in found])
    assert len(leads) > 5 and set(leads) == {VERDICTS[3]}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_layout_of_territories_gives_more_false_verdicts_than_the_rate_allows(
    layout: str,
) -> None:
    """At most 5 %, with two standard errors of 300 studies."""
    assert _with_false(ours, LAYOUTS[layout], 300) <= 0.05 + 2 * sqrt(0.05 * 0.95 / 300)
