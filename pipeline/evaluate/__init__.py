"""Measure a processed study against gold labels: reading, segmentation, codes, themes, priorities, privacy.

Gold passages and the study's units rarely have the same bounds, so both are aligned word by word inside each document; a unit answers
for a gold passage when it covers at least half of the passage or of itself. Figures are shares in 0..1.

In:   the study's tables; a folder with units.jsonl, and pii.jsonl and themes.yaml where there are some
Out:  figures by subject; a subject whose gold file or table is missing has none

How often a passage's table, question and channel are right.

Whether gold personal data can still be read anywhere in the tables.

How well the study's themes and first priorities agree with the analyst's.

F1 of rubriques, piliers and the like, and accuracy of postures and the like, over gold passages.

Agreement of the coders over the gold passages: the gold, other readers beside it, the machine.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from pipeline.agreement import MACHINE, WHOLE_AXIS, Coding, measure_agreement
from pipeline.errors import StudyError
from pipeline.evaluate.gold import Alignment, Gold, align_study, gold_codes, read_gold
from pipeline.grid.codes import POSTURE, RUBRIQUE, STANDARD, Axis, Grid
from pipeline.text import fold, plain_texts

_COLUMNS = (("table_number", "table"), ("question", "question"), ("channel", "channel"))


def place_figures(
    passages: Sequence[dict[str, Any]], units: pd.DataFrame, aligned: Alignment
) -> dict[str, float]:
    """Return one share a column; a column of which the gold knows nothing has none."""
    found = [passage for passage in passages if passage["unit_id"] in aligned.best]
    figures = {}
    for column, key in _COLUMNS:
        value_of = dict(zip(units["unit_id"], units[column], strict=True))
        known = [passage for passage in found if passage[key] not in (None, "autre")]
        if known:
            n_right = sum(
                _same(value_of[aligned.best[passage["unit_id"]]], passage[key]) for passage in known
            )
            figures[f"{column}_right"] = round(n_right / len(known), 3)
    return figures


def _same(value: Any, wanted: Any) -> bool:
    return not pd.isna(value) and str(value).removesuffix(".0") == str(wanted)


_OWN_NAMES = ("path", "document")  # these keep the depot's file names, as the dictionary says
_N_SHOWN = 20


def privacy_figures(
    personal: Sequence[dict[str, Any]] | None, tables: dict[str, pd.DataFrame]
) -> dict[str, Any] | None:
    """Return the share of personal data removed, by kind, and the first twenty leaks."""
    if personal is None:
        return None
    everything = "\n".join(_texts(tables))
    leaked = [
        item
        for item in personal
        if re.search(rf"(?<!\w){re.escape(item['quote'])}(?!\w)", everything)
    ]
    totals, leaks = (Counter(item["kind"] for item in items) for items in (personal, leaked))
    recall = {kind: round(1 - leaks[kind] / total, 3) for kind, total in totals.items()}
    return {"recall": recall, "leaked": [item["quote"] for item in leaked[:_N_SHOWN]]}


def _texts(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Every distinct value of every text column, in the tables' order."""
    return [
        value
        for _, table in sorted(tables.items())
        for column in table.columns
        if column not in _OWN_NAMES
        for value in table[column].dropna().unique()
        if isinstance(value, str)
    ]


_LEFT_OUT = "-none-"
_N_FIRST = 5


def theme_figures(
    passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment
) -> dict[str, Any]:
    """Return agreement over passages that have a gold theme; those left out by the study count as one more theme."""
    truth, said = _themes_of(passages, theme_members, aligned)
    return {
        "ami": round(float(adjusted_mutual_info_score(truth, said)), 3),
        "ari": round(float(adjusted_rand_score(truth, said)), 3),
        "k_gold": len(set(truth)),
        "k_study": len(set(said) - {_LEFT_OUT}),
        "left_out": round(said.count(_LEFT_OUT) / max(1, len(said)), 3),
    }


