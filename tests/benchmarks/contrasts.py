"""Verdicts on studies made by a known model: false "plus présent", power against size, a talkative table; beside a chi-square on sentences.

Tables of a territory share its rates but each has its own bent (Dirichlet, concentration 25), table sizes vary (log-normal), and one
table of the study, drawn by lot, says one thing 30 times more. A verdict rests on that table where the study without it does not
have it. Run it as a script: `PYTHONPATH=. python tests/benchmarks/contrasts.py`.
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from pipeline.compare.counts import Counts
from pipeline.compare.verdict import Verdicts, judge
from pipeline.settings.sections import CompareSettings
from pipeline.tables.schema import VERDICTS

N_THEMES, PLANTED = 20, 6
LAYOUTS = {
    "3 territoires de 5, 6 et 7 tables": (5, 6, 7),
    "3 territoires de 10, 12 et 14 tables": (10, 12, 14),
    "6 territoires de 3 à 10 tables": (3, 4, 5, 6, 8, 10),
    "12 territoires de 4 tables": (4,) * 12,
}


@dataclass(frozen=True)
class Figures:
    """Over studies: with a false "plus présent", false ones among those affirmed, power; with a verdict that rests on the loud table,
    and a "moins présent" on a theme that differs nowhere; leads a study, and those that are true."""

    any_false: float
    false_share: float
    power: float
    loud: float
    false_less: float
    leads: float = 0.0
    true_leads: float = 0.0


def simulate(
    rng: np.random.Generator,
    held: tuple[int, ...],
    *,
    planted: int,
    times: float = 4.0,
    loud: bool = True,
    concentration: float = 25.0,
) -> tuple[Counts, NDArray]:
    """Counts of a study, and where a theme was planted, `times` more said: (n_themes, n_territories); the last is the loud table's."""
    place = np.repeat(np.arange(len(held)), held)
    rates = np.tile(rng.dirichlet(np.full(N_THEMES, 2.0)), (len(held), 1))
    truth = np.zeros((N_THEMES, len(held)), dtype=bool)
    for theme in range(planted):
        rates[theme % len(held), theme] *= times
        truth[theme, theme % len(held)] = True
    rates /= rates.sum(axis=1, keepdims=True)
    sizes = np.maximum(3, rng.lognormal(np.log(15), 0.5, len(place)).astype(int))
    said = np.array(
        [
            rng.multinomial(size, rng.dirichlet(concentration * rates[where] + 1e-9))
            for size, where in zip(sizes, place, strict=True)
        ]
    )
    if loud:
        said[rng.integers(len(place)), -1] += 30
    names = [f"t{theme:02d}" for theme in range(N_THEMES)]
    return Counts(
        names,
        [f"p{n:02d}" for n in range(len(held))],
        place,
        said.sum(axis=1).astype(float),
        said.astype(float),
    ), truth


def judged(counts: Counts) -> Verdicts:
    """What the comparison says."""
    n_tables = counts.by_territory((counts.by_circle > 0).astype(float)).T
    n_held = np.bincount(counts.territory_index, minlength=len(counts.territories)).astype(float)[
        None, :
    ]
    return judge(counts, n_tables, n_held, CompareSettings())


def ours(counts: Counts) -> NDArray:
    """The verdicts of the comparison."""
    return judged(counts).verdict


def naive(counts: Counts) -> NDArray:
    """A chi-square on sentences, each cell by itself at 5 %."""
    verdict = np.full(counts.n_units.shape, VERDICTS[2], dtype=object)
    for theme, where in np.ndindex(*verdict.shape):
        n, of_theme, here = (
            counts.n_units[theme, where],
            counts.n_subject[theme, 0],
            counts.n_here[0, where],
        )
        table = np.array([[n, here - n], [of_theme - n, counts.n_all - here - of_theme + n]])
        if of_theme and chi2_contingency(table)[1] <= 0.05:
            verdict[theme, where] = (
                VERDICTS[0] if n * counts.n_all > of_theme * here else VERDICTS[1]
            )
    return verdict


def measure(
    method,
    held: tuple[int, ...],
    *,
    planted: int,
    n_studies: int,
    seed: int = 0,
    times: float = 4.0,
    concentration: float = 25.0,
) -> Figures:
    """The figures of `method` over `n_studies` studies."""
    rows = []
    for number in range(n_studies):
        told = {"planted": planted, "times": times, "concentration": concentration}
        counts, truth = simulate(np.random.default_rng([seed, number]), held, **told)
        verdict = method(counts)
        more, less = verdict == VERDICTS[0], verdict == VERDICTS[1]
        n_false = int((more & ~truth).sum())
        row = [
            n_false > 0,
            n_false / max(1, more.sum()),
            (more & truth).sum() / max(1, planted),
            False,
        ]
        row.append((less & ~truth.any(axis=1, keepdims=True)).any())
        if (more | less)[-1].any():
            quiet = simulate(np.random.default_rng([seed, number]), held, loud=False, **told)[0]
            without = method(without_circle(counts, int((counts.sizes - quiet.sizes).argmax())))
            row[3] = ((more | less)[-1] & (without[-1] != verdict[-1])).any()
        if method is ours:
            is_lead = judged(counts).is_lead
            row += [is_lead.sum(), (is_lead & truth).sum()]
        rows.append(row)
    return Figures(*np.mean(rows, axis=0).tolist())


def without_circle(counts: Counts, circle: int) -> Counts:
    """`counts` as if that table had not been there."""
    parts = (
        np.delete(column, circle, axis=0)
        for column in (counts.territory_index, counts.sizes, counts.by_circle)
    )
    return Counts(counts.subject_ids, counts.territories, *parts)


def main(n_studies: int) -> None:
    """Print both methods side by side, then the power by what was planted."""
    for name, held in LAYOUTS.items():
        for planted in (0, PLANTED):
            for label, method in (("atelier", ours), ("χ² sur phrases", naive)):
                told = measure(method, held, planted=planted, n_studies=n_studies)
                print(
                    f"{name} | {planted} plantés | {label} | études avec un faux {told.any_false:.3f} | faux parmi les affirmés "
                    f"{told.false_share:.3f} | puissance {told.power:.2f} | dû à la seule table bavarde {told.loud:.3f} | "
                    f"études avec un faux « moins » {told.false_less:.3f} | "
                    f"pistes par étude {told.leads:.2f}, dont vraies {told.true_leads:.2f}",
                    flush=True,
                )
    for concentration in (8.0, 100.0):
        for planted in (0, PLANTED):
            told = measure(
                ours, (5, 6, 7), planted=planted, n_studies=n_studies, concentration=concentration
            )
            print(
                f"3 territoires de 5, 6 et 7 tables, concentration {concentration} | {planted} plantés | {told}",
                flush=True,
            )
    for n_tables in (4, 6, 8, 12, 16):
        powers = [
            measure(ours, (n_tables,) * 3, planted=3, n_studies=n_studies // 3, times=times).power
            for times in (2.0, 4.0, 8.0)
        ]
        print(
            f"3 territoires de {n_tables} tables | puissance ×2, ×4, ×8 : "
            + ", ".join(f"{power:.2f}" for power in powers),
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
