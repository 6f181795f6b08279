"""Measure a processed study against gold labels: reading, segmentation, codes, themes, priorities, privacy.

Gold passages and the study's units rarely have the same bounds, so both are aligned word by word inside each document; a unit answers
for a gold passage when it covers at least half of the passage or of itself. Figures are shares in 0..1.

In:   the study's tables; a folder with units.jsonl, and pii.jsonl and themes.yaml where there are some
Out:  figures by subject; a subject whose gold file or table is missing has none
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import StudyError
from pipeline.evaluate.alignment import Alignment, align_study
from pipeline.evaluate.coders import agreement_figures
from pipeline.evaluate.codes import USUAL_AXES, code_figures, exclusive_figures
from pipeline.evaluate.gold import Gold, read_gold
from pipeline.evaluate.places import place_figures
from pipeline.evaluate.privacy import privacy_figures
from pipeline.evaluate.themes import priority_figures, theme_figures
from pipeline.grid import Axis, Grid
from pipeline.tokens import plain_texts

__all__ = ["Gold", "evaluate_study", "read_gold"]


def evaluate_study(tables: dict[str, pd.DataFrame], gold_dir: Path, grid: Grid | None = None) -> dict[str, Any]:
    """Return the figures of `tables` against the gold labels of `gold_dir`; with the study's `grid`, the agreement of all coders too.

    Raises `StudyError` when the folder has no readable units.jsonl or the study has no unit.
    """
    gold, axes = read_gold(gold_dir), USUAL_AXES if grid is None else grid.axes
    units, documents = plain_texts(tables["units"]), tables["documents"]
    if units.empty:
        raise StudyError("aucun passage dans l'étude", "une étude traitée", "ateliers run ÉTUDE, puis relancer la mesure")
    aligned = align_study(gold.passages, units, documents)
    figures: dict[str, Any] = {"gold_units": len(gold.passages), "study_documents": len(documents), "study_units": len(units)}
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
        figures["priorities"] = priority_figures(gold, tables["theme_members"], tables["priorities"], aligned)
    figures["privacy"] = privacy_figures(gold.personal, tables)
    return figures


def _second_figures(gold: Gold, second_tags: pd.DataFrame, aligned: Alignment, axes: Sequence[Axis]) -> dict[str, Any]:
    """The second coder's figures, over the passages whose every unit it coded."""
    coded = set(second_tags["unit_id"])
    passages = [row for row in gold.passages if (units := aligned.over.get(row["unit_id"])) and coded.issuperset(units)]
    figures = code_figures(passages, second_tags, aligned, axes) | exclusive_figures(passages, second_tags, aligned, axes)
    return {"gold_units": len(passages), **figures}
