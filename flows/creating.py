"""Make a study, and change its settings or its grid while others work on it too.

In:   what a person typed, already checked; the version of the file that the person saw
Out:  a study's folder; etude.toml or grille.yaml in one step, the former grid in .review/
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.typed_texts import typed_without_names
from pipeline.errors import StudyError
from pipeline.files import file_hash, write_bytes
from pipeline.grid import load_grid
from pipeline.settings.toml_file import changed_toml
from pipeline.study import Study
from pipeline.text import slug

_MAX_NAME = 60  # characters of a folder's name
_TYPED = ("etude.title",)  # `contact` and `hide` name people on purpose
_NAME_OF_NONE = "etude"  # for a title without letters


class ChangedSinceError(StudyError):
    """Somebody else changed the file since it was shown."""


def create_study(
    folder: Path, *, title: str, territories: Sequence[str] = (), grid: Path | None = None
) -> Study:
    """Make an empty study in a new folder of `folder`, named after `title`.

    Raises `GridError` when the grid is refused, `StudyError` when `folder` cannot be written;
    nothing is left behind.
    """
    if grid is not None:
        load_grid(grid)
    root = _new_folder(folder, title)
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, root, ignore_errors=True)
        study = Study.create(root, grid)
        values = {"etude.title": title, "etude.territories": list(territories)}
        _change_settings(study, {key: value for key, value in values.items() if value})
        undo.pop_all()
    return study


def _new_folder(folder: Path, title: str) -> Path:
    """Make it at once, so that two people who give one title get two folders."""
    name = slug(title)[:_MAX_NAME].strip("-") or _NAME_OF_NONE
    n = 1
    while True:
        root = folder / (name if n == 1 else f"{name}-{n}")
        try:
            root.mkdir(parents=True)
            return root
        except FileExistsError:
            n += 1
        except OSError as error:
            raise StudyError(
                f"« {folder} » refuse un nouveau dossier ({error.strerror})",
                "un dossier où écrire",
                "vérifier les droits de ce dossier",
            ) from error


def version_of(path: Path) -> str:
    """Return what tells a file from its earlier and later versions; "" where there is none."""
    return file_hash(path) if path.is_file() else ""


def save_settings(study: Study, values: Mapping[str, Any], *, version: str) -> None:
    """Write `values`, by key such as "publish.n_quotes", into etude.toml.

    Raises `ChangedSinceError` if the file is no longer `version`, `StudyError` during a run.
    """
    with _alone(study, study.settings_path, version):
        _change_settings(study, values)


def _change_settings(study: Study, values: Mapping[str, Any]) -> None:
    values = {
        key: typed_without_names(study, str(value)) if key in _TYPED else value
        for key, value in values.items()
    }
    text = study.settings_path.read_bytes().decode() if study.settings_path.exists() else ""
    _write(study.settings_path, changed_toml(text, values))
    study.reread()


def save_grid(study: Study, grid: str, *, version: str) -> Path:
    """Write the text of a grid as grille.yaml and return the copy of the former file.

    Raises as `save_settings`.
    """
    with _alone(study, study.grid_path, version):
        copy = study.root / ".review" / f"grille.avant-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.yaml"
        if study.grid_path.exists():
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            write_bytes(copy, study.grid_path.read_bytes(), mode=0o600)
        _write(study.grid_path, grid)
        study.reread()
    return copy


@contextlib.contextmanager
def _alone(study: Study, path: Path, version: str) -> Iterator[None]:
    """Keep runs and other people away: a run must not change its grid halfway."""
    with study.locked():
        if version_of(path) != version:
            raise ChangedSinceError(
                f"{path.name} a changé depuis que cette page est ouverte",
                "le fichier tel que la page l'a montré",
                "relire les valeurs, puis enregistrer à nouveau",
            )
        yield


def _write(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    write_bytes(path, text.encode(), mode=mode)
