"""The example study that the project ships: three workshops in real formats, all invented."""

import shutil
from pathlib import Path

from pipeline.resources import data_path
from pipeline.study import Study

GOLD = "gold"  # labels of the example, beside its workshops; never read as a workshop


def copy_demo(root: Path) -> Study:
    """Return the example study in `root`, made there unless `root` already is a study."""
    if (root / "etude.toml").is_file():
        return Study.open(root)
    study = Study.create(root)
    for folder in sorted(data_path("demo").iterdir()):
        if folder.is_dir() and folder.name != GOLD:
            shutil.copytree(folder, study.depot / folder.name, dirs_exist_ok=True)
    return study
