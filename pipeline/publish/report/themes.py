"""Report a study's themes: first priorities with reasons, all themes in numbers, codes.

In:   Passages, themes, priorities, rank_checks, contrasts, grid
Out:  Scope, the study first; ThemeRow, Heat, printed rows
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pandas as pd

from pipeline.counting import SURENESS
from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.publish.report.content import (
    Heat,
    Priority,
    ReportCriterion,
    Rows,
    Scope,
    ThemeRow,
)
from pipeline.publish.report.passages import (
    WAYS,
    AxisRow,
    Passages,
    ReportPassage,
    Tables,
    axis_rows,
    existing_answers,
    grouped,
    least_contributors,
    least_tables_of,
    n_remote,
    n_sure_tables,
    n_tables_of,
    profile_lines,
    sure_postures,
    table_range,
)
from pipeline.publish.report.quotes import Quoter, kind_of, texts_of
from pipeline.publish.text import (
    CountMask,
    capitalised,
    count,
    joined,
    mask_one,
    number,
    percent,
    plain_name,
    plain_text,
    rank_in_words,
    rank_interval,
    sentence,
    stability,
    typography,
    word,
)
from pipeline.rank.criteria import CRITERIA
from pipeline.settings.sections import PublishSettings
from pipeline.tables.columns import is_among, rows_of
from pipeline.tables.schema import LEAD, OWN_HERE, VERDICTS
from pipeline.text import fold
from pipeline.verdicts import shown_verdicts

_N_NAMES = 4  # workshops named


@dataclass(frozen=True)
class ScopeMaker:
    """Makes the scopes of a report."""

    tables: Tables
    passages: Passages
    grid: Grid
    settings: PublishSettings
    weights: Mapping[str, float]

    @cached_property
    def quoter(self) -> Quoter:
        """What chooses the quotes."""
        offers = self.tables["offers"]
        naming = frozenset(offers.loc[offers["structure_id"].notna(), "unit_id"])
        sure = sure_postures(self.tables["tags"])["unit_id"]
        opinions = self.tables["theme_opinions"]
        answers = existing_answers(self.tables["tags"], self.passages.rows)
        is_answer = opinions["posture"] == "force"
        is_told = is_among(opinions["unit_id"], sure) & ~is_answer
        opinions = opinions[is_told | (is_answer & is_among(opinions["unit_id"], answers))]
        return Quoter(
            self.passages, opinions, self.settings.n_quotes, naming=naming, sure=frozenset(sure)
        )

    @cached_property
    def _themes(self) -> dict[str, Any]:
        return {row.theme_id: row for row in rows_of(self.tables["themes"])}

    @cached_property
    def _kinds(self) -> dict[str, str]:
        """What most passages counted in each theme are, which is what its statement says."""
        members = grouped(self.passages.every, lambda one: one.theme_id)
        return {
            theme_id: kind_of(self.passages, {one.unit_id for one in rows if one.is_counted})
            for theme_id, rows in members.items()
        }

    @cached_property
    def _ranked_by_scope(self) -> dict[Any, pd.DataFrame]:
        ranked = self.tables["priorities"]
        ranked = ranked[ranked["theme_id"].isin(list(self._themes))]
        ranked = ranked.sort_values("rank", kind="stable")
        return dict(iter(ranked.groupby("scope", sort=False)))

    @cached_property
    def _checks_by_scope(self) -> dict[Any, pd.Series]:
        # methods first, late contributions last
        checks = self.tables["rank_checks"]
        checks = checks.sort_values("check", ascending=False, kind="stable")
        return dict(iter(checks.groupby("scope", sort=False)["sentence"]))

    def scopes(self) -> tuple[Scope, ...]:
        """Return the study, then its workshops by date; one scope if there is one workshop."""
        names = self.passages.names
        study = self.scope("study")
        workshops = names if len(names) > 1 else ()
        return study, *(self.scope(name, study) for name in workshops)

    def scope(self, scope: str, study: Scope | None = None) -> Scope:
        """Return one scope; without passages it has no priority.

        A workshop quotes what the `study` does not, where that reads as well.
        """
        themes, nothing = self._themes, self.tables["priorities"].head(0)
        ranked = self._ranked_by_scope.get(scope, nothing)
        rows = self.passages.of_scope(scope)
        title = sentence("titres.ensemble") if scope == "study" else self.passages.names[scope]
        means = ranked[[name for name in CRITERIA if name in ranked]].mean().to_dict()
        first = ranked.head(self.settings.n_priorities).to_dict("records")
        sentences = map(typography, self._checks_by_scope.get(scope, ()))

        @cache
        def priorities() -> tuple[Priority, ...]:
            said = texts_of(study.priorities) if study else frozenset()
            return self._priorities(first, means, rows, scope, said)

        return Scope(
            title,
            len(rows),
            len(ranked),
            tuple((int(row["rank"]), plain_name(themes[row["theme_id"]].label)) for row in first),
            tuple(dict.fromkeys(sentences)),
            priorities,
            lambda: self.quoter.actions(
                rows, [*ranked["theme_id"]], scope, said=texts_of(priorities())
            ),
        )

    def _priorities(
        self,
        first: list[dict[Any, Any]],
        means: Mapping[Any, float],
        rows: Iterable[ReportPassage],
        scope: str,
        said: frozenset[str],
    ) -> tuple[Priority, ...]:
        """Report the `first` themes; none quotes what was `said` before, where it can."""
        priorities: tuple[Priority, ...] = ()
        members_of = grouped(rows, lambda one: one.theme_id)
        for row in first:
            members = members_of.get(row["theme_id"], [])
            quoted = said | texts_of(priorities)
            priorities += (self._priority(row, means, members, scope, said=quoted),)
        return priorities

    def _priority(
        self,
        row: Mapping[Any, Any],
        means: Mapping[Any, float],
        members: Sequence[ReportPassage],
        scope: str,
        *,
        said: frozenset[str],
    ) -> Priority:
        passages = self.passages
        theme = self._themes[row["theme_id"]]
        counted = [one for one in members if one.is_counted]
        workshop_ids = (scope,) if scope != "study" else tuple(passages.names)
        drawn = passages.words(workshop_ids).retenus
        central = json.loads(theme.quotes)
        kind = self._kinds[row["theme_id"]]
        quotes = self.quoter.quotes(counted, central, scope, said, kind=kind)
        quoted = said | {fold(quote.text) for quote in quotes}
        statement = theme.statement if isinstance(theme.statement, str) else ""
        is_exact = bool(theme.is_signed_off)
        extent = said_at(theme.theme_id, members, passages, workshop_ids, is_exact=is_exact)
        why = self._reasons(extent, counted, workshop_ids, row, means)
        return Priority(
            rank=int(row["rank"]),
            label=plain_name(theme.label),
            statement=plain_text(statement),
            score=float(row["score"]),
            why=f"{to_name(theme)} {why}".lstrip(),
            interval=rank_interval(int(row["rank_low"]), int(row["rank_high"]), drawn),
            sureness=sentence("rang.cinq", part=percent(row["p_top5"])),
            place=rank_in_words(int(row["rank_high"])),
            stability=stability(theme.stability, theme.unity),
            n_units=len(members),
            kind=theme.kind,
            said=extent,
            workshops=_workshops_of(counted, passages) if scope == "study" else "",
            criteria=tuple(
                ReportCriterion(passages.words().criterion(name)[0], row[name] * self._weight(name))
                for name in CRITERIA
                if name in row and (passages.words().has_tables or row[name] > 0)
            ),
            quotes=quotes,
            opinions=self.quoter.opinions(counted, quoted) if scope == "study" else (),
        )

    def _weight(self, name: str) -> float:
        total = sum(self.weights.get(other.removeprefix("c_"), 0.0) for other in CRITERIA)
        return self.weights.get(name.removeprefix("c_"), 0.0) / total if total else 0.0

    def _reasons(
        self,
        extent: str,
        members: Sequence[ReportPassage],
        workshop_ids: Collection[str],
        row: Mapping[Any, Any],
        means: Mapping[Any, float],
    ) -> str:
        parts = [extent]
        if len(workshop_ids) > 1:
            parts.append(_workshops_of(members, self.passages))
        words = self.passages.words(workshop_ids)
        of_tables = sum(self.passages.n_ranked_tables[name] for name in workshop_ids)
        n_severe = round(row.get("c_severity", 0.0) * of_tables)
        severe = words.sentence("raisons.severity", n=words.count(n_severe)) if n_severe else ""
        reasons = {
            "c_rapporteurs": _rapporteurs(members),
            "c_late": self._late(members),
            "c_severity": severe,
        }
        lifts = {name: self._weight(name) * (row[name] - mean) for name, mean in means.items()}
        above = [text for name, text in reasons.items() if text and lifts.get(name, 0.0) > 0]
        sentences = [", ".join(filter(None, parts)), joined(above)]
        return " ".join(capitalised(text) + "." for text in sentences if text)

    def _late(self, members: Iterable[ReportPassage]) -> str:
        n = n_remote(members)
        if mask_one(n, least=self.settings.least_count) is CountMask.SMALL:
            return sentence("raisons.a_distance_peu")
        return sentence("raisons.a_distance", n=count(n, "contribution")) if n else ""


def _workshops_of(members: Iterable[ReportPassage], passages: Passages) -> str:
    """Return « dans les 3 ateliers », « dans 2 ateliers sur 3 (Retz et Albret) », those surely."""
    names, words = passages.names, passages.words()
    doubts: dict[str, float] = {}
    for one in members:
        doubts[one.workshop_id] = doubts.get(one.workshop_id, 1.0) * (1 - one.probability)
    sure = {workshop_id for workshop_id, doubt in doubts.items() if 1 - doubt >= SURENESS}
    told = [name for workshop_id, name in names.items() if workshop_id in sure]
    if not told or len(names) == 1:
        return ""
    if len(told) == len(names):
        return words.sentence("raisons.tous_ateliers", n=number(len(names)))
    where = f" ({joined(told)})" if len(told) <= _N_NAMES else ""
    return (
        sentence("raisons.workshops", n=words.count_workshops(len(told)), total=len(names)) + where
    )


def said_of(theme: Any) -> str:
    """Return a theme's statement, or that a person is still to choose its name."""
    return plain_text(theme.statement) if isinstance(theme.statement, str) else to_name(theme)


