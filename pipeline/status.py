"""Where a study stands, in numbers.

In:   the study's tables, the manifest of its last run, people's decisions
Out:  counts, by workshop and overall
"""

from collections.abc import Collection
from typing import Any

import pandas as pd

from pipeline.decisions.effects import TO_REVIEW, VOID
from pipeline.grid import POSTURE
from pipeline.standing import coded_units, standing
from pipeline.versions import versions


def study_status(
    tables: dict[str, pd.DataFrame],
    last_run: dict[str, Any] | None,
    decisions: pd.DataFrame,
    *,
    machine_tags: pd.DataFrame | None = None,
    exclusive: Collection[str] = (POSTURE,),
) -> dict[str, Any]:
    """Return the counts that `ateliers status` shows; zeros for a study that was never run.

    A unit awaits review until somebody has coded it whole. `machine_tags` are those before any decision, by default
    those of `tables`; `exclusive` are the axes of which a unit bears one code.
    """
    units, documents = tables["units"], tables["documents"]
    coded = coded_units(decisions, tables["tags"] if machine_tags is None else machine_tags, exclusive=exclusive)
    checks = tables["rank_checks"]
    late = checks.loc[(checks["scope"] == "study") & (checks["check"] == "a_distance"), "sentence"]
    return {
        "last_run": last_run["ended_at"] if last_run else None,
        "is_other_version": last_run is not None and last_run.get("versions", {}).get("code") != versions()["code"],
        "publication": last_run["publication"] if last_run else None,
        "n_passing": last_run.get("n_passing", 0) if last_run else 0,
        "second_coder": last_run.get("second_coder") if last_run else None,
        "theme_proposals": last_run.get("theme_proposals") if last_run else None,
        "workshops": [
            {
                "territory": row.territory,
                "date": row.date if isinstance(row.date, str) else None,
                "folder": row.folder,
                "n_documents": int((documents["workshop_id"] == row.workshop_id).sum()),
                "n_units": int((units["workshop_id"] == row.workshop_id).sum()),
                "n_units_without_table": int(((units["workshop_id"] == row.workshop_id) & units["table_number"].isna()).sum()),
                "n_units_without_question": int(((units["workshop_id"] == row.workshop_id) & units["question"].isna()).sum()),
            }
            for row in tables["workshops"].itertuples()
        ],
        "n_rows": {name: len(rows) for name, rows in tables.items()},
        "n_units_in_no_theme": len(units) - len(tables["theme_members"]),
        "n_units_awaiting_review": len(set(units["unit_id"]).difference(*coded.values())),
        "n_decisions": len(standing(decisions)),
        "n_decisions_to_review": int((tables["decision_effects"]["state"] == TO_REVIEW).sum()),
        "n_decisions_without_object": int((tables["decision_effects"]["state"] == VOID).sum()),
        "late_effect": next(iter(late), None),
        "rejects": tables["rejects"].to_dict("records"),
    }
