"""Ask whether the first priorities would be others: by another method, with free weights, without what came after the workshop.

In:   Standing of a scope; the same without mails and calls, and how many people wrote or called
Out:  rows of rank_checks, one a check; rows of late_effects, one a theme
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.i18n import _
from pipeline.rank.methods import OTHER_METHODS
from pipeline.rank.order import Standing, ranks_of, weighted_sum
from pipeline.rank.tally import Counts
from pipeline.words import Count, counted

N_FIRST = 5
_DECIMALS = 6


def check_rows(standing: Standing, weights: Counts, free_weights: Counts, without: Standing, n_late: int) -> list[dict[str, Any]]:
    """Return one row a check; `weights` (n_criteria,) are the settings', `free_weights` (n_draws, n_criteria) any."""
    found = {
        name: (places_by(method(standing.matrix(), weights)), said)
        for (name, method), said in zip(
            OTHER_METHODS.items(),
            (
                _("La méthode TOPSIS place {n} de ces {m} priorités parmi ses {m} premières."),
                _("La méthode VIKOR place {n} de ces {m} priorités parmi ses {m} premières."),
            ),
            strict=True,
        )
    }
    found["poids_libres"] = (
        places_by(_acceptability(standing, free_weights)),
        _("Avec des poids tirés au hasard, sans préférence, {n} de ces {m} priorités {n:=reste|restent} parmi les {m} premières."),
    )
    rows = [_row(standing, name, places, said) for name, (places, said) in found.items()]
    return [*rows, _late_row(standing, without, n_late)]


def late_rows(standing: Standing, without: Standing, theme_ids: list[str]) -> list[dict[str, Any]]:
    """Return, for each theme of the scope, its rank with and without what came after the workshop."""
    before = {int(theme): place for place, theme in enumerate(without.order, start=1)}
    rows = []
    for rank, theme in enumerate(standing.order, start=1):
        earlier = before.get(int(theme))
        ranks = {"rank_without": earlier, "rank_with": rank}
        rows.append({"scope": standing.scope, "theme_id": theme_ids[theme], **ranks, "sentence": _moved(earlier, rank)})
    return rows


def places_by(closeness: Counts) -> NDArray[np.int64]:
    """Rank of each alternative, 1 for the highest; ties keep their order."""
    return np.asarray(ranks_of(np.round(closeness, _DECIMALS)[None, :])[0])


def _acceptability(standing: Standing, free_weights: Counts) -> Counts:
    """Share of the draws of free weights and tables in which each theme is among the first; then the mean rank, to break ties."""
    drawn = {name: shares[1:, standing.order] for name, shares in standing.shares.items()}
    ranks = ranks_of(np.round(weighted_sum(drawn, free_weights), _DECIMALS))
    return np.asarray((ranks <= N_FIRST).mean(axis=0) - 1e-4 * ranks.mean(axis=0) / ranks.shape[1])


def _row(standing: Standing, name: str, places: NDArray[np.int64], said: str) -> dict[str, Any]:
    n_first = min(N_FIRST, len(places))
    n_common = int((places[:n_first] <= n_first).sum())
    return {
        "scope": standing.scope,
        "check": name,
        "n_first": n_first,
        "n_common": n_common,
        "agreement": _agreement(places),
        "sentence": _told(said, n_first, n=n_common),
    }


def _told(said: str, n_first: int, n: int = 0, **values: str) -> str:
    """`said` of the first priorities; a single theme has no order that another method could change."""
    if n_first == 1:
        return _("Un seul thème est classé : il n'y a pas d'ordre à vérifier.")
    return said.format(n=Count(n), m=n_first, **values)


def _agreement(places: NDArray[np.int64]) -> float:
    """Kendall's tau between the ranking, 1..n, and other places of the same themes, no two alike; 1 for a single theme.

    Counted here: scipy's was a fifth of the time, profiled, of ranking 134 workshops.
    """
    if len(places) < 2:
        return 1.0
    later = places[None, :] > places[:, None]
    n_pairs = len(places) * (len(places) - 1) // 2
    return round(float(2 * np.triu(later, 1).sum() / n_pairs - 1), _DECIMALS)


def _late_row(standing: Standing, without: Standing, n_late: int) -> dict[str, Any]:
    n_first = min(N_FIRST, len(standing.order))
    before = {int(theme): place for place, theme in enumerate(without.order, start=1)}
    last = len(standing.order)  # themes that were not heard before come after all others
    places = np.array([before.get(int(theme), last + place) for place, theme in enumerate(standing.order, start=1)])
    row = _row(standing, "a_distance", places, "")
    is_same = list(standing.order[:n_first]) == list(without.order[:n_first])
    n_new = n_first - row["n_common"]
    if not n_late:
        return row | {"sentence": _("Aucun passage d'un thème n'est connu pour être venu après l'atelier.")}
    if is_same:
        said = _("Ce qui a été écrit ou dit après l'atelier ne change pas l'ordre des {m} premières priorités.")
    elif not n_new:
        said = _("Ce qui a été écrit ou dit après l'atelier change l'ordre des {m} premières, sans en faire entrer d'autre.")
    else:
        said = _("Ce qui a été écrit ou dit après l'atelier fait entrer {new} parmi les {m} premiers.")
    return row | {"sentence": _told(said, n_first, new=counted(n_new, _("thème")))}


def _moved(earlier: int | None, rank: int) -> str:
    if earlier is None:
        return _("Le sujet n'est venu qu'après l'atelier.")
    if earlier == rank:
        return _("Ce qui est venu après l'atelier ne change pas son rang.")
    if earlier > rank:
        return _("Ce qui est venu après l'atelier le fait monter, du rang {before} au rang {after}.").format(before=earlier, after=rank)
    return _("Ce qui est venu après l'atelier le fait descendre, du rang {before} au rang {after}.").format(before=earlier, after=rank)