def priority_figures(
    gold: Gold, theme_members: pd.DataFrame, priorities: pd.DataFrame, aligned: Alignment
) -> dict[str, Any] | None:
    """Return, by workshop, how many of the analyst's first five the study's first five name; None where either has no ranking.

    A theme goes by the name of the gold theme of most of its passages.
    """
    if gold.priorities is None or priorities.empty:
        return None
    names = _names(gold.passages, theme_members, aligned)
    scopes = sorted(set(priorities["scope"]) - {"study"})
    figures = {}
    for workshop, wanted in gold.priorities.items():
        mine = priorities[
            priorities["scope"].isin([scope for scope in scopes if _is_same_place(workshop, scope)])
        ]
        first = [
            names.get(theme_id)
            for theme_id in mine.sort_values("rank", kind="stable").head(_N_FIRST)["theme_id"]
        ]
        hits = set(first) & set(wanted[:_N_FIRST])
        figures[workshop] = {"hits_of_5": len(hits), "named": first, "wanted": wanted[:_N_FIRST]}
    return figures


def _themes_of(
    passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment
) -> tuple[list[str], list[str]]:
    """Gold theme and study's theme of each passage that has a gold theme."""
    theme_of = dict(zip(theme_members["unit_id"], theme_members["theme_id"], strict=True))
    themed = [passage for passage in passages if passage["theme"]]
    said = [
        str(theme_of.get(aligned.best.get(passage["unit_id"], ""), _LEFT_OUT)) for passage in themed
    ]
    return [passage["theme"] for passage in themed], said


def _names(
    passages: Sequence[dict[str, Any]], theme_members: pd.DataFrame, aligned: Alignment
) -> dict[str, str]:
    """Gold theme that gives each of the study's themes most of its passages."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for gold_theme, theme_id in zip(*_themes_of(passages, theme_members, aligned), strict=True):
        votes[theme_id][gold_theme] += 1
    return {
        theme_id: votes[theme_id].most_common(1)[0][0]
        for theme_id in votes
        if theme_id != _LEFT_OUT
    }


def _is_same_place(workshop: str, scope: str) -> bool:
    """Whether a scope (a workshop_id) and the gold's name of a workshop mean the same place: one holds the other, dates apart."""
    name, other = fold(workshop).replace(" ", ""), fold(scope).replace(" ", "")
    return (
        name in other
        or other in name
        or any(len(word) > 5 and word in other for word in re.findall(r"[a-z]+", name))
    )


USUAL_AXES = tuple(STANDARD.values())
_N_DRAWS, _SEED = 200, 0
_BOUNDS = (2.5, 97.5)
_NONE = "?"

Matrix = NDArray[np.int64]


def code_figures(
    passages: Sequence[dict[str, Any]],
    tags: pd.DataFrame,
    aligned: Alignment,
    axes: Sequence[Axis] = USUAL_AXES,
) -> dict[str, dict[str, Any]]:
    """Return micro, macro and samples F1, its interval, and the F1 of each code, by axis of several codes."""
    codes_of = _codes_of(tags)
    figures = {}
    for axis in (axis.axis for axis in axes if not axis.is_exclusive):
        truths = [gold_codes(passage, axis) for passage in passages]
        labels = sorted(set().union(*truths))
        if not labels:
            continue
        said = [
            set().union(
                *(
                    codes_of.get((unit_id, axis), set())
                    for unit_id in aligned.over.get(passage["unit_id"], [])
                )
            )
            for passage in passages
        ]
        truth = _matrix(truths, labels)
        figures[axis] = _f1_figures(truth, _matrix(said, labels), labels)
    return figures


def exclusive_figures(
    passages: Sequence[dict[str, Any]],
    tags: pd.DataFrame,
    aligned: Alignment,
    axes: Sequence[Axis] = USUAL_AXES,
) -> dict[str, dict[str, float]]:
    """Return accuracy and macro F1 by axis of exactly one code, over the passages that the gold gives one.

    Postures are asked of the passages with a rubrique, where the gold has rubriques: noise has no posture to be right about.
    """
    figures = {
        axis.axis: _accuracy(passages, axis.axis, tags, aligned)
        for axis in axes
        if axis.is_exclusive
    }
    return {axis: found for axis, found in figures.items() if found}


