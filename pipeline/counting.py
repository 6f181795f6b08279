"""Count circles of people, not sentences: who spoke together, and at how many tables.

A circle is a world café table; a passage without table belongs to the circle of its document (a
mail is one voice). Where a workshop's notes name no table, each document of the room is one. Where
no file of the study names a table, and most passages of a workshop say who speaks (a survey, a
debate, letters), each person is one. A rapporteur's
summary is no table: it tells again what tables said.

In:   units, workshops, and any table with a unit_id
Out:  circles (one row a unit), tables held by each workshop, draws of circles, headings of units
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.tables.results import THEME_FAMILIES
from pipeline.tables.schema import ANONYMOUS_SPEAKER, RESPONDENT
from pipeline.text import Count, counted

WORLD_CAFE = ("q1", "q2", "q3", "q4")
COUNTS = (  # of a theme
    *("n_units", "n_tables", "n_tables_expected", "n_tables_low", "n_tables_high"),
    *("n_workshops", "unity"),
)
SURENESS = 0.9  # that as many tables as are claimed speak of a subject
# Tables that hold a subject vary more than independent ones, and a theme is not always one subject:
# the interval of 80 in 100 widens by a factor of the variance and a share of what is expected.
_WIDER, _SHARE_WIDER, _EIGHTY = 2.0, 0.3, 1.2816
MOST_LATE = 1 / 3  # a larger share of late units makes themes too
# what a workshop counts by: tables, or what stands for them
TABLES, DOCUMENTS, CONTRIBUTORS, RESPONDENTS = "tables", "documents", "contributors", "respondents"
_MOST_NAMED = 0.5  # least share of passages with a speaker, for people to be counted
_WORD = r"[^\W\d_]{2}"
_AWAY_CHANNELS = ("mail", "telephone")


@dataclass(frozen=True)
class Circles:
    """Who spoke together, one row a unit in `of_unit`; `n_tables` and `kinds` by workshop_id.

    is_summary: by a rapporteur; is_away: mail, telephone; is_said: at a table during the questions.
    Where people are counted, what they wrote is said as what they spoke.
    """

    of_unit: pd.DataFrame
    n_tables: pd.Series
    kinds: dict[str, str]


@dataclass(frozen=True)
class Noun:
    """How sentences say what is counted: « dit à 2 tables », « aucune table »."""

    at: str
    one: str
    several: str
    none: str
    workshop: str = "territoire"
    nothing: str = ""  # of two kinds, that there is none of either

    def count(self, n: int) -> str:
        """Return « 2 tables »."""
        return counted(n, self.one, self.several)


_NOUNS = {
    TABLES: Noun("à", "table", "tables", "aucune table", "atelier"),
    DOCUMENTS: Noun("dans", "document", "documents", "aucun document"),
    CONTRIBUTORS: Noun("par", "contributeur", "contributeurs", "aucun contributeur"),
    RESPONDENTS: Noun("par", "répondant", "répondants", "aucun répondant"),
}
_SEVERAL_NOUNS = {
    True: Noun(
        *("dans", "table ou document", "tables ou documents", "aucune table", "atelier"),
        nothing="aucune table, aucun document",
    ),
    False: Noun(
        *("dans", "document ou contributeur", "documents ou contributeurs", "aucun document"),
        nothing="aucun document, aucun contributeur",
    ),
}


def noun_of(kinds: Iterable[str]) -> Noun:
    """Return the noun for what workshops of these kinds count; tables where there is none."""
    different = set(kinds) or {TABLES}
    if CONTRIBUTORS in different:
        different.discard(RESPONDENTS)
    return _NOUNS[different.pop()] if len(different) == 1 else _SEVERAL_NOUNS[TABLES in different]


def said_after(units: pd.DataFrame) -> pd.Series:
    """Return which units came late: by mail, telephone or under such a heading."""
    return units["channel"].isin(_AWAY_CHANNELS) | (units["question"] == "distance").fillna(False)


def room_units(units: pd.DataFrame) -> pd.DataFrame:
    """Return the units of the workshops, which make the themes, or all where too many are late."""
    is_late = said_after(units).astype(bool)
    return units[~is_late] if is_late.sum() <= MOST_LATE * len(units) else units


def n_distinct(units: pd.DataFrame) -> int:
    """Count the different texts with a word of two letters: copies and signs make no subject."""
    texts = units["text"].drop_duplicates().astype("string")
    return int(texts.str.contains(_WORD).sum())


def why_no_theme(units: pd.DataFrame, themes: pd.DataFrame, *, least_units: int) -> str | None:
    """Say in one French sentence why a study has no theme; None where it has one.

    « Avec 12 passages, l'étude est trop petite pour des thèmes et des priorités : il en faut 60. »
    """
    if len(themes):
        return None
    if units.empty:
        return "Aucun passage n'a été lu : il n'y a ni thème, ni priorité."
    room = room_units(units)
    n, n_all = Count(n_distinct(room)), len(units)
    if n >= least_units:
        return "Aucun thème : aucun sujet ne réunit assez de passages, ou tous ont été rejetés."
    which = ""
    if n < n_all:
        said = f" {n:=dit|dits} en atelier," if len(room) < n_all else ""
        which = f"{said} {n:=différent et lisible|différents et lisibles} sur {n_all}"
    return (
        f"Avec {n:passage|passages}{which}, l'étude est trop petite pour des thèmes et des"
        f" priorités : il en faut {least_units}."
    )


def circles_of(units: pd.DataFrame, workshops: pd.DataFrame) -> Circles:
    """Return every unit's circle, and each workshop's tables: announced, or heard where more."""
    of_unit, kinds = _of_unit(units, workshops)
    territory_of = workshops.set_index("workshop_id")["territory"]
    of_unit["territory"] = of_unit["workshop_id"].map(territory_of)
    return Circles(of_unit, _n_tables(of_unit, workshops), kinds)


def with_circles(units: pd.DataFrame, workshops: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return `units` with the columns of `Circles.of_unit`, `is_said` being what counts as a table.

    Wherever tables are told they are the circles of units that are said. Where nobody spoke in a
    room, each mail or call is said too.
    """
    of_unit, _ = _of_unit(units, workshops)
    with_room = set(of_unit.loc[of_unit["is_said"], "workshop_id"].unique())
    is_said = of_unit["is_said"] | ~of_unit["workshop_id"].isin(with_room)
    columns = of_unit.assign(is_said=is_said).drop(columns=["unit_id", "workshop_id"])
    return pd.concat([units, columns], axis=1)


