"""Measure a processed study against gold labels: reading, codes, themes, priorities, privacy.

In:   the study's tables; a folder with units.jsonl, and pii.jsonl and themes.yaml where there are
Out:  figures in 0..1 by subject; none where the gold file or table is missing

Gold passages and units rarely have the same bounds, so both are aligned word by word.
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

from pipeline.agreement import MACHINE, WHOLE_AXIS, CoderCodes, Codes, measure_agreement
from pipeline.errors import StudyError
from pipeline.evaluate.gold import Alignment, Gold, Passage, align_study, gold_codes, read_gold
from pipeline.grid.codes import POSTURE, RUBRIQUE, STANDARD, Axis, Grid
from pipeline.text import fold, plain_texts

Matrix = NDArray[np.int64]
CodeSets = dict[tuple[str, str], set[str]]  # codes by unit_id and axis

STANDARD_AXES = tuple(STANDARD.values())
_FILE_NAME_COLUMNS = ["path", "document"]  # hold the depot's file names
_N_LEAKS = 20
_NO_THEME, _NO_CODE = "-none-", "?"
_N_FIRST = 5
_GOLD = "référence"
_AGREEMENT_COLUMNS = (
    *("n_units", "f1", "f1_low", "f1_high", "samples_f1", "macro_f1"),
    *("kappa", "alpha", "alpha_low", "alpha_high"),
)
_N_DRAWS, _SEED, _BOUNDS = 200, 0, (2.5, 97.5)


def evaluate_study(
    tables: dict[str, pd.DataFrame], gold_dir: Path, grid: Grid | None = None
) -> dict[str, Any]:
    """Return the figures of `tables` against the gold labels of `gold_dir`.

    With the `grid`, the agreement of all coders too. Raises `StudyError` without readable
    units.jsonl or without units.
    """
    gold, axes = read_gold(gold_dir), STANDARD_AXES if grid is None else grid.axes
    units, documents, tags = plain_texts(tables["units"]), tables["documents"], tables["tags"]
    if units.empty:
        raise StudyError(
            "aucun passage dans l'étude",
            "une étude traitée",
            "ateliers run ÉTUDE, puis relancer la mesure",
        )
    alignment = align_study(gold.passages, units, documents)
    figures: dict[str, Any] = {
        "gold_units": len(gold.passages),
        "study_documents": len(documents),
        "study_units": len(units),
    }
    figures |= alignment.figures() | _context_figures(gold.passages, units, alignment)
    if not tags.empty:
        figures |= code_figures(gold.passages, tags, alignment, axes)
        figures |= exclusive_figures(gold.passages, tags, alignment, axes)
        if grid is not None:
            figures["agreement"] = _agreement_figures(gold, tags, alignment, grid)
    if not tables["second_tags"].empty:
        figures["second"] = _second_figures(gold, tables["second_tags"], alignment, axes)
    members = tables["theme_members"]
    if not members.empty:
        truth, themes = _themes_of(gold.passages, members, alignment)
        figures["themes"] = _theme_figures(truth, themes)
        figures["priorities"] = _priority_figures(gold, truth, themes, tables["priorities"])
    figures["privacy"] = _privacy_figures(gold.personal, tables)
    return figures


def _context_figures(
    passages: Sequence[Passage], units: pd.DataFrame, alignment: Alignment
) -> dict[str, float]:
    figures = {}
    for column, key in (
        ("table_number", "table"),
        ("question", "question"),
        ("channel", "channel"),
    ):
        value_of = dict(zip(units["unit_id"], units[column], strict=True))
        is_right: list[bool] = []
        for passage in passages:
            unit_id, truth = alignment.best.get(passage["unit_id"]), passage[key]
            if unit_id is not None and truth not in (None, "autre"):
                value = value_of[unit_id]
                is_right.append(str(value).removesuffix(".0") == str(truth))
        if is_right:
            figures[f"{column}_right"] = round(sum(is_right) / len(is_right), 3)
    return figures


def code_figures(
    passages: Sequence[Passage],
    tags: pd.DataFrame,
    alignment: Alignment,
    axes: Sequence[Axis] = STANDARD_AXES,
) -> dict[str, dict[str, Any]]:
    """Return micro, macro and samples F1, its interval and F1 by code, by non-exclusive axis."""
    codes_of = _code_sets(tags)
    figures = {}
    for axis in (axis.axis for axis in axes if not axis.is_exclusive):
        truth_sets = [gold_codes(passage, axis) for passage in passages]
        names = sorted(set().union(*truth_sets))
        if not names:
            continue
        code_sets = []
        for passage in passages:
            unit_ids = alignment.units.get(passage["unit_id"], [])
            code_sets.append(set().union(*(codes_of[unit_id, axis] for unit_id in unit_ids)))
        truth, codes = _matrix(truth_sets, names), _matrix(code_sets, names)
        by_code = _f1(truth, codes, axis=0, blank=0)
        by_passage = _f1(truth, codes, axis=1, blank=1)
        scores = zip(names, by_code, strict=True)
        figures[axis] = {
            "micro_f1": round(float(_f1(truth, codes, axis=None, blank=0)), 3),
            "macro_f1": round(float(by_code.mean()), 3),
            "samples_f1": round(float(by_passage.mean()), 3),
            "samples_f1_ci95": _interval(by_passage),
            "per_code": {code: round(float(score), 2) for code, score in scores},
        }
    return figures


def exclusive_figures(
    passages: Sequence[Passage],
    tags: pd.DataFrame,
    alignment: Alignment,
    axes: Sequence[Axis] = STANDARD_AXES,
) -> dict[str, dict[str, float]]:
    """Return accuracy and macro F1 by exclusive axis, over the coded gold passages.

    Postures only count on passages with a rubrique, where the gold has any: noise has no posture.
    """
    codes_of = _code_sets(tags)
    has_rubriques = any(gold_codes(passage, RUBRIQUE) for passage in passages)
    figures = {}
    for axis in (axis.axis for axis in axes if axis.is_exclusive):
        asked_axis = RUBRIQUE if axis == POSTURE and has_rubriques else axis
        asked = [passage for passage in passages if gold_codes(passage, asked_axis)]
        if not asked:
            continue
        truth = [min(gold_codes(passage, axis), default="") for passage in asked]
        units = [alignment.best.get(passage["unit_id"], "") for passage in asked]
        codes = [min(codes_of[unit_id, axis], default=_NO_CODE) for unit_id in units]
        n_right = sum(code == other for code, other in zip(truth, codes, strict=True))
        names = sorted({*truth, *codes})
        one_hot = [_matrix([{code} for code in column], names) for column in (truth, codes)]
        macro_f1 = float(_f1(*one_hot, axis=0, blank=0).mean())
        accuracy = round(n_right / len(asked), 3)
        figures[axis] = {"accuracy": accuracy, "macro_f1": round(macro_f1, 3)}
    return figures


def _code_sets(tags: pd.DataFrame) -> CodeSets:
    codes: CodeSets = defaultdict(set)
    assigned = tags[tags["is_assigned"].astype(bool)]
    columns = [assigned[name] for name in ("unit_id", "axis", "code")]
    for unit_id, axis, code in zip(*columns, strict=True):
        codes[unit_id, axis].add(code)
    return codes


def _matrix(code_sets: Sequence[set[str]], names: list[str]) -> Matrix:
    rows = [[name in codes for name in names] for codes in code_sets]
    return np.array(rows, dtype=np.int64).reshape(len(code_sets), len(names))


def _f1(truth: Matrix, codes: Matrix, *, axis: int | None, blank: float) -> NDArray[np.float64]:
    """F1 over everything (None), by code (0) or by passage (1); `blank` without any code."""
    n_right, n_codes = (truth * codes).sum(axis=axis), (truth + codes).sum(axis=axis)
    return np.where(n_codes > 0, 2 * n_right / np.maximum(n_codes, 1), blank)


def _interval(by_passage: NDArray[np.float64]) -> list[float]:
    rng, n = np.random.default_rng(_SEED), len(by_passage)
    means = [float(by_passage[rng.integers(0, n, n)].mean()) for _ in range(_N_DRAWS)]
    return [round(float(np.percentile(means, bound)), 3) for bound in _BOUNDS]


def _second_figures(
    gold: Gold, second_tags: pd.DataFrame, alignment: Alignment, axes: Sequence[Axis]
) -> dict[str, Any]:
    coded, passages = set(second_tags["unit_id"]), []
    for passage in gold.passages:
        unit_ids = alignment.units.get(passage["unit_id"])
        if unit_ids and coded.issuperset(unit_ids):
            passages.append(passage)
    return {
        "gold_units": len(passages),
        **code_figures(passages, second_tags, alignment, axes),
        **exclusive_figures(passages, second_tags, alignment, axes),
    }


def _agreement_figures(
    gold: Gold, tags: pd.DataFrame, alignment: Alignment, grid: Grid
) -> dict[str, dict[str, dict[str, Any]]]:
    """{"référence et annotateur2": {"rubrique": …}}"""
    readers = {_GOLD: gold.passages} | gold.readers
    codings = []
    for name, rows in readers.items():
        codes = {row["unit_id"]: _row_codes(row, grid) for row in rows}
        codings.append(CoderCodes(name, codes))
    codings.append(CoderCodes(MACHINE, _machine_codes(gold, tags, alignment, grid)))
    agreement = measure_agreement(codings, grid)
    figures: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in agreement[agreement["code"] == WHOLE_AXIS].to_dict("records"):
        pair = figures[f"{row['first_coder']} et {row['second_coder']}"]
        pair[str(row["axis"])] = {
            name: row[name] for name in _AGREEMENT_COLUMNS if not pd.isna(row[name])
        }
    return dict(figures)


def _row_codes(row: Passage, grid: Grid) -> Codes:
    return frozenset((axis.axis, code) for axis in grid.axes for code in gold_codes(row, axis.axis))


def _machine_codes(
    gold: Gold, tags: pd.DataFrame, alignment: Alignment, grid: Grid
) -> dict[str, Codes]:
    """Return the codes of each passage read; the best unit's on exclusive axes."""
    codes_of = _code_sets(tags)
    codes: dict[str, Codes] = {}
    for passage in gold.passages:
        passage_id = passage["unit_id"]
        if passage_id not in alignment.best:
            continue
        put: set[tuple[str, str]] = set()
        for axis in grid.axes:
            units = alignment.units[passage_id]
            if axis.is_exclusive:
                units = [alignment.best[passage_id]]
            for unit_id in units:
                put |= {(axis.axis, code) for code in codes_of[unit_id, axis.axis]}
        codes[passage_id] = frozenset(put)
    return codes


