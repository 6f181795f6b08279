"""Measure what a publication costs as a study grows: seconds, memory at its peak, what the files weigh, and how many pages they are.

    PYTHONPATH=.:tests python tests/benchmarks/publishing_scale.py [--sizes 360,5000,20000] [--keep DIR]

A study is labelled passages drawn again and changed (themes_scale.py): 150 a workshop of six tables, each workshop a territory of its own,
with 25 people on its list and 15 structures on its map around a town that exists. Themes, codes and postures are those that people gave;
ranking and comparison are the real ones. What is timed is what a person waits for: the report that a run writes, then all else that
`ateliers publish` adds. Each size runs in a process of its own. docs/decisions/0026 keeps the figures.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pypdfium2
from themes_scale import make_units

from flows import publication, publish_study
from flows.comparison import comparison
from flows.workspace import open_workspace
from models.registry import labelled_rows
from pipeline.files import data_path
from pipeline.rank import rank_themes
from pipeline.settings import Settings
from pipeline.settings.sections import RankSettings
from pipeline.study import Study
from pipeline.tables import TABLES
from pipeline.tables.material import (
    ATTENDANCE,
    CATCHMENTS,
    DOCUMENTS,
    STRUCTURES,
    TAGS,
    UNITS,
    WORKSHOPS,
)
from pipeline.tables.results import THEME_MEMBERS, THEMES
from pipeline.tables.schema import STRUCTURE_TYPES
from support.published import GRID

FILES = ("amorce-1", "amorce-2", "amorce-3", "amorce-4")
N_PEOPLE, N_STRUCTURES, N_TABLES, N_DRAWS = 25, 15, 6, 200
RUN = "20260601T080000000000Z"
STEPS = {
    publish_study: (
        "report_of",
        "lay_out",
        "write_web_page",
        "write_page",
        "print_page",
        "write_map_page",
        "write_public_tables",
        "write_people_tables",
    ),
    publication: ("write_workshop_pages", "write_slides", "export_study"),
}


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="360,5000,20000")
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps the studies and their publications"
    )
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(size, options.keep)
        )
        process.start()
        process.join()


def measure(size: int, keep: Path | None) -> None:
    """Publish a study of `size` units and print what it took."""
    with tempfile.TemporaryDirectory() as scratch:
        study = Study.create((keep or Path(scratch)) / f"etude-{size}")
        for name, rows in made_tables(size).items():
            study.write_table(name, rows)
        run = {"run_id": RUN, "is_done": True, "publication": f"publications/{RUN}", "versions": {}}
        study.write_manifest(run)
        spent: dict[str, float] = {}
        for module, names in STEPS.items():
            for name in names:
                setattr(module, name, timed(getattr(module, name), name, spent))
        before, start, processor = peak_mb(), time.perf_counter(), time.process_time()
        with open_workspace(study) as workspace:
            publish_study.publish_study(workspace, RUN)
        report, start = time.perf_counter() - start, time.perf_counter()
        publication.publish_whole(study.root, run)
        rest = time.perf_counter() - start
        folder = study.root / run["publication"]
        sys.stdout.write(f"{size} passages : rapport {report:.1f} s, le reste {rest:.1f} s, ")
        sys.stdout.write(
            f"processeur {time.process_time() - processor:.1f} s, mémoire {peak_mb():.0f} Mo ({before:.0f} avant)\n"
        )
        sys.stdout.write(
            "  " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items()) + "\n"
        )
        for path in sorted(folder.rglob("*")):
            if path.stat().st_size > 1_000_000 or (path.parent == folder and path.is_file()):
                pages = (
                    f", {len(pypdfium2.PdfDocument(path))} pages" if path.suffix == ".pdf" else ""
                )
                sys.stdout.write(
                    f"  {path.relative_to(folder)} : {path.stat().st_size / 1e6:.1f} Mo{pages}\n"
                )
        sys.stdout.flush()


def timed(step: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    """`step`, whose time is added to `spent`."""

    def call(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        found = step(*args, **options)
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - start
        return found

    return call


def made_tables(size: int) -> dict[str, pd.DataFrame]:
    """All the tables of a study of `size` units."""
    passages = [row for file in FILES for row in labelled_rows(file)]
    drawn_units, drawn = make_units(passages, size)
    said = [passages[at] for at in drawn]
    rows = drawn_units.assign(
        question=[row["question"] for row in said], channel=[row["channel"] for row in said]
    )
    rows = rows.assign(
        question=rows["question"].where(
            rows["question"].isin(["q1", "q2", "q3", "q4", "resume", "distance"]), "autre"
        )
    )
    rows = rows.assign(start_char=0, end_char=rows["text"].str.len(), speaker=None)
    units = UNITS.build(rows.to_dict("records"))
    themes = [row["theme_large"] for row in said]
    tables = {name: table.empty() for name, table in TABLES.items()} | _people(
        sorted(set(units["workshop_id"]))
    )
    tables |= {
        "units": units,
        "documents": _documents(units),
        "tags": TAGS.build(_tags(units, said)),
        "theme_members": THEME_MEMBERS.build(
            {
                "unit_id": unit_id,
                "theme_id": theme,
                "strength": 0.8,
                "probability": 0.8,
                "is_counted": True,
            }
            for unit_id, theme in zip(units["unit_id"], themes, strict=True)
            if theme
        ),
        "themes": THEMES.build(_themes(units.assign(theme=themes))),
    }
    ranked = [
        tables[name]
        for name in ("units", "tags", "themes", "theme_members", "workshops", "attendance")
    ]
    tables |= rank_themes(*ranked, settings=RankSettings(n_draws=N_DRAWS), grid=GRID)._asdict()
    return tables | comparison(tables, Settings())


def _documents(units: pd.DataFrame) -> pd.DataFrame:
    """Texts whose lines are the units, so that exchange has places to select."""
    return DOCUMENTS.build(
        {
            "document_id": document_id,
            "workshop_id": rows["workshop_id"].iloc[0],
            "path": f"{rows['workshop_id'].iloc[0]}/{document_id}.txt",
            "sha256": "0",
            "channel": rows["channel"].iloc[0],
            "title": f"Notes {document_id}",
            "n_chars": len(text := "\n".join(rows["text"])),
            "text": text,
        }
        for document_id, rows in units.groupby("document_id", sort=False)
    )


def _tags(units: pd.DataFrame, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = {
        "score": 0.9,
        "is_assigned": True,
        "evidence": "[]",
        "source": "machine",
        "model_version": "essai",
    }
    axes = {"rubrique": "rubriques", "pilier": "piliers"}
    return [
        {"unit_id": unit_id, "axis": axis, "code": code, **kept}
        for unit_id, row in zip(units["unit_id"], said, strict=True)
        for axis, codes in [
            *((axis, row[name]) for axis, name in axes.items()),
            ("posture", [row["posture"]] if row["posture"] else []),
        ]
        for code in codes
    ]


def _themes(placed: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a theme, named after it."""
    rows = []
    for theme, here in placed.dropna(subset=["theme"]).groupby("theme"):
        tables = here[["workshop_id", "table_number"]].drop_duplicates().shape[0]
        counts = {
            "n_units": len(here),
            "n_tables": tables,
            "n_tables_expected": tables,
            "n_tables_low": tables,
            "n_tables_high": tables,
            "n_workshops": here["workshop_id"].nunique(),
        }
        words = {
            "label": str(theme).replace("-", " ").capitalize(),
            "keywords": "[]",
            "description": "On y parle de ce sujet.",
            "name_source": "phrase",
            "proposals": "[]",
            "is_signed_off": False,
        }
        rows.append(
            {
                "theme_id": theme,
                "stability": 0.8,
                "unity": 0.8,
                "kind": "mixte",
                "quotes": json.dumps([*here["unit_id"].head(5)]),
                **words,
                **counts,
            }
        )
    return rows


