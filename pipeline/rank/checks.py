"""Check the first priorities: other methods, free weights, no late contributions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.rank.criteria import Counts
from pipeline.rank.order import DECIMALS, ScopeRanking, ranks_of, weighted_sum
from pipeline.text import Count, counted

N_FIRST = 5
_MAJORITY = 0.5  # VIKOR's weight of the sum of regrets; the rest is the worst one's
_METHOD = "La méthode {name} place {{n}} de ces {{m}} priorités parmi ses {{m}} premières."
_FREE_WEIGHTS = (
    "Avec des poids tirés au hasard, sans préférence, {n} de ces {m} priorités {n:=reste|restent} "
    "parmi les {m} premières."
)
_NO_LATE = "Aucun passage d'un thème n'est connu pour être venu à distance."
_SAME_ORDER = (
    "Ce qui a été écrit ou dit à distance ne change pas l'ordre des {m} premières priorités."
)
_OTHER_ORDER = (
    "Ce qui a été écrit ou dit à distance change l'ordre des {m} premières, "
    "sans en faire entrer d'autre."
)
_NEW_FIRST = "Ce qui a été écrit ou dit à distance fait entrer {new} parmi les {m} premiers."


def check_rows(
    ranking: ScopeRanking,
    weights: Counts,
    free_weights: Counts,
    early: ScopeRanking,
    n_late: int,
) -> list[dict[str, Any]]:
    """Return one row a check; `weights` is (n_criteria,), `free_weights` (n_draws, n_criteria).

    `early` is the ranking without the `n_late` voices after the workshop.
    """
    criteria = ranking.matrix()
    methods = (
        ("topsis", topsis(criteria, weights), _METHOD.format(name="TOPSIS")),
        ("vikor", vikor(criteria, weights), _METHOD.format(name="VIKOR")),
        ("poids_libres", _acceptability(ranking, free_weights), _FREE_WEIGHTS),
    )
    rows = [
        _row(ranking, check, places_by(closeness - ranking.behind()), sentence)
        for check, closeness, sentence in methods
    ]
    return [*rows, _late_row(ranking, early, n_late)]


def late_rows(
    ranking: ScopeRanking, early: ScopeRanking, theme_ids: list[str]
) -> list[dict[str, Any]]:
    """Return each theme's rank with and without late contributions."""
    rank_before = {int(theme): rank for rank, theme in enumerate(early.order, start=1)}
    return [
        {
            "scope": ranking.scope,
            "theme_id": theme_ids[theme],
            "rank_without": rank_before.get(int(theme)),
            "rank_with": rank,
            "sentence": _move_sentence(rank_before.get(int(theme)), rank),
        }
        for rank, theme in enumerate(ranking.order, start=1)
    ]


def topsis(criteria: Counts, weights: Counts) -> Counts:
    """Return closeness to the ideal, 0..1; 0 where all alternatives are alike."""
    weighted = weights / weights.sum() * _divide(criteria, np.linalg.norm(criteria, axis=0))
    to_best = np.linalg.norm(weighted - weighted.max(axis=0), axis=1)
    to_worst = np.linalg.norm(weighted - weighted.min(axis=0), axis=1)
    return _divide(to_worst, to_best + to_worst)


def vikor(criteria: Counts, weights: Counts) -> Counts:
    """Return one minus VIKOR's Q: 1 for the best compromise; constant criteria don't count."""
    best, spread = criteria.max(axis=0), np.ptp(criteria, axis=0)
    regrets = weights / weights.sum() * _divide(best - criteria, spread)
    summed, worst = (
        _divide(part - part.min(), np.ptp(part))
        for part in (regrets.sum(axis=1), regrets.max(axis=1))
    )
    return 1 - (_MAJORITY * summed + (1 - _MAJORITY) * worst)


def _divide(numerator: Counts, denominator: Counts | float) -> Counts:
    is_positive = np.asarray(denominator) > 0
    return np.asarray(np.where(is_positive, numerator / np.where(is_positive, denominator, 1), 0))


def places_by(closeness: Counts) -> NDArray[np.int64]:
    """Return the rank of each alternative, 1 for the highest; ties keep their order."""
    return np.asarray(ranks_of(np.round(closeness, DECIMALS)[None, :])[0])


def _acceptability(ranking: ScopeRanking, free_weights: Counts) -> Counts:
    """The share of draws where each theme is among the first; the mean rank breaks ties."""
    drawn = {name: shares[1:, ranking.order] for name, shares in ranking.shares.items()}
    scores = np.round(weighted_sum(drawn, free_weights), DECIMALS)
    ranks = ranks_of(scores - ranking.behind())
    return np.asarray((ranks <= N_FIRST).mean(axis=0) - 1e-4 * ranks.mean(axis=0) / ranks.shape[1])


def _row(
    ranking: ScopeRanking, check: str, ranks: NDArray[np.int64], sentence: str
) -> dict[str, Any]:
    n_first = min(N_FIRST, len(ranks))
    n_common = int((ranks[:n_first] <= n_first).sum())
    is_alone = n_first == 1 and sentence != _NO_LATE
    return {
        "scope": ranking.scope,
        "check": check,
        "n_first": n_first,
        "n_common": n_common,
        "agreement": kendall_tau(ranks),
        "sentence": "Un seul thème est classé : il n'y a pas d'ordre à vérifier."
        if is_alone
        else sentence.format(
            n=Count(n_common), m=n_first, new=counted(n_first - n_common, "thème")
        ),
    }


def _late_row(ranking: ScopeRanking, early: ScopeRanking, n_late: int) -> dict[str, Any]:
    n_first = min(N_FIRST, len(ranking.order))
    rank_before = {int(theme): rank for rank, theme in enumerate(early.order, start=1)}
    n_heard = len(ranking.order)  # new themes come after all others
    ranks = np.array(
        [
            rank_before.get(int(theme), n_heard + rank)
            for rank, theme in enumerate(ranking.order, start=1)
        ]
    )
    if not n_late:
        sentence = _NO_LATE
    elif list(ranking.order[:n_first]) == list(early.order[:n_first]):
        sentence = _SAME_ORDER
    else:
        sentence = _OTHER_ORDER if (ranks[:n_first] <= n_first).all() else _NEW_FIRST
    return _row(ranking, "a_distance", ranks, sentence)


def kendall_tau(ranks: NDArray[np.int64]) -> float:
    """Return Kendall's tau between 1..n and `ranks`, without ties; 1 for a single theme.

    Scipy's took a fifth of the time of ranking 134 workshops.
    """
    if len(ranks) < 2:
        return 1.0
    n_agreeing = np.triu(ranks[None, :] > ranks[:, None], 1).sum()
    n_pairs = len(ranks) * (len(ranks) - 1) // 2
    return round(float(2 * n_agreeing / n_pairs - 1), DECIMALS)


def _move_sentence(rank_before: int | None, rank: int) -> str:
    if rank_before is None:
        return "Le sujet n'est venu qu'à distance."
    if rank_before == rank:
        return "Ce qui est venu à distance ne change pas son rang."
    way = "monter" if rank_before > rank else "descendre"
    return f"Ce qui est venu à distance le fait {way}, du rang {rank_before} au rang {rank}."