def _themes_of(
    passages: Sequence[Passage], members: pd.DataFrame, alignment: Alignment
) -> tuple[list[str], list[str]]:
    theme_of = dict(zip(members["unit_id"], members["theme_id"], strict=True))
    with_theme = [passage for passage in passages if passage["theme"]]
    units = [alignment.best.get(passage["unit_id"], "") for passage in with_theme]
    themes = [str(theme_of.get(unit_id, _NO_THEME)) for unit_id in units]
    return [passage["theme"] for passage in with_theme], themes


def _theme_figures(truth: list[str], themes: list[str]) -> dict[str, Any]:
    return {
        "ami": round(float(adjusted_mutual_info_score(truth, themes)), 3),
        "ari": round(float(adjusted_rand_score(truth, themes)), 3),
        "k_gold": len(set(truth)),
        "k_study": len(set(themes) - {_NO_THEME}),
        "left_out": round(themes.count(_NO_THEME) / max(1, len(themes)), 3),
    }


def _priority_figures(
    gold: Gold, truth: list[str], themes: list[str], priorities: pd.DataFrame
) -> dict[str, Any] | None:
    """Count how many of the analyst's first five themes are in the study's, by workshop.

    A theme takes the name of the gold theme of most of its passages.
    """
    if gold.priorities is None or priorities.empty:
        return None
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for gold_theme, theme_id in zip(truth, themes, strict=True):
        votes[theme_id][gold_theme] += 1
    names = {theme_id: counts.most_common(1)[0][0] for theme_id, counts in votes.items()}
    names.pop(_NO_THEME, None)
    scopes = sorted(set(priorities["scope"]) - {"study"})
    figures = {}
    for workshop, wanted in gold.priorities.items():
        same = [scope for scope in scopes if _is_same_workshop(workshop, scope)]
        ranked = priorities[priorities["scope"].isin(same)].sort_values("rank", kind="stable")
        first = [names.get(theme_id) for theme_id in ranked.head(_N_FIRST)["theme_id"]]
        wanted = wanted[:_N_FIRST]
        hits = len(set(first) & set(wanted))
        figures[workshop] = {"hits_of_5": hits, "named": first, "wanted": wanted}
    return figures


def _is_same_workshop(workshop: str, scope: str) -> bool:
    name, other = (fold(text).replace(" ", "") for text in (workshop, scope))
    long_words = [word for word in re.findall(r"[a-z]+", name) if len(word) > 5]
    return name in other or other in name or any(word in other for word in long_words)


def _privacy_figures(
    personal: Sequence[dict[str, Any]] | None, tables: dict[str, pd.DataFrame]
) -> dict[str, Any] | None:
    if personal is None:
        return None
    values: list[str] = []
    for _, table in sorted(tables.items()):
        for column in table.columns.difference(_FILE_NAME_COLUMNS, sort=False):
            cells = table[column].dropna().unique()
            values += [value for value in cells if isinstance(value, str)]
    text = "\n".join(values)
    leaked = [
        item for item in personal if re.search(rf"(?<!\w){re.escape(item['quote'])}(?!\w)", text)
    ]
    totals, leaks = (Counter(item["kind"] for item in items) for items in (personal, leaked))
    recall = {kind: round(1 - leaks[kind] / total, 3) for kind, total in totals.items()}
    return {"recall": recall, "leaked": [item["quote"] for item in leaked[:_N_LEAKS]]}