def _of_unit(
    units: pd.DataFrame, workshops: pd.DataFrame | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return each unit's circle, and what each workshop counts by; `workshops` announce tables."""
    is_away = said_after(units)
    is_contribution = units["channel"] == "consultation"  # a person's answer, never a table
    is_numbered = units["table_number"].notna() & ~is_away & ~is_contribution
    kinds = _kinds(units, set(units.loc[is_numbered, "workshop_id"].unique()), workshops)
    kind = units["workshop_id"].map(kinds)
    is_person = kind.isin([CONTRIBUTORS, RESPONDENTS])
    is_named = _is_named(units)
    is_away &= ~is_person
    is_summary = (units["question"] == "resume").fillna(False) & ~is_person
    is_table = is_numbered | (~is_away & ~is_summary & (kind != TABLES))
    is_table &= is_person | ~is_contribution
    is_table &= is_named | (kind != RESPONDENTS)  # a sheet that explains the survey answers nothing
    table = units["table_number"].astype("string").fillna("")
    circle = ("t" + table).where(is_numbered, units["document_id"])
    circle = circle.where(~((is_person | is_contribution) & is_named), _contributors(units))
    of_unit = pd.DataFrame(
        {
            "unit_id": units["unit_id"],
            "workshop_id": units["workshop_id"],
            "circle_id": units["workshop_id"].astype(str) + "|" + circle.astype(str),
            "is_table": is_table.astype(bool),
            "is_summary": is_summary.astype(bool),
            "is_away": is_away.astype(bool),
            "is_said": (is_table & ~is_summary).astype(bool),
        }
    )
    return of_unit, kinds


def _kinds(
    units: pd.DataFrame, numbered_workshops: set[str], workshops: pd.DataFrame | None
) -> dict[str, str]:
    """Return what each workshop counts by: people only where no file of the study has tables."""
    kinds = {
        str(name): TABLES if name in numbered_workshops else DOCUMENTS
        for name in units["workshop_id"].unique()
    }
    announced = workshops is not None and workshops["n_tables"].notna().any()
    if numbered_workshops or announced:
        return kinds
    speakers = units.assign(speaker=_speakers(units)).loc[
        _is_named(units), ["workshop_id", "speaker"]
    ]
    is_respondent = speakers["speaker"].str.startswith(RESPONDENT)
    n_units = units["workshop_id"].value_counts()
    for workshop_id, of_workshop in is_respondent.groupby(speakers["workshop_id"]):
        if len(of_workshop) >= _MOST_NAMED * n_units[workshop_id]:
            is_survey = of_workshop.mean() > _MOST_NAMED
            kinds[str(workshop_id)] = RESPONDENTS if is_survey else CONTRIBUTORS
    return kinds


def _is_named(units: pd.DataFrame) -> pd.Series:
    speakers = _speakers(units)
    return speakers.notna() & (speakers != ANONYMOUS_SPEAKER).fillna(False)


def _contributors(units: pd.DataFrame) -> pd.Series:
    """Return who said each unit, once: « répondant 1 » of two surveys are two persons."""
    speakers = _speakers(units).astype("string")
    is_numbered = speakers.str.startswith(RESPONDENT).fillna(False)
    return speakers.where(~is_numbered, units["document_id"].astype("string") + "|" + speakers)


def _speakers(units: pd.DataFrame) -> pd.Series:
    """Return who said each unit; nobody is known where units are told without speakers."""
    return units["speaker"] if "speaker" in units else pd.Series(pd.NA, index=units.index)


def count_themes(theme_members: pd.DataFrame, circles: pd.DataFrame) -> pd.DataFrame:
    """Return `COUNTS` by theme_id; `circles` are all units as `with_circles` returns them.

    Tables and workshops are those of counted units; expected ones are over all, and over units of
    other themes that are likely to speak of it too.
    """
    members = theme_members.merge(
        circles[["unit_id", "workshop_id", "circle_id", "is_said"]],
        on="unit_id",
        validate="one_to_one",
    )
    by_theme = members.groupby("theme_id")
    counts = pd.DataFrame({"n_units": by_theme.size(), "unity": by_theme["probability"].mean()})
    counts["unity"] = counts["unity"].round(6)
    said = said_by(members, "theme_id")
    told = [said.get(name, []) for name in counts.index]
    counts["n_tables"] = [n_counted(rows) for rows in told]
    n_heard = circles.loc[circles["is_said"], "circle_id"].nunique()
    names = [f"n_tables_{name}" for name in TableEstimate._fields]
    estimates = [estimate_tables(rows, n_heard) for rows in told]
    counts[names] = pd.DataFrame(estimates, index=counts.index, columns=names)
    workshops = counted_members(members).groupby("theme_id")["workshop_id"].nunique()
    counts["n_workshops"] = workshops.reindex(counts.index, fill_value=0)
    return counts


Told = tuple[str, float, bool]  # of a passage said at a table: circle, probability, if counted


class TableEstimate(NamedTuple):
    """How many tables speak of a theme: what is expected, and between what, 80 times in 100."""

    expected: float
    low: int
    high: int


def said_by(members: pd.DataFrame, keys: str | list[str]) -> dict[Any, list[Told]]:
    """Return by `keys` what is or may be about a theme and was said at a table.

    `members` have the columns of `with_circles`.
    """
    rows = with_likely(members)
    names = ["circle_id", "probability", "is_counted"]
    return {
        key: list(some[names].itertuples(index=False, name=None))
        for key, some in rows[rows["is_said"]].groupby(keys)
    }


def n_counted(said: Iterable[Told]) -> int:
    """Count the tables where a passage counts."""
    return len({circle_id for circle_id, _, counts in said if counts})


def estimate_tables(said: Sequence[Told], n_heard: int) -> TableEstimate:
    """Return at how many of the `n_heard` tables a theme is said, at least where it counts."""
    quiet: dict[str, float] = {}
    for circle_id, probability, _ in sorted(said):
        quiet[circle_id] = quiet.get(circle_id, 1.0) * (1 - probability)
    speaks = 1 - np.array(list(quiet.values()))
    expected, doubted = float(speaks.sum()), float(speaks[speaks < 1].sum())
    variance = _WIDER * (speaks * (1 - speaks)).sum() + (_SHARE_WIDER * doubted) ** 2
    beside = _EIGHTY * float(np.sqrt(variance))
    n_sure = least_tables((circle_id, chance) for circle_id, chance, counts in said if counts)
    low = max(n_sure, round(expected - beside))
    high = min(n_heard, round(expected + beside))
    return TableEstimate(round(min(max(expected, low), high), 2), low, max(low, high))


def with_likely(members: pd.DataFrame) -> pd.DataFrame:
    """Return `members` and, not counted, the other themes that each unit may be about too.

    Once themes are merged, one of them may be the unit's own, or two the same.
    """
    likely = members.dropna(subset="likely")
    likely = likely.assign(likely=likely["likely"].map(json.loads)).explode("likely")
    likely = likely.dropna(subset="likely")  # of those whose list is empty
    pairs = likely["likely"].tolist()
    others = likely.assign(
        theme_id=[theme_id for theme_id, _ in pairs],
        probability=[chance for _, chance in pairs],
        is_counted=False,
    )
    both = pd.concat([members, others], ignore_index=True).drop(columns="likely")
    return both.drop_duplicates(["unit_id", "theme_id"])


def counted_members(theme_members: pd.DataFrame) -> pd.DataFrame:
    """Return the memberships that tables, workshops, actors and rapporteurs are counted over."""
    return theme_members[theme_members["is_counted"].astype(bool)]


def postures_by_unit(tags: pd.DataFrame) -> pd.Series:
    """Return the posture of each unit that has one."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"].astype(bool)].sort_values(
        ["unit_id", "source", "code"]
    )
    return postures.drop_duplicates("unit_id", keep="last").set_index("unit_id")["code"]


def at_least(probabilities: Iterable[float]) -> int:
    """Return how many of independent claims hold at least, nine times in ten.

    Of five that hold with probability 0.8 each, three do: `at_least([0.8] * 5)` is 3.
    """
    chances = np.ones(1)  # that exactly 0, 1, … hold
    for probability in probabilities:
        chances = np.convolve(chances, [1 - probability, probability])
    is_sure = np.cumsum(chances[::-1])[::-1] >= SURENESS
    return int(is_sure.nonzero()[0].max(initial=0))


def least_tables(said: Iterable[tuple[str, float]]) -> int:
    """Return at how many tables a theme is said at least, nine times in ten.

    `said` are the circle and the probability of its counted passages that were said at a table. Of
    133 such claims on two labelled studies, 60 % rested on as many tables with a passage of that
    label when each counted table was claimed; 98 % do so.
    """
    doubts: dict[str, float] = {}
    for circle_id, probability in said:
        doubts[circle_id] = doubts.get(circle_id, 1.0) * (1 - probability)
    return at_least(1 - doubt for _, doubt in sorted(doubts.items()))


def sure_tables(said: Iterable[tuple[str, float, bool]], *, is_exact: bool = False) -> int:
    """Return at how many tables a theme is said at least; exactly, where a person signed it off.

    `said` are the circle, the probability and whether it counts of each passage said at a table.
    """
    counted = [(circle_id, probability) for circle_id, probability, counts in said if counts]
    return len({circle_id for circle_id, _ in counted}) if is_exact else least_tables(counted)


def count_families(
    families: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    circles: pd.DataFrame,
) -> pd.DataFrame:
    """Return the non-empty `families` with their members' counts, the largest first."""
    parents = dict(zip(themes["theme_id"], themes["parent_id"], strict=True))
    members = theme_members.assign(theme_id=theme_members["theme_id"].map(parents)).dropna(
        subset="theme_id"
    )
    n_themes = themes["parent_id"].value_counts()
    counted = families[families["family_id"].isin(n_themes.index)]
    counts = count_themes(members, circles)
    counted = counted.assign(n_themes=counted["family_id"].map(n_themes))
    for name in ("n_units", "n_tables", "n_workshops"):
        counted[name] = counted["family_id"].map(counts[name]).fillna(0)
    return THEME_FAMILIES.check(
        counted.sort_values(["n_units", "family_id"], ascending=[False, True], kind="stable")
    )


def resample(rng: np.random.Generator, n_circles: int, n_draws: int) -> NDArray[np.float64]:
    """Return how often each circle is drawn, (n_draws + 1, n_circles); row 0 is all 1."""
    observed = np.ones((1, n_circles))
    if not n_circles:
        return np.zeros((n_draws + 1, 0))
    drawn = rng.multinomial(n_circles, np.full(n_circles, 1 / n_circles), size=n_draws)
    return np.vstack([observed, drawn.astype(float)])


def _n_tables(of_unit: pd.DataFrame, workshops: pd.DataFrame) -> pd.Series:
    """Announced tables without notes count, so that silence is not consensus."""
    heard = of_unit[of_unit["is_table"]].groupby("workshop_id")["circle_id"].nunique()
    announced = workshops.set_index("workshop_id")["n_tables"].fillna(0).astype(int)
    both = pd.concat([announced, heard], axis=1, join="outer").fillna(0)
    return both.max(axis=1).astype(int).sort_index()


def with_headings(
    units: pd.DataFrame, documents: pd.DataFrame, blocks: pd.DataFrame
) -> pd.DataFrame:
    """Return `units`, in their order, with the text of their heading."""
    texts = dict(zip(documents["document_id"], documents["text"], strict=True))
    headings = blocks[
        (blocks["kind"] == "heading") & blocks["document_id"].isin(texts)
    ].sort_values("start_char", kind="stable")
    starts: dict[str, list[int]] = {}
    headings_of: dict[str, list[str]] = {}
    for document_id, start, end in headings[["document_id", "start_char", "end_char"]].itertuples(
        index=False, name=None
    ):
        starts.setdefault(document_id, []).append(start)
        headings_of.setdefault(document_id, []).append(texts[document_id][start:end])
    last: list[str | None] = []
    for document_id, start in units[["document_id", "start_char"]].itertuples(
        index=False, name=None
    ):
        n_before = bisect_right(starts.get(document_id, []), start)
        last.append(headings_of[document_id][n_before - 1] if n_before else None)
    return units.assign(heading=pd.Series(last, index=units.index, dtype=object))