def to_name(theme: Any) -> str:
    """Return that a person is still to choose a theme's name, or "" where it has one."""
    has_name = isinstance(theme.subject_id, str) or theme.name_source == "person"
    is_named = isinstance(theme.statement, str) or has_name
    return "" if is_named else sentence("themes.nom_a_choisir")


def said_at(
    theme_id: str,
    members: Sequence[ReportPassage],
    passages: Passages,
    workshop_ids: Collection[str],
    *,
    is_exact: bool = False,
) -> str:
    """Return « environ 5 tables sur 8 en parlent (entre 3 et 7) », or how it came otherwise.

    That is what is expected, and between what 80 times in 100; only a theme that a person signed
    off is told exactly.
    """
    words = passages.words(workshop_ids)
    if n_tables_of(members):
        total = sum(passages.n_tables[name] for name in workshop_ids)
        about = passages.estimate(theme_id, workshop_ids)
        n_sure = n_sure_tables(members, is_exact=is_exact)
        n = n_sure if is_exact else max(1, round(about.expected))
        key = "tables" if is_exact else "tables_environ"
        key = "tables_toutes" if 1 < n_sure == total else key
        said = words.sentence(f"raisons.{key}", n=words.count(n), k=n, total=total)
        if key == "tables_environ" and about.low < about.high:
            said += sentence("raisons.entre", bas=about.low, haut=about.high)
        return said + _and_contributors(members)
    if contributors := _and_contributors(members):
        return contributors.removeprefix(", et ")
    channels = {one.channel for one in members}
    ways = [name for name in WAYS if name in channels]
    ways += ["resume"] if any(one.is_summary for one in members) else []
    names = [word("raisons_voies", way) for way in ways or ["distance"]]
    return words.sentence("raisons.aucune_table", voies=joined(names, "ou"))


