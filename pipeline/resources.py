"""Where the data that the project ships lies: beside the packages in a checkout, inside `pipeline` once installed."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import StudyError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, ten times as quick, where PyYAML was built with it
_PLACES = (Path(__file__).parent / "data", Path(__file__).parent.parent / "data")


def data_path(*names: str) -> Path:
    """Path of a shipped file or folder, such as `data_path("grid", "grille-ateliers-territoires.yaml")`.

    Raises `StudyError` when the installation lacks it.
    """
    for place in _PLACES:
        if place.joinpath(*names).exists():
            return place.joinpath(*names)
    raise StudyError(f"{'/'.join(names)} manque à l'installation", "les données livrées avec le projet", "réinstaller ateliers-territoires")


def load_yaml(path: Path) -> Any:
    """Return the content of a shipped YAML file; lists that people bring have readers that tell their faults by line."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
