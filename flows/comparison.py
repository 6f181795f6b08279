"""The comparison of a study's territories: its tables, and a folder with its charts, its maps and its part of the report.

In:   tables of a study, settings
Out:  contrasts and the other tables of the comparison; exports/comparaison/ in the study, which forgetting a person empties
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from flows.reporting import report_of, whole_folder
from pipeline.compare import (
    compare_territories,
    follow_territories,
    link_territories,
    list_map_problems,
    list_needs,
    list_voices,
    reach_themes,
    read_territories,
    voices_of_themes,
)
from pipeline.grid import POSTURE
from pipeline.offer import list_offers
from pipeline.publish import draw_comparison, write_docx, write_html, write_map_page, write_tables
from pipeline.settings import Settings
from pipeline.study import Study

Tables = dict[str, pd.DataFrame]


def comparison(tables: Mapping[str, pd.DataFrame], settings: Settings, exclusive: Collection[str] = (POSTURE,)) -> Tables:
    """Return the tables of the comparison, in the order in which each needs those before; `exclusive` are axes as for the contrasts."""
    units, tags, members, workshops = (tables[name] for name in ("units", "tags", "theme_members", "workshops"))
    attendance, structures = tables["attendance"], tables["structures"]
    contrasts = compare_territories(units, tags, members, workshops, settings=settings.compare, exclusive=exclusive)
    offers = list_offers(units, tags, structures)
    expected = settings.etude.expected_structure_types
    return {
        "contrasts": contrasts,
        **read_territories(units, members, contrasts, workshops, settings=settings.compare)._asdict(),
        **link_territories(units, members, workshops, settings=settings.compare)._asdict(),
        "theme_reach": reach_themes(contrasts, tables["priorities"], workshops, min_tables=settings.compare.min_tables),
        "evolutions": follow_territories(units, tags, members, workshops, settings=settings.compare, exclusive=exclusive),
        "offers": offers,
        "voices": list_voices(attendance, structures, workshops, expected_structure_types=expected),
        "theme_voices": voices_of_themes(units, members, attendance),
        "needs": list_needs({**tables, "offers": offers}),
        "map_problems": list_map_problems(structures, tables["catchments"]),
    }


def write_comparison(root: Path) -> dict[str, pd.DataFrame]:
    """Compare anew from the tables of the last run, write exports/comparaison/ in one step, and return the tables of the comparison.

    The tables of the study stay as they are. Raises `StudyError` for a study that cannot be written to.
    """
    study = Study.open(root)
    compared = comparison(study.read_tables(), study.settings, study.grid.exclusive)
    report = report_of(study, study.read_tables() | compared)
    with whole_folder(study.root / "exports" / "comparaison") as folder:
        write_html(report, folder / "comparaison.html", part="territoires")
        write_docx(report, folder / "comparaison.docx", part="territoires")
        write_map_page(report, folder / "carte.html")
        for name, (spec, svg, png) in draw_comparison(report).items():
            (folder / f"{name}.vl.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1), encoding="utf-8")
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
            (folder / f"{name}.png").write_bytes(png)
        write_tables(compared, folder / "tableaux", formats=("csv",), only=compared)
    return compared
