"""Order the themes of a scope by weighted score, and measure how their ranks move over the draws.

In:   the draws of each criterion and of the weights
Out:  Standing: who is heard, in order, with scores and ranks; rows of priorities

Other ways to rank on the same criteria and weights, to cross-check the weighted sum with.

Rank themes by other weights without counting again: what depends on the tables and the seed is counted once.

Ask whether the first priorities would be others: by another method, with free weights, without what came after the workshop.

What each criterion of a priority counted, and how sure its place is, each in one sentence that can be checked against the notes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import Circles, circles_of
from pipeline.rank.criteria import CRITERIA, Counts, Tally, facts_of, shares_of, tally_workshop
from pipeline.settings.stages import RankSettings, RankWeights
from pipeline.tables.material import ATTENDANCE
from pipeline.tables.results import PRIORITIES
from pipeline.text import Count, counted

DEPTHS = (1, 3, 5)
_DECIMALS = 6  # a score is compared and written with as many, so that the last bit of a sum never decides a rank
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Standing:
    """The themes heard in a scope, best first: `order` (n_heard,) positions of themes, `shares` by criterion, `ranks` over the draws."""

    scope: str
    order: NDArray[np.int64]
    shares: dict[str, Counts]  # (n_draws + 1, n_themes)
    scores: Counts  # likewise
    ranks: NDArray[np.int64]  # (n_draws, n_heard), in `order`

    @classmethod
    def of(
        cls, scope: str, shares: dict[str, Counts], heard: NDArray[np.int64], weights: Counts
    ) -> "Standing":
        """Rank the themes at `heard` by the first row of `weights` (n_draws + 1, n_criteria).

        Ties go to more tables, then rapporteurs, then theme_id. Passages never decide: a table that talks more lifts nothing.
        """
        scores = np.round(weighted_sum(shares, weights), _DECIMALS)
        keys = (
            heard,
            -shares["c_rapporteurs"][0, heard],
            -shares["c_tables"][0, heard],
            -scores[0, heard],
        )
        order = heard[np.lexsort(keys)]
        return cls(scope, order, shares, scores, ranks_of(scores[1:, order]))

    def matrix(self) -> Counts:
        """The criteria as observed, (n_heard, n_criteria)."""
        return np.stack([self.shares[name][0, self.order] for name in CRITERIA], axis=1)

    def rows(self, theme_ids: list[str]) -> list[dict[str, Any]]:
        """Rows of priorities, best first."""
        lows, highs = np.quantile(self.ranks, _INTERVAL, axis=0, method="inverted_cdf").astype(int)
        chances = {f"p_top{n}": (self.ranks <= n).mean(axis=0) for n in DEPTHS}
        return [
            {
                "scope": self.scope,
                "theme_id": theme_ids[theme],
                "rank": place + 1,
                "score": float(np.clip(self.scores[0, theme], 0, 1)),
                **{name: round(float(self.shares[name][0, theme]), _DECIMALS) for name in CRITERIA},
                **{name: float(chance[place]) for name, chance in chances.items()},
                "rank_low": min(int(lows[place]), place + 1),
                "rank_high": max(int(highs[place]), place + 1),
            }
            for place, theme in enumerate(self.order)
        ]


def weighted_sum(shares: dict[str, Counts], weights: Counts) -> Counts:
    """(n_draws + 1, n_themes): each row with its own weights."""
    return np.asarray(
        sum(weights[:, [place]] * shares[name] for place, name in enumerate(CRITERIA))
    )


def ranks_of(scores: Counts) -> NDArray[np.int64]:
    """Rank of each column in each row, 1 for the highest score; ties keep the columns' order. (n_draws, n_themes)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(
        ranks, order, np.arange(1, scores.shape[1] + 1)[None, :].repeat(len(scores), axis=0), axis=1
    )
    return ranks


Matrix = NDArray[np.float64]

_MAJORITY = 0.5  # VIKOR's weight of the summed regrets against the worst one


def topsis(criteria: Matrix, weights: Matrix) -> Matrix:
    """Nearness to the ideal against the anti-ideal, 0..1; 0 where no criterion tells two alternatives apart."""
    weighted = weights / weights.sum() * _over(criteria, np.linalg.norm(criteria, axis=0))
    to_best = np.linalg.norm(weighted - weighted.max(axis=0), axis=1)
    to_worst = np.linalg.norm(weighted - weighted.min(axis=0), axis=1)
    return _over(to_worst, to_best + to_worst)