def _and_contributors(members: Iterable[ReportPassage]) -> str:
    """Return « , et au moins 12 contributeurs », who answered a consultation beside the tables."""
    n = least_contributors(members)
    few = mask_one(n, least=_LEAST_CONTRIBUTORS) is CountMask.SMALL
    return sentence(f"raisons.{'contributeurs_peu' if few else 'contributeurs'}", n=n) if n else ""


def _rapporteurs(counted: Iterable[ReportPassage]) -> str:
    summaries = [one for one in counted if one.is_summary]
    n_tables = least_tables_of(one for one in summaries if one.is_table)
    if n_tables:
        return sentence("raisons.rapporteurs", n=count(n_tables, "rapporteur"))
    return sentence("raisons.restitution") if len(summaries) else ""


_N_KEYWORDS = 8
_LEAST_CONTRIBUTORS = 3  # fewer people are not counted in public
# readable in black and white too
_SIGNS = {OWN_HERE: "▲ ", VERDICTS[0]: "▲ ", VERDICTS[1]: "▼ ", LEAD: "△ "}


def theme_rows(tables: Tables, passages: Passages, grid: Grid) -> tuple[ThemeRow, ...]:
    """Return every theme by the study's ranking."""
    coded: dict[str, dict[tuple[str, str], list[ReportPassage]]] = {}
    for code in [code for axis in grid.own_axes for code in grid.axis(axis.axis)]:
        by_theme = grouped(passages.of_code(code.axis, code.code), lambda one: one.theme_id)
        for theme_id, members in by_theme.items():
            coded.setdefault(theme_id, {})[code.axis, code.code] = members
    members_of = grouped(passages.every, lambda one: one.theme_id)
    families = family_labels(tables)
    rows = []
    for theme in rows_of(ranked_themes(tables)):
        members = members_of.get(theme.theme_id, [])
        rows.append(
            ThemeRow(
                label=plain_name(theme.label),
                description=f"{said_of(theme)}\n{plain_text(theme.description)}".lstrip(),
                keywords=", ".join(map(plain_name, json.loads(theme.keywords)[:_N_KEYWORDS])),
                stability=stability(theme.stability, theme.unity),
                n_units=len(members),
                n_tables=table_range(int(theme.n_tables_low), int(theme.n_tables_high)),
                n_workshops=len({one.workshop_id for one in members if one.is_counted}),
                profile=profile_lines(coded.get(theme.theme_id, {}), grid, passages.words()),
                family=families.get(theme.parent_id),
            )
        )
    return tuple(rows)


