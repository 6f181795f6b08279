"""The model card's tables of runs: recipes side by side, and each file left out. Nothing of any
scored study is read.

In:   a workshop, recipes
Out:  one line a run: figures on the files that it did not see, through the 4-bit file
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from models.registry import training_files
from tools.training.encoder.making import Made, make, make_untuned
from tools.training.encoder.measures import subject_figures
from tools.training.encoder.recipe import N_FOLDS, Recipe
from tools.training.encoder.runs import Workshop

Line = dict[str, Any]


def folds() -> list[tuple[str, ...]]:
    """Return the files that are left out together: few runs, and each file still scored by one that
    has seen nothing of it.
    """
    files = training_files()
    return [files[first::N_FOLDS] for first in range(N_FOLDS)]


def compare_recipes(workshop: Workshop, recipes: Mapping[str, Recipe]) -> Iterator[Line]:
    """Yield a line a recipe: broad themes of the last fold's files, which none has seen."""
    left_out = folds()[-1]
    for name, recipe in recipes.items():
        made = make(workshop, [workshop.run(recipe, left_out=left_out)], recipe, left_out=left_out)
        yield {"recipe": name, **figures(workshop, made, left_out), "choices": asdict(recipe)}


def leave_files_out(workshop: Workshop, recipe: Recipe) -> Iterator[Line]:
    """Yield a line a file: its broad themes, by the untuned encoder and by one that has not seen
    it.
    """
    before = make_untuned(workshop, recipe)
    for files in folds():
        made = make(workshop, [workshop.run(recipe, left_out=files)], recipe, left_out=files)
        untuned, bare, tuned = (
            figures(workshop, each, files) for each in (before, replace(made, head=None), made)
        )
        yield from (
            {
                "left_out": file,
                "untuned": untuned[file],
                "without head": bare[file],
                "tuned": tuned[file],
            }
            for file in files
        )


def figures(workshop: Workshop, made: Made, files: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return each file's figures by an encoder."""
    found = {}
    for file in files:
        passages = [passage for passage in workshop.passages if passage.file == file]
        found[file] = subject_figures(
            made.encode([passage.text for passage in passages]),
            [passage.broad for passage in passages],
        )
    return found