def vikor(criteria: Matrix, weights: Matrix) -> Matrix:
    """One minus VIKOR's Q: 1 for the best compromise; a criterion that tells nothing apart counts for nothing."""
    best, spread = criteria.max(axis=0), np.ptp(criteria, axis=0)
    regrets = weights / weights.sum() * _over(best - criteria, spread)
    summed, worst = regrets.sum(axis=1), regrets.max(axis=1)
    parts = [_over(part - part.min(), np.ptp(part)) for part in (summed, worst)]
    return 1 - (_MAJORITY * parts[0] + (1 - _MAJORITY) * parts[1])


OTHER_METHODS: dict[str, Callable[[Matrix, Matrix], Matrix]] = {"topsis": topsis, "vikor": vikor}


def _over(numerator: Matrix, denominator: Matrix | float) -> Matrix:
    """The quotient, 0 where the denominator is."""
    return np.asarray(
        np.where(
            np.asarray(denominator) > 0,
            numerator / np.where(np.asarray(denominator) > 0, denominator, 1),
            0,
        )
    )


STUDY = "study"


@dataclass(frozen=True)
class Tallies:
    """For the study, then each workshop: the themes heard there and the draws of each criterion, (n_draws + 1, n_heard)."""

    theme_ids: Mapping[str, list[str]]
    shares: Mapping[str, dict[str, Counts]]


def tally_themes(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None = None,
    *,
    settings: RankSettings,
    scopes: Collection[str] | None = None,
) -> Tallies:
    """Return the tallies that `rank_tallies` ranks by any weights; those of `settings` only set the course of its draws.

    Those of `scopes` alone where given, each as it is among all: a large study's tallies of every workshop take much room.
    """
    circles, theme_ids, facts, rng, _ = start_of(
        units, tags, themes, theme_members, workshops, attendance, settings
    )
    heard: dict[str, list[str]] = {STUDY: []}
    shares: dict[str, dict[str, Counts]] = {STUDY: {}}
    whole: Tally | None = None
    for workshop_id, tally in workshop_tallies(facts, theme_ids, circles, rng, settings.n_draws):
        if scopes is None or workshop_id in scopes:
            heard[workshop_id], shares[workshop_id] = _heard(tally, theme_ids)
        whole = tally if whole is None else whole + tally
    if whole is not None:
        heard[STUDY], shares[STUDY] = _heard(whole, theme_ids)
    wanted = [scope for scope in heard if heard[scope] and (scopes is None or scope in scopes)]
    return Tallies(
        {scope: heard[scope] for scope in wanted}, {scope: shares[scope] for scope in wanted}
    )


class Start(NamedTuple):
    """What every ranking starts from; `rng` has drawn the weights `drawn`, (n_draws + 1, n_criteria), and nothing else."""

    circles: Circles
    theme_ids: list[str]
    facts: pd.DataFrame
    rng: np.random.Generator
    drawn: Counts


def start_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    attendance: pd.DataFrame | None,
    settings: RankSettings,
) -> Start:
    """Return where `rank_themes` and `tally_themes` start, so that their draws take one course; nobody came where `attendance` is None."""
    circles = circles_of(units, workshops)
    facts = facts_of(
        units,
        tags,
        themes,
        theme_members,
        circles,
        ATTENDANCE.empty() if attendance is None else attendance,
    )
    rng = np.random.default_rng(settings.seed)
    return Start(
        circles,
        sorted(set(themes["theme_id"])),
        facts,
        rng,
        draw_weights(settings.weights, settings, rng),
    )


def rank_tallies(tallies: Tallies, weights: RankWeights, settings: RankSettings) -> pd.DataFrame:
    """Return priorities by `weights`; seed, draws and concentration are those of `settings`, with which `tallies` were made."""
    drawn = draw_weights(weights, settings, np.random.default_rng(settings.seed))
    rows = []
    for scope, theme_ids in tallies.theme_ids.items():
        rows += Standing.of(scope, tallies.shares[scope], np.arange(len(theme_ids)), drawn).rows(
            theme_ids
        )
    return PRIORITIES.build(rows)


def _heard(tally: Tally, theme_ids: list[str]) -> tuple[list[str], dict[str, Counts]]:
    """The themes heard, and their draws of each criterion."""
    heard = np.flatnonzero(tally.n_units)
    return [theme_ids[theme] for theme in heard], {
        name: shares[:, heard] for name, shares in shares_of(tally).items()
    }


