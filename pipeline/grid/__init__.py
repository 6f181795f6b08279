"""The codebook: the study's grid of codes on its axes, and the questions of the world café.

In:   grille.yaml, a spreadsheet (.xlsx, .csv) or a REFI-QDA codebook (.qdc)
Out:  Grid; duplicates, orphans and empty definitions are refused, by line
"""

from pathlib import Path

from pipeline.errors import GridError
from pipeline.grid.codebook_file import read_codebook
from pipeline.grid.codes import Grid, build_grid
from pipeline.grid.sheet_file import read_sheet
from pipeline.grid.yaml_file import read_yaml, write_yaml

_READERS = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".xlsx": read_sheet,
    ".csv": read_sheet,
    ".qdc": read_codebook,
}


def load_grid(path: Path | str) -> Grid:
    """Return the grid of `path`; the file's extension gives its format.

    Raises `GridError` for a missing or unreadable file, a duplicate code, a code under another
    rubrique or without a definition, or a faulty axis. The message gives the first fault, with its
    line where there is one, and counts the others.
    """
    path = Path(path)
    if not path.is_file():
        raise missing_grid(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise GridError(
            f"grille {path.name}",
            f"un fichier {', '.join(_READERS)}",
            "enregistrer la grille dans un de ces formats",
        )
    return build_grid(reader(path), path)


def missing_grid(path: Path) -> GridError:
    """Return the error for a missing grid."""
    return GridError(
        f"pas de grille {path.name}",
        "un fichier de codes : rubriques, postures, piliers, ou d'autres axes",
        "ateliers init ÉTUDE --grid FICHIER",
    )


def save_grid(grid: Grid, path: Path) -> None:
    """Write `grid` as a grille.yaml; `load_grid` reads the same grid back."""
    path.write_text(write_yaml(grid), encoding="utf-8")
