"""`python -m tools.communes [FOLDER]`: make data/reference/ again; FOLDER keeps the archives for
the next time.

In:   the archives of `sources`
Out:  the four files of data/reference/, and their sha256 on the standard output, for its README
"""

import gzip
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import AteliersError
from pipeline.files import data_path
from tools.communes.geometry import Ring, km_outside, middle_of
from tools.communes.places import Centres, Row, build_places
from tools.communes.sources import AREAS, HISTORY, TODAY, Area, fetch_archive, read_areas, read_rows
from tools.communes.topology import build_topology

FILES = ("communes.parquet", "epci.parquet", "departements.csv", "contours.json.gz")
_KINDS = {"COM": "commune", "ARM": "arrondissement", "COMD": "déléguée", "COMA": "associée"}
# from its commune's outline, over which a town hall is misplaced: its address was looked up in
# another commune
_FARTHEST_KM = 2


def make_reference(archives: Path, target: Path) -> None:
    """Write the four files of `target` from the archives that lie in the folder `archives`, those
    that lack being fetched into it.
    """
    today, history, areas = (
        fetch_archive(archive, archives) for archive in (TODAY, HISTORY, AREAS)
    )
    centres, outlines = _geography(read_areas(areas))
    groups, territories = read_rows(today, "epci"), read_rows(today, "ept")
    places = build_places(
        read_rows(today, "communes"),
        read_rows(history, "historique-communes"),
        groups=groups,
        territories=territories,
        centres=centres,
    )
    _write_table(places, target / "communes.parquet")
    _write_table(_groups_table([*groups, *territories]), target / "epci.parquet")
    departments = _departments_table(read_rows(today, "departements"), read_rows(today, "regions"))
    departments.to_csv(target / "departements.csv", index=False)
    _write_packed(build_topology(outlines), target / "contours.json.gz")


def _geography(areas: Iterable[Area]) -> tuple[Centres, dict[str, list[Ring]]]:
    """The centre of each area by code and kind, where it has one, and the outlines of communes by
    code.
    """
    centres: Centres = {}
    outlines = {}
    for area in areas:
        centre = _centre(area)
        if centre:
            centres.setdefault(area.code, {})[_KINDS[area.kind]] = centre
        if area.kind == "COM":
            outlines[area.code] = area.rings
    return centres, outlines


def _centre(area: Area) -> tuple[float, float] | None:
    """The town hall of an area; the middle of its outline where the hall is not known, or said to
    be outside.
    """
    middle = middle_of(area.rings)
    if area.hall is None or middle is None:
        return area.hall or middle
    return middle if km_outside(area.hall, area.rings) > _FARTHEST_KM else area.hall


def _groups_table(groups: Sequence[Row]) -> pd.DataFrame:
    columns = {
        "epci_code": "code",
        "kind": "type",
        "name": "nom",
        "population": "populationMunicipale",
    }
    table = pd.DataFrame(
        [{column: group[key] for column, key in columns.items()} for group in groups]
    )
    return table.sort_values("epci_code", ignore_index=True)


def _departments_table(departments: Sequence[Row], regions: Sequence[Row]) -> pd.DataFrame:
    names = {region["code"]: region["nom"] for region in regions}
    return pd.DataFrame(
        [
            {"department": row["code"], "name": row["nom"], "region": names[row["region"]]}
            for row in departments
        ]
    )


def _write_table(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False, compression="zstd", compression_level=19)


def _write_packed(topology: dict[str, Any], path: Path) -> None:
    """Write `topology` without the date that gzip adds, so that the same content has the same
    bytes.
    """
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
    ):
        packed.write(json.dumps(topology, separators=(",", ":")).encode())


def _main(arguments: Sequence[str]) -> int:
    target = data_path("reference")
    with tempfile.TemporaryDirectory() as passing:
        try:
            make_reference(Path(arguments[0]) if arguments else Path(passing), target)
        except AteliersError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
    for name in FILES:
        sys.stdout.write(f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
