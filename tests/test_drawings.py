"""The drawings of the territories for the review, beside those that are kept for the report: neither is in the way of the other."""

import json
import shutil
from pathlib import Path

import pytest

from flows.drawings import INDEX, draw_territories
from flows.publish_study import publish_study
from flows.workspace import open_workspace
from pipeline.publish.charts import Drawings
from pipeline.store import Store
from pipeline.study import Study


@pytest.mark.slow
def test_territories_are_drawn_from_what_is_at_hand_and_the_next_report_is_written_all_the_same(
    demo_study: Study, tmp_path: Path
) -> None:
    shutil.copytree(demo_study.root, tmp_path / "etude")
    study = Study.open(tmp_path / "etude")
    folder = draw_territories(study.root)
    listed = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    drawings = [row["drawing"] for row in listed]
    assert drawings and all(drawing["communes"] and drawing["structures"] for drawing in drawings)
    with open_workspace(study) as workspace:
        publish_study(workspace, "20261201T080000000000Z")
    assert draw_territories(study.root) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_drawing_is_made_once_and_only_what_a_report_asked_is_left(tmp_path: Path) -> None:
    asked: list[str] = []

    def report(*names: str) -> list[bytes]:
        drawings = Drawings(Store(tmp_path))

        def draw(name: str) -> bytes:
            asked.append(name)
            return f"<svg>{name}</svg>".encode()

        made = [drawings.get(name, "svg", lambda name=name: draw(name)) for name in names]
        drawings.save()
        return made

    assert report("plan", "carte", "plan")[1:] == [b"<svg>carte</svg>", b"<svg>plan</svg>"]
    report("plan", "carte")
    assert asked == ["plan", "carte"]
    report("arbre", "plan")
    assert asked == ["plan", "carte", "arbre"]
    report("carte")
    assert asked == ["plan", "carte", "arbre", "carte"]
