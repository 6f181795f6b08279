"""The comparison of a study's territories: its tables, and a folder with its charts, its maps and its part of the report.

In:   tables of a study, settings
Out:  contrasts and the other tables of the comparison; exports/comparaison/ in the study, which forgetting a person empties
"""

import datetime
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

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
from pipeline.offer import list_offers
from pipeline.publish import build_report, draw_comparison, write_docx, write_html, write_map_page, write_tables
from pipeline.settings import Settings
from pipeline.study import Study, read_only

Tables = dict[str, pd.DataFrame]


def comparison(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Tables:
    """Return the tables of the comparison, in the order in which each needs those before."""
    units, tags, members, workshops = (tables[name] for name in ("units", "tags", "theme_members", "workshops"))
    attendance, structures = tables["attendance"], tables["structures"]
    contrasts = compare_territories(units, tags, members, workshops, settings=settings.compare)
    offers = list_offers(units, tags, structures)
    expected = settings.etude.expected_structure_types
    return {
        "contrasts": contrasts,
        **read_territories(units, members, contrasts, workshops, settings=settings.compare)._asdict(),
        **link_territories(units, members, workshops, settings=settings.compare)._asdict(),
        "theme_reach": reach_themes(contrasts, tables["priorities"], workshops),
        "evolutions": follow_territories(units, tags, members, workshops, settings=settings.compare),
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
    compared = comparison(study.read_tables(), study.settings)
    settings, target = study.settings, study.root / "exports" / "comparaison"
    report = build_report(
        study.read_tables() | compared,
        grid=study.grid,
        settings=settings.publish,
        title=settings.etude.title,
        made_on=datetime.datetime.now(datetime.UTC).date(),
        weights=settings.rank.weights.model_dump(),
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=target.parent, prefix=".building-"))
    except OSError as error:
        raise read_only(target.parent, error) from error
    write_html(report, building / "comparaison.html", part="territoires")
    write_docx(report, building / "comparaison.docx", part="territoires")
    write_map_page(report, building / "carte.html")
    for name, (spec, svg, png) in draw_comparison(report).items():
        (building / f"{name}.vl.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1), encoding="utf-8")
        (building / f"{name}.svg").write_text(svg, encoding="utf-8")
        (building / f"{name}.png").write_bytes(png)
    write_tables(compared, building / "tableaux", formats=("csv",), only=compared)
    building.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)
    return compared