def _people(workshop_ids: list[str]) -> dict[str, pd.DataFrame]:
    """Workshops in as many real towns, with lists and maps made up around them."""
    draw = np.random.default_rng(0)
    communes = pd.read_parquet(data_path("reference", "communes.parquet")).nlargest(
        len(workshop_ids) + 50, "population"
    )
    towns = communes.dropna(subset=["lat", "lon"]).drop_duplicates("name").head(len(workshop_ids))
    workshops, people, structures, catchments = [], [], [], []
    for workshop_id, town in zip(workshop_ids, towns.to_dict("records"), strict=True):
        held = {
            "date": "2026-03-01",
            "place": None,
            "epci_code": None,
            "n_tables": N_TABLES,
            "folder": workshop_id,
        }
        workshops.append({"workshop_id": workshop_id, "territory": town["name"], **held})
        for place in range(N_STRUCTURES):
            name = f"{workshop_id}-s{place}"
            row = {
                "structure_id": name,
                "name": f"Structure {place} de {town['name']}",
                "structure_type": str(draw.choice(STRUCTURE_TYPES)),
            }
            spot = {
                "lat": town["lat"] + draw.normal(0, 0.05),
                "lon": town["lon"] + draw.normal(0, 0.05),
                "commune_code": town["code"],
            }
            structures.append(
                row
                | spot
                | {
                    "is_on_map": True,
                    "map_workshop_ids": json.dumps([workshop_id]),
                    "is_in_attendance": True,
                }
            )
            catchments.append(
                {"structure_id": name, "geometry": None, "radius_km": float(draw.uniform(2, 15))}
            )
        for place in range(N_PEOPLE):
            of = {
                "structure_id": f"{workshop_id}-s{place % N_STRUCTURES}",
                "structure_type": None,
                "role": None,
                "commune_code": None,
            }
            people.append(
                {
                    "participant_id": f"{workshop_id}-p{place}",
                    "workshop_id": workshop_id,
                    "has_signed": True,
                    **of,
                }
            )
    return {
        "workshops": WORKSHOPS.build(workshops),
        "attendance": ATTENDANCE.build(people),
        "structures": STRUCTURES.build(structures),
        "catchments": CATCHMENTS.build(catchments),
    }


def peak_mb() -> float:
    """Most memory that this process has held, in MB (Linux tells kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
