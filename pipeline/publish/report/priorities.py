"""The first themes of each scope: why they rank there, how sure that is, and what people said.

In:   Passages, themes, priorities, rank_checks
Out:  Scope, the study first
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.grid.codes import POSTURE, Grid
from pipeline.publish.report.content import Priority, ReportCriterion, ReportQuote, Scope, Share
from pipeline.publish.report.passages import (
    Passages,
    Tables,
    is_scrap,
    n_remote,
    n_tables_of,
    profile_lines,
    rows_of,
)
from pipeline.publish.report.themes import family_labels
from pipeline.publish.text import (
    NARROW,
    CountMask,
    capitalised,
    count,
    joined,
    mask_one,
    percent,
    plain_name,
    rank_interval,
    sentence,
    stability,
    typography,
    word,
)
from pipeline.rank.criteria import CRITERIA
from pipeline.settings.sections import PublishSettings
from pipeline.text import fold

_NEED, _PROPOSAL = ("difficulte", "demande"), "proposition"
_N_REASONS = 3  # after where it was said
_N_ACTIONS = 6


@dataclass(frozen=True)
class ScopeMaker:
    """What every scope is made from."""

    tables: Tables
    passages: Passages
    grid: Grid
    settings: PublishSettings
    weights: Mapping[str, float]

    def scopes(self) -> tuple[Scope, ...]:
        """The study, then its workshops in order of date; a study of one workshop is one scope."""
        names = self.passages.names
        return tuple(map(self.scope, ("study", *(names if len(names) > 1 else ()))))

    def scope(self, scope: str) -> Scope:
        """One scope; without passages it has no priority."""
        ranked, themes = self.tables["priorities"], self.tables["themes"].set_index("theme_id")
        ranked = ranked[(ranked["scope"] == scope) & ranked["theme_id"].isin(themes.index)]
        ranked = ranked.sort_values("rank")
        rows = self.passages.of_scope(scope)
        title = sentence("titres.ensemble") if scope == "study" else self.passages.names[scope]
        means = ranked[[name for name in CRITERIA if name in ranked]].mean().to_dict()
        first = ranked.head(self.settings.n_priorities).to_dict("records")
        # methods first, late contributions last
        checks = self.tables["rank_checks"].sort_values("check", ascending=False)
        sentences = checks.loc[checks["scope"] == scope, "sentence"].map(typography)
        return Scope(
            title,
            len(rows),
            len(ranked),
            tuple(
                (int(row["rank"]), plain_name(themes["label"][row["theme_id"]])) for row in first
            ),
            tuple(dict.fromkeys(sentences)),
            lambda: tuple(self._priority(row, means, rows, scope) for row in first),
            lambda: self._actions(rows, [*ranked["theme_id"]], scope),
        )

    def _priority(
        self, row: Mapping[Any, Any], means: Mapping[Any, float], rows: pd.DataFrame, scope: str
    ) -> Priority:
        """One priority; `means` are the criteria of the scope's average theme."""
        passages = self.passages
        theme = self.tables["themes"].set_index("theme_id").loc[row["theme_id"]]
        members = rows[rows["theme_id"] == row["theme_id"]]
        workshop_ids = (scope,) if scope != "study" else tuple(passages.names)
        tags = passages.tags[passages.tags["unit_id"].isin(members["unit_id"])]
        coded = tags.merge(members, on="unit_id", validate="many_to_one")
        drawn = passages.words(workshop_ids).retenus
        return Priority(
            rank=int(row["rank"]),
            label=plain_name(theme["label"]),
            score=float(row["score"]),
            why=self._reasons(members, workshop_ids, row, means),
            interval=rank_interval(int(row["rank_low"]), int(row["rank_high"]), drawn),
            sureness=sentence("rang.cinq", part=percent(row["p_top5"])),
            stability=stability(theme["stability"]),
            n_units=len(members),
            n_tables=n_tables_of(members),
            of_tables=sum(passages.n_tables[name] for name in workshop_ids),
            said=said_at(members, passages, workshop_ids),
            n_workshops=members["workshop_id"].nunique(),
            of_workshops=len(workshop_ids),
            postures=self._postures(members),
            profile=profile_lines(coded, self.grid, passages.words()),
            family=family_labels(self.tables).get(theme["parent_id"]),
            criteria=tuple(
                ReportCriterion(passages.words().criterion(name)[0], row[name] * self._weight(name))
                for name in CRITERIA
                if name in row
            ),
            quotes=self._quotes(members, json.loads(theme["quotes"]), scope),
        )

    def _weight(self, name: str) -> float:
        """The share of a criterion among the weights, 0..1."""
        total = sum(self.weights.get(other.removeprefix("c_"), 0.0) for other in CRITERIA)
        return self.weights.get(name.removeprefix("c_"), 0.0) / total if total else 0.0

    def _reasons(
        self,
        members: pd.DataFrame,
        workshop_ids: Collection[str],
        row: Mapping[Any, Any],
        means: Mapping[Any, float],
    ) -> str:
        """Where it was said, then the criteria that lift it above the average, strongest first."""
        said = [said_at(members, self.passages, workshop_ids)]
        if len(workshop_ids) > 1:
            n = count(members["workshop_id"].nunique(), "atelier")
            said.append(sentence("raisons.workshops", n=n, total=len(workshop_ids)))
        words = self.passages.words(workshop_ids)
        of_tables = sum(self.passages.n_ranked_tables[name] for name in workshop_ids)
        reasons = {
            "c_rapporteurs": _rapporteurs(members),
            "c_need": self._need(members),
            "c_late": self._late(members),
        }
        for name in ("leverage", "severity"):
            n_tables = round(row.get(f"c_{name}", 0.0) * of_tables)
            told = words.sentence(f"raisons.{name}", n=words.count(n_tables)) if n_tables else ""
            reasons[f"c_{name}"] = told
        lifts = {name: self._weight(name) * (row[name] - mean) for name, mean in means.items()}
        above = [name for name in _REASON_ORDER if reasons[name] and lifts.get(name, 0.0) > 0]
        above.sort(key=lambda name: -lifts[name])
        parts = [joined(said), *(reasons[name] for name in above[:_N_REASONS])]
        return capitalised(f"{NARROW}; ".join(parts)) + "."

    def _need(self, members: pd.DataFrame) -> str:
        postures = self._tags(POSTURE).drop_duplicates("unit_id").set_index("unit_id")["code"]
        n = int(members["unit_id"].map(postures).isin(_NEED).sum())
        key = "raisons.need_un" if n == 1 else "raisons.need"
        return sentence(key, n=count(n, "passage"), total=len(members)) if n else ""

    def _late(self, members: pd.DataFrame) -> str:
        """How many wrote or called after the workshop; a small number is not told."""
        n = n_remote(members)
        if mask_one(n, least=self.settings.least_count) is CountMask.SMALL:
            return sentence("raisons.a_distance_peu")
        return sentence("raisons.a_distance", n=count(n, "contribution")) if n else ""

    def _postures(self, members: pd.DataFrame) -> tuple[Share, ...]:
        """Passages of each posture of the grid that occurs."""
        tags = self._tags(POSTURE)
        counts = tags[tags["unit_id"].isin(members["unit_id"])]["code"].value_counts()
        return tuple(
            Share(typography(code.label), int(counts[code.code]), i)
            for i, code in enumerate(self.grid.axis(POSTURE))
            if code.code in counts.index
        )

    def _tags(self, axis: str) -> pd.DataFrame:
        tags = self.passages.tags
        return tags[tags["axis"] == axis]

    def _quotes(
        self, members: pd.DataFrame, central: list[str], scope: str
    ) -> tuple[ReportQuote, ...]:
        """Verbatim passages, most central first, never the same words twice.

        They come from as many workshops and circles as possible.
        """
        rank = members["unit_id"].map({unit_id: i for i, unit_id in enumerate(central)})
        ordered = members.assign(
            is_short=is_scrap(members) & rank.isna(), central=rank.fillna(len(central))
        ).sort_values(
            ["is_short", "central", "strength", "unit_id"], ascending=[True, True, False, True]
        )
        ordered = ordered[~ordered["text"].map(fold).duplicated()]
        for whole in ("circle_id", "workshop_id"):
            turn = ordered.groupby(whole).cumcount()
            ordered = ordered.assign(turn=turn).sort_values("turn", kind="stable")
        return self._quoted(ordered.head(self.settings.n_quotes), scope)

    def _actions(
        self, rows: pd.DataFrame, theme_ids: list[str], scope: str
    ) -> tuple[ReportQuote, ...]:
        """Passages that propose something, one a theme in the order of rank, then the next."""
        tags = self._tags(POSTURE)
        proposals = tags.loc[tags["code"] == _PROPOSAL, "unit_id"]
        rank = {theme_id: i for i, theme_id in enumerate(theme_ids)}
        rows = rows[rows["unit_id"].isin(proposals) & rows["theme_id"].isin(theme_ids)]
        rows = rows.assign(theme_rank=rows["theme_id"].map(rank)).sort_values(
            ["theme_rank", "strength", "unit_id"], ascending=[True, False, True]
        )
        rows = rows[~is_scrap(rows)]
        turn = rows.groupby("theme_id").cumcount()
        rows = rows.assign(turn=turn).sort_values(["turn", "theme_rank"], kind="stable")
        return self._quoted(rows.head(_N_ACTIONS), scope)

    def _quoted(self, rows: pd.DataFrame, scope: str) -> tuple[ReportQuote, ...]:
        names = self.passages.names if scope == "study" else {}
        return tuple(
            ReportQuote(
                row.text,
                f"{names[row.workshop_id]}, {row.where}" if scope == "study" else row.where,
            )
            for row in rows_of(rows)
        )


# of two criteria that lift a theme as much, the first here comes first
_REASON_ORDER = ("c_rapporteurs", "c_need", "c_leverage", "c_late", "c_severity")


def said_at(members: pd.DataFrame, passages: Passages, workshop_ids: Collection[str]) -> str:
    """« dit à 3 tables sur 8 » of these workshops, or how it came where no table said it."""
    words, n_tables = passages.words(workshop_ids), n_tables_of(members)
    if n_tables:
        total = sum(passages.n_tables[name] for name in workshop_ids)
        return words.sentence("raisons.tables", n=words.count(n_tables), total=total)
    ways = [name for name in ("mail", "telephone") if (members["channel"] == name).any()]
    ways += ["resume"] if members["is_summary"].any() else []
    names = [word("raisons_voies", way) for way in ways or ["distance"]]
    return words.sentence("raisons.aucune_table", voies=joined(names, "ou"))


def _rapporteurs(members: pd.DataFrame) -> str:
    summaries = members[members["is_summary"]]
    n_tables = summaries.loc[summaries["is_table"], "circle_id"].nunique()
    if n_tables:
        return sentence("raisons.rapporteurs", n=count(n_tables, "rapporteur"))
    return sentence("raisons.restitution") if len(summaries) else ""
