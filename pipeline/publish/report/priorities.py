"""The first themes of each scope: why they rank there, how sure that is, and what people said.

In:   Passages, themes, priorities
Out:  Scope, the study first

Why a theme ranks where it does, as a sentence that can be checked against the notes.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.grid.codes import POSTURE, Grid
from pipeline.publish.report.content import Criterion, Priority, Quote, Scope, Share
from pipeline.publish.report.passages import (
    Passages,
    Places,
    Tables,
    n_remote,
    profile_lines,
    rows_of,
)
from pipeline.publish.report.themes import family_labels
from pipeline.publish.text import (
    CountMask,
    capitalised,
    count,
    joined,
    mask_one,
    percent,
    plain_name,
    printable,
    rank_interval,
    sentence,
    stability,
    typography,
    word,
)
from pipeline.rank.criteria import CRITERIA
from pipeline.settings.stages import PublishSettings
from pipeline.text import fold

_NEED = ("difficulte", "demande")
_N_REASONS = 3  # after where it was said


def reasons(
    members: pd.DataFrame,
    passages: Passages,
    scope: Collection[str],
    row: Mapping[Any, Any],
    lifts: Mapping[Any, float],
    *,
    least: int,
) -> str:
    """Return where it was said, then the criteria that lift it above the average theme, strongest first; `lifts` by criterion's column.

    Under `least`, how many wrote or called after the workshop is not told.
    """
    places, of_tables = passages.places(scope), sum(passages.n_held[name] for name in scope)
    said = [said_at(members, passages, scope)]
    if len(scope) > 1:
        said.append(
            sentence(
                "raisons.workshops",
                n=count(members["workshop_id"].nunique(), "atelier"),
                total=len(scope),
            )
        )
    postures = passages.tags[passages.tags["axis"] == "posture"].set_index("unit_id")["code"]
    members = members.assign(posture=members["unit_id"].map(postures[~postures.index.duplicated()]))
    worded = {
        "c_rapporteurs": _rapporteurs(members),
        "c_need": _need(members),
        "c_leverage": _at_tables("raisons.leverage", row.get("c_leverage", 0.0), of_tables, places),
        "c_late": _late(members, least),
        "c_severity": _at_tables("raisons.severity", row.get("c_severity", 0.0), of_tables, places),
    }
    above = sorted(
        (name for name in worded if worded[name] and lifts.get(name, 0.0) > 0),
        key=lambda name: -lifts[name],
    )
    return (
        capitalised(
            " ; ".join([joined(said), *(worded[name] for name in above[:_N_REASONS])]).replace(
                " ;", "\u202f;"
            )
        )
        + "."
    )


def said_at(members: pd.DataFrame, passages: Passages, scope: Collection[str]) -> str:
    """« dit à 3 tables sur 8 » of the workshops of `scope`, or by which ways it came where no table said it."""
    places = passages.places(scope)
    n_tables = members.loc[members["is_said"], "circle_id"].nunique()
    if n_tables:
        total = sum(passages.n_tables[name] for name in scope)
        return sentence("raisons.tables", n=places.many(n_tables), total=total, **places.words)
    ways = [
        *(
            word("raisons_voies", name)
            for name in ("mail", "telephone")
            if (members["channel"] == name).any()
        ),
        *([word("raisons_voies", "resume")] if members["is_summary"].any() else []),
    ]
    return sentence(
        "raisons.aucune_table",
        voies=joined(ways, "ou") or word("raisons_voies", "distance"),
        **places.words,
    )


def _rapporteurs(members: pd.DataFrame) -> str:
    summaries = members[members["is_summary"]]
    n_tables = summaries.loc[summaries["is_table"], "circle_id"].nunique()
    if n_tables:
        return sentence("raisons.rapporteurs", n=count(n_tables, "rapporteur"))
    return sentence("raisons.restitution") if len(summaries) else ""


def _late(members: pd.DataFrame, least: int) -> str:
    n_away = n_remote(members)
    if mask_one(n_away, least=least) is CountMask.SMALL:
        return sentence("raisons.a_distance_peu")
    return sentence("raisons.a_distance", n=count(n_away, "contribution")) if n_away else ""


def _at_tables(key: str, share: float, of_tables: int, places: Places) -> str:
    """What a share of the scope's tables say."""
    n_tables = round(share * of_tables)
    return sentence(key, n=places.many(n_tables), **places.words) if n_tables else ""


