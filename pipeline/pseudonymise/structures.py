"""Take persons out of the names and ids of structures: a sole trader signs with a name, and the id is made of it.

In:   the tables of a workshop
Out:  the same; structures.name and structure_id without names, in every table that carries the id
"""

import re

import pandas as pd

from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.words import fold

_CARRIERS = ("structures", "attendance", "catchments")


def rename_structures(tables: dict[str, pd.DataFrame], masker: Masker) -> dict[str, pd.DataFrame]:
    """Return `tables` with the structures that hold a person's name renamed; their ids are numbered where two become the same."""
    structures = tables["structures"]
    names = masker.mask_texts(structures["name"])
    taken = set(structures["structure_id"])
    new_ids: dict[str, str] = {}
    for structure_id, before, after in zip(structures["structure_id"], structures["name"], names, strict=True):
        if before != after:
            new_ids[structure_id] = _free_id(after, taken)
    renamed = {name: tables[name].assign(structure_id=_renumber(tables[name]["structure_id"], new_ids)) for name in _CARRIERS}
    return tables | renamed | {"structures": renamed["structures"].assign(name=names)}


def _renumber(ids: "pd.Series", new_ids: dict[str, str]) -> "pd.Series":
    return ids.map(lambda old: new_ids.get(old, old), na_action="ignore").astype(ids.dtype)


def _free_id(name: str, taken: set[str]) -> str:
    """A slug of `name` that is not taken, which it then is."""
    slug = re.sub(r"\W+", "-", fold(name)).strip("-")
    number = 1
    while (structure_id := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    taken.add(structure_id)
    return structure_id