def draw_weights(weights: RankWeights, settings: RankSettings, rng: np.random.Generator) -> Counts:
    """Weights of the criteria, (n_draws + 1, n_criteria), rows summing to 1: `weights` first, then Dirichlet draws around them."""
    asked = {f"c_{name}": weight for name, weight in weights.model_dump().items()}
    centre = np.array([asked.get(name, 0.0) for name in CRITERIA])
    centre /= centre.sum()
    drawn = rng.standard_gamma(
        settings.concentration * centre, size=(settings.n_draws, len(centre))
    )
    drawn[drawn.sum(axis=1) == 0] = centre
    return np.vstack([centre, drawn / drawn.sum(axis=1, keepdims=True)])


def workshop_tallies(
    facts: pd.DataFrame,
    theme_ids: list[str],
    circles: Circles,
    rng: np.random.Generator,
    n_draws: int,
) -> Iterator[tuple[str, Tally]]:
    """Each workshop where a theme was heard, with its tally; facts that are `is_left` out count for nothing."""
    for workshop_id, here in facts.groupby("workshop_id", sort=True):
        counted = here[~here["is_left"]] if "is_left" in here else here
        yield (
            str(workshop_id),
            tally_workshop(counted, theme_ids, int(circles.n_tables[workshop_id]), rng, n_draws),
        )


N_FIRST = 5


