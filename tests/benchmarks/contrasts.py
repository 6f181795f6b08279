"""Verdicts on studies made by a known model: false "plus présent", power against size, a talkative table; beside a chi-square on sentences.

Tables of a territory share its rates but each has its own bent (Dirichlet, concentration 25), table sizes vary (log-normal), and one
table of the study, drawn by lot, says one thing 30 times more. Run it as a script: `PYTHONPATH=. python tests/benchmarks/contrasts.py`.
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from pipeline.compare.counts import Counts
from pipeline.compare.verdict import judge
from pipeline.settings import CompareSettings
from pipeline.tables import VERDICTS

N_THEMES, PLANTED = 20, 6
LAYOUTS = {
    "3 territoires de 5, 6 et 7 tables": (5, 6, 7),
    "3 territoires de 10, 12 et 14 tables": (10, 12, 14),
    "6 territoires de 3 à 10 tables": (3, 4, 5, 6, 8, 10),
    "12 territoires de 4 tables": (4,) * 12,
}


@dataclass(frozen=True)
class Figures:
    """Over studies: with a false "plus présent", false ones among those affirmed, power, with a verdict on the loud table's subject."""

    any_false: float
    false_share: float
    power: float
    loud: float


def simulate(
    rng: np.random.Generator, held: tuple[int, ...], *, planted: int, times: float = 4.0, loud: bool = True
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
    said = np.array([rng.multinomial(size, rng.dirichlet(25 * rates[where] + 1e-9)) for size, where in zip(sizes, place, strict=True)])
    if loud:
        said[rng.integers(len(place)), -1] += 30
    names = [f"t{theme:02d}" for theme in range(N_THEMES)]
    return Counts(names, [f"p{n:02d}" for n in range(len(held))], place, said.sum(axis=1).astype(float), said.astype(float)), truth


def ours(counts: Counts) -> NDArray:
    """The verdicts of the comparison."""
    n_tables = counts.by_territory((counts.said > 0).astype(float)).T
    n_held = np.bincount(counts.place).astype(float)[None, :]
    return judge(counts, n_tables, n_held, CompareSettings()).verdict


def naive(counts: Counts) -> NDArray:
    """A chi-square on sentences, each cell by itself at 5 %."""
    verdict = np.full(counts.n_units.shape, VERDICTS[2], dtype=object)
    for theme, where in np.ndindex(*verdict.shape):
        n, of_theme, here = counts.n_units[theme, where], counts.n_subject[theme, 0], counts.n_here[0, where]
        table = np.array([[n, here - n], [of_theme - n, counts.n_all - here - of_theme + n]])
        if of_theme and chi2_contingency(table)[1] <= 0.05:
            verdict[theme, where] = VERDICTS[0] if n * counts.n_all > of_theme * here else VERDICTS[1]
    return verdict


def measure(method, held: tuple[int, ...], *, planted: int, n_studies: int, seed: int = 0, times: float = 4.0) -> Figures:
    """The figures of `method` over `n_studies` studies."""
    rows = []
    for number in range(n_studies):
        counts, truth = simulate(np.random.default_rng([seed, number]), held, planted=planted, times=times)
        verdict = method(counts)
        more = verdict == VERDICTS[0]
        n_false = int((more & ~truth).sum())
        loud = np.isin(verdict[-1], VERDICTS[:2]).any()
        rows.append((n_false > 0, n_false / max(1, more.sum()), (more & truth).sum() / max(1, planted), loud))
    return Figures(*np.mean(rows, axis=0).tolist())


def main(n_studies: int) -> None:
    """Print both methods side by side, then the power by what was planted."""
    for name, held in LAYOUTS.items():
        for planted in (0, PLANTED):
            for label, method in (("atelier", ours), ("χ² sur phrases", naive)):
                told = measure(method, held, planted=planted, n_studies=n_studies)
                print(
                    f"{name} | {planted} plantés | {label} | études avec un faux {told.any_false:.3f} | faux parmi les affirmés "
                    f"{told.false_share:.3f} | puissance {told.power:.2f} | table bavarde {told.loud:.3f}",
                    flush=True,
                )
    for n_tables in (4, 6, 8, 12, 16):
        powers = [measure(ours, (n_tables,) * 3, planted=3, n_studies=n_studies // 3, times=times).power for times in (2.0, 4.0, 8.0)]
        print(f"3 territoires de {n_tables} tables | puissance ×2, ×4, ×8 : " + ", ".join(f"{power:.2f}" for power in powers), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