def ranked_themes(tables: Tables) -> pd.DataFrame:
    """Return the themes in the order of the study's ranking, the only one that is printed."""
    ranked = tables["priorities"]
    ranks = ranked[ranked["scope"] == "study"][["theme_id", "rank"]]
    themes = tables["themes"].merge(ranks, on="theme_id", how="left", validate="one_to_one")
    keys = ["rank", "n_units", "label", "theme_id"]
    return themes.sort_values(keys, ascending=[True, False, True, True], na_position="last")


def family_rows(tables: Tables, passages: Passages) -> Rows:
    """Return the families of themes, those of most passages first."""
    themes, rows = list(rows_of(ranked_themes(tables))), []
    family_of = {theme.theme_id: theme.parent_id for theme in themes}
    members_of = grouped(passages.every, lambda one: family_of.get(one.theme_id))
    themes_of = grouped(themes, lambda theme: theme.parent_id)
    for family in rows_of(tables["theme_families"]):
        members = members_of.get(family.family_id, [])
        names = " ; ".join(plain_name(one.label) for one in themes_of.get(family.family_id, ()))
        said = table_range(n_sure_tables(members), n_tables_of(members))
        counts = number(len(members)), said
        rows.append((plain_name(family.label), names, *counts))
    return tuple(rows)