def _need(members: pd.DataFrame) -> str:
    n_needs = int(members["posture"].isin(_NEED).sum())
    key = "raisons.need_un" if n_needs == 1 else "raisons.need"
    return sentence(key, n=count(n_needs, "passage"), total=len(members)) if n_needs else ""


_PROPOSAL, _N_ACTIONS = "proposition", 6
_QUOTE_WORDS = 4  # a shorter passage is quoted only where nothing longer is left


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
        return tuple(self.scope(scope) for scope in ("study", *(names if len(names) > 1 else ())))

    def scope(self, scope: str) -> Scope:
        """One scope; without passages it has no priority."""
        ranked = self.tables["priorities"]
        ranked = ranked[
            (ranked["scope"] == scope) & ranked["theme_id"].isin(self.tables["themes"]["theme_id"])
        ].sort_values("rank")
        heard = self.passages.within(scope)
        title = sentence("titres.ensemble") if scope == "study" else self.passages.names[scope]
        means = ranked[[name for name in CRITERIA if name in ranked]].mean().to_dict()
        first = ranked.head(self.settings.n_priorities).to_dict("records")
        checks = self.tables["rank_checks"].sort_values(
            "check", ascending=False
        )  # methods first, late contributions last
        said = tuple(
            dict.fromkeys(
                typography(text) for text in checks.loc[checks["scope"] == scope, "sentence"]
            )
        )
        labels = self.tables["themes"].set_index("theme_id")["label"]
        return Scope(
            title,
            len(heard),
            len(ranked),
            tuple((int(row["rank"]), plain_name(labels[row["theme_id"]])) for row in first),
            said,
            lambda: tuple(self._priority(row, means, heard, scope) for row in first),
            lambda: self._actions(heard, [*ranked["theme_id"]], scope),
        )

    def _priority(
        self, row: Mapping[Any, Any], means: Mapping[Any, float], heard: pd.DataFrame, scope: str
    ) -> Priority:
        """One priority; `means` are the criteria of the scope's average theme."""
        theme = self.tables["themes"].set_index("theme_id").loc[row["theme_id"]]
        members = heard[heard["theme_id"] == row["theme_id"]]
        held = (scope,) if scope != "study" else tuple(self.passages.names)
        lifts = {name: self._weight(name) * (row[name] - mean) for name, mean in means.items()}
        return Priority(
            rank=int(row["rank"]),
            label=plain_name(theme["label"]),
            description=typography(printable(theme["description"])),
            score=float(row["score"]),
            why=reasons(members, self.passages, held, row, lifts, least=self.settings.least_count),
            interval=rank_interval(
                int(row["rank_low"]), int(row["rank_high"]), self.passages.places(held).retenus
            ),
            sureness=sentence("rang.cinq", part=percent(row["p_top5"])),
            stability=stability(theme["stability"]),
            n_units=len(members),
            n_tables=members.loc[members["is_said"], "circle_id"].nunique(),
            of_tables=sum(self.passages.n_tables[name] for name in held),
            said=said_at(members, self.passages, held),
            n_workshops=members["workshop_id"].nunique(),
            of_workshops=len(held),
            postures=self._postures(members),
            profile=self._profile(members),
            family=family_labels(self.tables).get(theme["parent_id"]),
            criteria=self._criteria(row),
            quotes=tuple(self._quotes(members, json.loads(theme["quotes"]), scope)),
        )

    def _actions(self, heard: pd.DataFrame, theme_ids: list[str], scope: str) -> tuple[Quote, ...]:
        """Passages that propose something, one a theme in the order of rank, then the next of each."""
        tags = self.passages.tags
        proposed = tags.loc[(tags["axis"] == "posture") & (tags["code"] == _PROPOSAL), "unit_id"]
        places = {theme_id: place for place, theme_id in enumerate(theme_ids)}
        asked = heard[heard["unit_id"].isin(proposed) & heard["theme_id"].isin(theme_ids)]
        asked = asked.assign(place=asked["theme_id"].map(places)).sort_values(
            ["place", "strength", "unit_id"], ascending=[True, False, True]
        )
        asked = asked[asked["text"].str.count(r"\S+") >= _QUOTE_WORDS]
        asked = asked.assign(turn=asked.groupby("theme_id").cumcount()).sort_values(
            ["turn", "place"], kind="stable"
        )
        return tuple(self._quote(row, scope) for row in rows_of(asked.head(_N_ACTIONS)))

    def _quote(self, row: Any, scope: str) -> Quote:
        return Quote(
            row.text,
            ", ".join(
                [self.passages.names[row.workshop_id], row.where]
                if scope == "study"
                else [row.where]
            ),
        )

    def _criteria(self, row: Mapping[Any, Any]) -> tuple[Criterion, ...]:
        """Each criterion in the order of CRITERIA; contributions are weighted shares of the score."""
        found = {name: float(row[name]) for name in CRITERIA if name in row}
        places = self.passages.places(self.passages.names)
        return tuple(
            Criterion(places.criterion(name)[0], value, value * self._weight(name))
            for name, value in found.items()
        )

    def _weight(self, name: str) -> float:
        """The share of a criterion among the weights, 0..1."""
        total = sum(self.weights.get(known.removeprefix("c_"), 0.0) for known in CRITERIA)
        return self.weights.get(name.removeprefix("c_"), 0.0) / total if total else 0.0

    def _postures(self, members: pd.DataFrame) -> tuple[Share, ...]:
        """Passages of each posture of the grid that occurs."""
        tags = self.passages.tags
        counts = tags[(tags["axis"] == POSTURE) & tags["unit_id"].isin(members["unit_id"])][
            "code"
        ].value_counts()
        codes = self.grid.axis(POSTURE)
        return tuple(
            Share(typography(code.label), int(counts[code.code]), index)
            for index, code in enumerate(codes)
            if code.code in counts.index
        )

    def _profile(self, members: pd.DataFrame) -> tuple[str, ...]:
        """The codes of the axes that the grid brings, a line an axis."""
        tags = self.passages.tags
        coded = tags[tags["unit_id"].isin(members["unit_id"])].merge(
            members, on="unit_id", validate="many_to_one"
        )
        return profile_lines(coded, self.grid, self.passages.places(self.passages.names))

    def _quotes(self, members: pd.DataFrame, central: list[str], scope: str) -> list[Quote]:
        """Verbatim passages, most central first, from as many workshops and circles as possible and never the same words twice."""
        place = {unit_id: rank for rank, unit_id in enumerate(central)}
        ordered = members.assign(
            is_short=(members["text"].str.count(r"\S+") < _QUOTE_WORDS)
            & ~members["unit_id"].isin(place),
            central=members["unit_id"].map(place).fillna(len(place)),
        ).sort_values(
            ["is_short", "central", "strength", "unit_id"], ascending=[True, True, False, True]
        )
        ordered = ordered[~ordered["text"].map(fold).duplicated()]
        for whole in ("circle_id", "workshop_id"):
            ordered = ordered.assign(turn=ordered.groupby(whole).cumcount()).sort_values(
                "turn", kind="stable"
            )
        return [self._quote(row, scope) for row in rows_of(ordered.head(self.settings.n_quotes))]