def check_rows(
    standing: Standing, weights: Counts, free_weights: Counts, without: Standing, n_late: int
) -> list[dict[str, Any]]:
    """Return one row a check; `weights` (n_criteria,) are the settings', `free_weights` (n_draws, n_criteria) any."""
    found = {
        name: (places_by(method(standing.matrix(), weights)), said)
        for (name, method), said in zip(
            OTHER_METHODS.items(),
            (
                "La méthode TOPSIS place {n} de ces {m} priorités parmi ses {m} premières.",
                "La méthode VIKOR place {n} de ces {m} priorités parmi ses {m} premières.",
            ),
            strict=True,
        )
    }
    found["poids_libres"] = (
        places_by(_acceptability(standing, free_weights)),
        "Avec des poids tirés au hasard, sans préférence, {n} de ces {m} priorités {n:=reste|restent} parmi les {m} premières.",
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
        rows.append(
            {
                "scope": standing.scope,
                "theme_id": theme_ids[theme],
                **ranks,
                "sentence": _moved(earlier, rank),
            }
        )
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
        return "Un seul thème est classé : il n'y a pas d'ordre à vérifier."
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
    places = np.array(
        [
            before.get(int(theme), last + place)
            for place, theme in enumerate(standing.order, start=1)
        ]
    )
    row = _row(standing, "a_distance", places, "")
    is_same = list(standing.order[:n_first]) == list(without.order[:n_first])
    n_new = n_first - row["n_common"]
    if not n_late:
        return row | {
            "sentence": "Aucun passage d'un thème n'est connu pour être venu après l'atelier."
        }
    if is_same:
        said = "Ce qui a été écrit ou dit après l'atelier ne change pas l'ordre des {m} premières priorités."
    elif not n_new:
        said = "Ce qui a été écrit ou dit après l'atelier change l'ordre des {m} premières, sans en faire entrer d'autre."
    else:
        said = "Ce qui a été écrit ou dit après l'atelier fait entrer {new} parmi les {m} premiers."
    return row | {"sentence": _told(said, n_first, new=counted(n_new, "thème"))}


def _moved(earlier: int | None, rank: int) -> str:
    if earlier is None:
        return "Le sujet n'est venu qu'après l'atelier."
    if earlier == rank:
        return "Ce qui est venu après l'atelier ne change pas son rang."
    if earlier > rank:
        return f"Ce qui est venu après l'atelier le fait monter, du rang {earlier} au rang {rank}."
    return f"Ce qui est venu après l'atelier le fait descendre, du rang {earlier} au rang {rank}."


def note_rows(
    standing: Standing, tally: Tally, theme_ids: list[str], untold: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield the notes of each theme heard in the scope, in the order of the ranking."""
    for place, theme in enumerate(standing.order):
        sentences = _sentences(tally, int(theme), untold)
        for name in CRITERIA:
            value = round(float(standing.shares[name][0, theme]), _DECIMALS)
            yield {
                "scope": standing.scope,
                "theme_id": theme_ids[theme],
                "subject": name,
                "value": value,
                "sentence": sentences[name],
            }
        for depth in DEPTHS:
            share = float((standing.ranks[:, place] <= depth).mean())
            row = {
                "scope": standing.scope,
                "theme_id": theme_ids[theme],
                "subject": f"p_top{depth}",
                "value": share,
            }
            yield row | {"sentence": _sureness(depth, share)}


def nothing_to_read(untold: Collection[str]) -> dict[str, str]:
    """Criterion → a sentence, for those that read only codes which the grid does not have."""
    told = {
        "is_need": (
            "c_need",
            "La grille de l'étude ne dit ni difficulté ni demande : ce critère n'a rien à lire.",
        ),
        "is_lever": (
            "c_leverage",
            "La grille de l'étude ne dit ni proposition, ni opportunité, ni partenariat : ce critère n'a rien à lire.",
        ),
    }
    return {criterion: said for fact, (criterion, said) in told.items() if fact in untold}


def _sentences(tally: Tally, theme: int, untold: Collection[str]) -> dict[str, str]:
    """One sentence a criterion, as observed."""
    n = {name: round(float(counts[0, theme])) for name, counts in tally.counts.items()}
    total = {name: round(value) for name, value in tally.totals.items()}
    return {
        "c_tables": "Dit à {n} sur {total}, en {passages}.".format(
            n=_tables(n["said_tables"]),
            total=total["tables"],
            passages=counted(int(tally.n_units[theme]), "passage"),
        ),
        "c_workshops": "Dit dans {n} sur {total}.".format(
            n=counted(n["workshops"], "atelier"), total=total["workshops"]
        ),
        "c_rapporteurs": _rapporteurs(
            n["rapporteurs"], total["rapporteurs"], 2 * float(tally.counts["emphasis"][0, theme])
        ),
        "c_actors": _actors(tally, theme),
        "c_need": _need(
            n["need_tables"], n["answer_tables"], tells_answers="is_answer" not in untold
        ),
        "c_leverage": _lever(n["lever_tables"]),
        "c_late": _late(n["late_voices"], total["late_voices"]),
        "c_severity": _severity(n["severe_tables"]),
        **nothing_to_read(untold),
    }


def _tables(n: int) -> str:
    return counted(n, "table")


def _lever(n: int) -> str:
    if not n:
        return "Aucune table n'y voit par où agir."
    said = "{n} y voient par où agir : une proposition, une opportunité ou un partenariat."
    return (
        said
        if n > 1
        else "{n} y voit par où agir : une proposition, une opportunité ou un partenariat."
    ).format(n=_tables(n))


def _severity(n: int) -> str:
    if not n:
        return "Aucune table n'en parle comme d'un danger, d'une perte ou d'une urgence."
    said = "{n} en parlent comme d'un danger, d'une perte ou d'une urgence."
    return (
        said if n > 1 else "{n} en parle comme d'un danger, d'une perte ou d'une urgence."
    ).format(n=_tables(n))


def _rapporteurs(n: int, total: int, twice_emphasis: float) -> str:
    if not total:
        return "Aucune synthèse de rapporteur n'est parvenue."
    n_insisting = round(twice_emphasis) - n
    if not n:
        return "Aucun rapporteur ne le reprend."
    taken_up = "Repris par {n} sur {total}".format(n=counted(n, "rapporteur"), total=total)
    return taken_up + (f", dont {n_insisting} en y insistant." if n_insisting else ".")


def _actors(tally: Tally, theme: int) -> str:
    heard = tally.types[:, 0, :] > 0
    n_types = int(heard[:, theme].sum())
    if not n_types:
        return "On ne sait pas qui en a parlé : le critère est neutre."
    return "Porté par {n} sur {total} dont une voix est connue.".format(
        n=counted(n_types, "type d'acteurs", "types d'acteurs"),
        total=int(heard.any(axis=1).sum()),
    )


def _need(n_needs: int, n_answers: int, *, tells_answers: bool) -> str:
    if not n_needs:
        return "Aucune table ne le dit comme un manque."
    needs = f"Un manque ou une demande à {_tables(n_needs)}"
    if not tells_answers:
        return f"{needs}."
    return needs + (
        f" ; une offre ou une force à {_tables(n_answers)}."
        if n_answers
        else ", sans réponse citée."
    )


def _late(n: int, total: int) -> str:
    if not total:
        return "Aucun passage d'un thème n'est connu pour être venu après l'atelier."
    if not n:
        return "Personne n'en parle après l'atelier."
    said = (
        "{n} sur {total} en parlent après l'atelier."
        if n > 1
        else "{n} sur {total} en parle après l'atelier."
    )
    return said.format(n=counted(n, "personne"), total=total)


def _sureness(depth: int, share: float) -> str:
    percent = f"{100 * share:.0f}"
    if depth == 1:
        return f"Première dans {percent} % des tirages de poids et de tables."
    places = {3: "trois", 5: "cinq"}[depth]
    return f"Parmi les {places} premières dans {percent} % des tirages de poids et de tables."