def family_labels(tables: Tables) -> dict[str, str]:
    """Map family_id to the family's name."""
    return {row.family_id: plain_name(row.label) for row in rows_of(tables["theme_families"])}


def trial_rows(tables: Tables) -> Rows:
    """Return the stability trials of the themes, or nothing where none was run."""
    return tuple(
        (word("essais", row.trial), number(row.mean_index, 2), typography(row.sentence))
        for row in rows_of(tables["theme_agreement"])
    )


def contrast_rows(
    tables: Tables, passages: Passages
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the territories, by first workshop, and a row a compared theme.

    No row where fewer than two territories have notes of a room. A dash marks a theme not said
    there.
    """
    territory_of = tables["workshops"].set_index("workshop_id")["territory"]
    workshops: dict[str, list[str]] = {}
    for workshop_id in passages.names:
        workshops.setdefault(territory_of[workshop_id], []).append(workshop_id)
    # mails alone are set against nobody's tables
    totals = {
        name: sum(passages.n_tables[one] for one in ids if passages.n_ranked_tables[one])
        for name, ids in workshops.items()
    }
    if sum(total > 0 for total in totals.values()) < 2:
        return tuple(map(plain_name, totals)), ()
    shown = shown_verdicts(tables["contrasts"], tables["theme_reach"])
    contrasts = tables["contrasts"].assign(shown=shown)
    contrasts = contrasts[contrasts["subject"] == "theme"]
    cells = {}
    for row in rows_of(contrasts[contrasts["territory"].isin(list(totals))]):
        total = totals[row.territory]
        n = passages.words(workshops[row.territory]).count(int(row.n_tables))
        counts = sentence("territoires.cellule", n=n, total=total) if total else "–"
        verdict = typography(row.shown)
        cell = f"{counts}\n{_SIGNS.get(verdict, '')}{verdict}".strip()
        cells[row.subject_id, row.territory] = cell
    rows = [
        (plain_name(theme.label), *(cells.get((theme.theme_id, name), "–") for name in totals))
        for theme in rows_of(ranked_themes(tables))
        if (contrasts["subject_id"] == theme.theme_id).any()
    ]
    return tuple(map(plain_name, totals)), tuple(rows)


def code_rows(passages: Passages, grid: Grid) -> dict[str, Rows]:
    """Return every code by axis, in the grid's order; unused ones have zeros."""
    rows: dict[str, Rows] = {}
    for axis in (axis.axis for axis in grid.axes):
        of_axis = []
        for code in grid.axis(axis):
            members = passages.of_code(axis, code.code)
            n_workshops = len({one.workshop_id for one in members})
            counts = len(members), n_tables_of(members), n_workshops
            words = plain_name(code.label), plain_text(code.definition)
            of_axis.append((*words, *map(number, counts)))
        rows[axis] = tuple(of_axis)
    return rows


def heats(passages: Passages, grid: Grid) -> tuple[Heat, ...]:
    """Return heat maps of the rubriques, if the grid has them, and of its own axes."""
    own = [axis for axis in axis_rows(grid) if not axis.is_standard]
    axes: list[AxisRow | None] = [None] if grid.axis(RUBRIQUE) or not own else []
    return tuple(_heat(passages, grid, axis) for axis in (*axes, *own))


def _heat(passages: Passages, grid: Grid, axis: AxisRow | None) -> Heat:
    name = axis.axis if axis else RUBRIQUE
    n_units = Counter(one.workshop_id for one in passages.every)
    workshop_ids = [workshop_id for workshop_id in passages.names if workshop_id in n_units]
    codes = [code for code in grid.axis(name) if passages.of_code(name, code.code)]
    shares = []
    for code in codes:
        counts = Counter(one.workshop_id for one in passages.of_code(name, code.code))
        shares.append(tuple(counts[one] / n_units[one] for one in workshop_ids))
    names = tuple(passages.names[workshop_id] for workshop_id in workshop_ids)
    return Heat(tuple(plain_name(code.label) for code in codes), names, tuple(shares), axis)
