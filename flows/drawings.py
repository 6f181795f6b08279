"""Draw the maps of the territories in a process of its own: it takes much memory.

In:   a study that was run
Out:  .cache/territories/<run_id>-<format>/: index.json with the maps' titles and paths
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.study import Study

INDEX = "index.json"
_FORMAT = 3  # of the index


def drawings_folder(study: Study, run_id: str) -> Path:
    """Return the folder of a run's maps."""
    return study.cache / "territories" / f"{run_id}-{_FORMAT}"


def draw_territories(root: Path) -> Path:
    """Draw the maps of the last run, drop earlier ones, and return the folder.

    Raises `StudyError` for a study that cannot be written to.
    """
    from flows.publish_study import report_of, whole_folder
    from pipeline.publish.html import map_drawing
    from pipeline.publish.layout.catchments import map_alt

    study = Study.open(root)
    run_id = (study.last_run() or {})["run_id"]
    report = report_of(study, study.read_tables())
    maps: list[dict[str, Any]] = [
        {"title": shown.name, "words": map_alt(shown), "drawing": map_drawing(shown)}
        for shown in report.reading.maps
    ]
    target = drawings_folder(study, run_id)
    with whole_folder(target) as folder:
        (folder / INDEX).write_text(json.dumps(maps, ensure_ascii=False), encoding="utf-8")
    for earlier in target.parent.iterdir():
        if earlier != target:
            shutil.rmtree(earlier, ignore_errors=True)
    return target


if __name__ == "__main__":
    draw_territories(Path(sys.argv[1]))
