"""Draw the charts of the territories in a process of its own: it takes much memory.

In:   a study that was run
Out:  .cache/territories/<run_id>-<format>/: index.json with titles and the maps' paths, arbre.svg
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.study import Study

INDEX = "index.json"
_FORMAT = 2  # of the index


def drawings_folder(study: Study, run_id: str) -> Path:
    """Return the folder of a run's charts."""
    return study.cache / "territories" / f"{run_id}-{_FORMAT}"


def draw_territories(root: Path) -> Path:
    """Draw the charts of the last run, drop earlier ones, and return the folder.

    Raises `StudyError` for a study that cannot be written to.
    """
    from flows.publish_study import report_of, whole_folder
    from pipeline.publish.charts import Drawings, draw_svg
    from pipeline.publish.html import map_drawing
    from pipeline.publish.layout.catchments import map_alt
    from pipeline.publish.territory_charts import tree_spec
    from pipeline.store import Store
    from pipeline.text import slug

    study = Study.open(root)
    run_id = (study.last_run() or {})["run_id"]
    report = report_of(study, study.read_tables())
    charts: list[dict[str, Any]] = [
        {
            "name": f"carte-{slug(shown.name)}",
            "kind": "carte",
            "title": shown.name,
            "words": map_alt(shown),
            "drawing": map_drawing(shown),
        }
        for shown in report.reading.maps
    ]
    target = drawings_folder(study, run_id)
    store = Store(study.cache)
    drawings = Drawings(store)
    with whole_folder(target) as folder:
        if len(report.reading.tree) > 1:
            charts.append({"name": "arbre", "kind": "arbre", "title": "", "words": ""})
            tree = draw_svg(tree_spec(report.reading.tree), drawings)
            (folder / "arbre.svg").write_text(tree, encoding="utf-8")
        (folder / INDEX).write_text(json.dumps(charts, ensure_ascii=False), encoding="utf-8")
    drawings.save(drops_others=False)
    store.close()
    for earlier in target.parent.iterdir():
        if earlier != target:
            shutil.rmtree(earlier, ignore_errors=True)
    return target


if __name__ == "__main__":
    draw_territories(Path(sys.argv[1]))