def _accuracy(
    passages: Sequence[dict[str, Any]], axis: str, tags: pd.DataFrame, aligned: Alignment
) -> dict[str, float]:
    codes_of = _codes_of(tags)
    asked = (
        RUBRIQUE
        if axis == POSTURE and any(gold_codes(passage, RUBRIQUE) for passage in passages)
        else axis
    )
    content = [passage for passage in passages if gold_codes(passage, asked)]
    if not content:
        return {}
    truth = [min(gold_codes(passage, axis), default="") for passage in content]
    said = [
        min(codes_of.get((aligned.best.get(passage["unit_id"], ""), axis), {_NONE}))
        for passage in content
    ]
    n_right = sum(one == other for one, other in zip(truth, said, strict=True))
    labels = sorted({*truth, *said})
    one_hot = [_matrix([{code} for code in codes], labels) for codes in (truth, said)]
    macro_f1 = float(_f1(*one_hot, axis=0, blank=0).mean())
    return {"accuracy": round(n_right / len(content), 3), "macro_f1": round(macro_f1, 3)}


def _codes_of(tags: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    """Assigned codes by unit_id and axis."""
    assigned = tags[tags["is_assigned"].astype(bool)]
    found: dict[tuple[str, str], set[str]] = {}
    for unit_id, axis, code in zip(
        assigned["unit_id"], assigned["axis"], assigned["code"], strict=True
    ):
        found.setdefault((unit_id, axis), set()).add(code)
    return found


def _matrix(code_sets: list[set[str]], labels: list[str]) -> Matrix:
    """1 where a passage has a code, (n_passages, n_labels)."""
    return np.array(
        [[code in codes for code in labels] for codes in code_sets], dtype=np.int64
    ).reshape(len(code_sets), len(labels))


def _f1_figures(truth: Matrix, said: Matrix, labels: list[str]) -> dict[str, Any]:
    by_code = _f1(truth, said, axis=0, blank=0)
    by_passage = _f1(truth, said, axis=1, blank=1)
    return {
        "micro_f1": round(float(_f1(truth, said, axis=None, blank=0)), 3),
        "macro_f1": round(float(by_code.mean()), 3),
        "samples_f1": round(float(by_passage.mean()), 3),
        "samples_f1_ci95": _interval(by_passage),
        "per_code": {
            code: round(float(score), 2) for code, score in zip(labels, by_code, strict=True)
        },
    }


def _f1(truth: Matrix, said: Matrix, *, axis: int | None, blank: float) -> NDArray[np.float64]:
    """F1 over everything (None), by code (0) or by passage (1); `blank` where neither side has any code."""
    n_right, n_codes = (truth * said).sum(axis=axis), (truth + said).sum(axis=axis)
    return np.where(n_codes > 0, 2 * n_right / np.maximum(n_codes, 1), blank)


def _interval(by_passage: NDArray[np.float64]) -> list[float]:
    """95 % interval of the mean, passages resampled."""
    rng = np.random.default_rng(_SEED)
    n_passages = len(by_passage)
    means = [
        float(by_passage[rng.integers(0, n_passages, n_passages)].mean()) for _ in range(_N_DRAWS)
    ]
    return [round(float(np.percentile(means, bound)), 3) for bound in _BOUNDS]


_GOLD = "référence"
_SHOWN = (
    "n_units",
    "f1",
    "f1_low",
    "f1_high",
    "samples_f1",
    "macro_f1",
    "kappa",
    "alpha",
    "alpha_low",
    "alpha_high",
)

Put = frozenset[tuple[str, str]]


def agreement_figures(
    gold: Gold, tags: pd.DataFrame, aligned: Alignment, grid: Grid
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the whole-axis figures of each pair of coders, such as {"référence et annotateur2": {"rubrique": {"f1": …}}}."""
    codings = [
        Coding(_GOLD, {passage["unit_id"]: _codes(passage, grid) for passage in gold.passages})
    ]
    codings += [
        Coding(name, {row["unit_id"]: _codes(row, grid) for row in rows})
        for name, rows in gold.readers.items()
    ]
    codings.append(Coding(MACHINE, _of_machine(gold, tags, aligned, grid)))
    found = measure_agreement(codings, grid)
    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found[found["code"] == WHOLE_AXIS].to_dict("records"):
        pair = figures.setdefault(f"{row['first_coder']} et {row['second_coder']}", {})
        pair[str(row["axis"])] = {name: row[name] for name in _SHOWN if not pd.isna(row[name])}
    return figures


def _codes(row: dict[str, Any], grid: Grid) -> Put:
    return frozenset((axis.axis, code) for axis in grid.axes for code in gold_codes(row, axis.axis))


def _of_machine(gold: Gold, tags: pd.DataFrame, aligned: Alignment, grid: Grid) -> dict[str, Put]:
    """The codes of the units that answer for each passage that was read; of an exclusive axis, that of the one with most of its words."""
    put: dict[str, set[tuple[str, str]]] = {}
    for unit_id, axis, code in tags.loc[
        tags["is_assigned"].astype(bool), ["unit_id", "axis", "code"]
    ].itertuples(index=False):
        put.setdefault(unit_id, set()).add((axis, code))
    read = [passage["unit_id"] for passage in gold.passages if passage["unit_id"] in aligned.best]
    return {
        passage: frozenset(
            {
                entry
                for unit in aligned.over[passage]
                for entry in put.get(unit, set())
                if entry[0] not in grid.exclusive
            }
            | {
                entry
                for entry in put.get(aligned.best[passage], set())
                if entry[0] in grid.exclusive
            }
        )
        for passage in read
    }


__all__ = ["Gold", "evaluate_study", "read_gold"]


def evaluate_study(
    tables: dict[str, pd.DataFrame], gold_dir: Path, grid: Grid | None = None
) -> dict[str, Any]:
    """Return the figures of `tables` against the gold labels of `gold_dir`; with the study's `grid`, the agreement of all coders too.

    Raises `StudyError` when the folder has no readable units.jsonl or the study has no unit.
    """
    gold, axes = read_gold(gold_dir), USUAL_AXES if grid is None else grid.axes
    units, documents = plain_texts(tables["units"]), tables["documents"]
    if units.empty:
        raise StudyError(
            "aucun passage dans l'étude",
            "une étude traitée",
            "ateliers run ÉTUDE, puis relancer la mesure",
        )
    aligned = align_study(gold.passages, units, documents)
    figures: dict[str, Any] = {
        "gold_units": len(gold.passages),
        "study_documents": len(documents),
        "study_units": len(units),
    }
    figures |= aligned.figures() | place_figures(gold.passages, units, aligned)
    if not tables["tags"].empty:
        figures |= code_figures(gold.passages, tables["tags"], aligned, axes)
        figures |= exclusive_figures(gold.passages, tables["tags"], aligned, axes)
        if grid is not None:
            figures["agreement"] = agreement_figures(gold, tables["tags"], aligned, grid)
    if not tables["second_tags"].empty:
        figures["second"] = _second_figures(gold, tables["second_tags"], aligned, axes)
    if not tables["theme_members"].empty:
        figures["themes"] = theme_figures(gold.passages, tables["theme_members"], aligned)
        figures["priorities"] = priority_figures(
            gold, tables["theme_members"], tables["priorities"], aligned
        )
    figures["privacy"] = privacy_figures(gold.personal, tables)
    return figures


def _second_figures(
    gold: Gold, second_tags: pd.DataFrame, aligned: Alignment, axes: Sequence[Axis]
) -> dict[str, Any]:
    """The second coder's figures, over the passages whose every unit it coded."""
    coded = set(second_tags["unit_id"])
    passages = [
        row
        for row in gold.passages
        if (units := aligned.over.get(row["unit_id"])) and coded.issuperset(units)
    ]
    figures = code_figures(passages, second_tags, aligned, axes) | exclusive_figures(
        passages, second_tags, aligned, axes
    )
    return {"gold_units": len(passages), **figures}
