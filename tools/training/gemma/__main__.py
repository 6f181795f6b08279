"""Make the strong encoder: tune, learn what passages do, cut the vocabulary, write two files.

    python -m tools.training.gemma FOLDER [--left-out b e] [--keep-words]

`FOLDER` keeps the 1.2 GB of the base. The subjects of the files `--left-out` are not learnt from,
and figures on them are logged. `--keep-words` writes the smaller file alone. An hour and a quarter
of two cores without bfloat16: its steps added up.

Same packages and machine, same files. Nothing of what is measured is read.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tools.training.encoder.passages import (
    broad_themes,
    labelled_passages,
    study_themes,
    subject_letters,
    subjects_of,
    theme_files,
)
from tools.training.encoder.smoothing import training_texts
from tools.training.encoder.states import States
from tools.training.encoder.subjects import subject_figures, tune_subjects
from tools.training.encoder.vocabulary import kept_pieces
from tools.training.gemma.base import assemble
from tools.training.gemma.export import export
from tools.training.gemma.network import WIDTH, Network
from tools.training.gemma.vocabulary import Vocabulary

# b and e stay unseen, so that the card's figures are of the very files that are shipped
LEFT_OUT = ["b", "e"]
# What is unseen gains nothing more from 300 steps on.
N_STEPS, STOP_AFTER, N_SUBJECTS, RATE = 600, 450, 32, 1e-4
# Of the batches: subjects, themes of one file, broad themes of all, themes of one study. Those of
# studies are of the grain that a room's are.
SHARES = (0.3, 0.05, 0.1, 0.55)
N_PIECES = 36_000

_LOG = logging.getLogger("tools.training.gemma")


def main() -> None:
    """Make the encoder, and log what it finds in the files left out."""
    parser = argparse.ArgumentParser(prog="python -m tools.training.gemma")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--left-out", nargs="*", default=LEFT_OUT, metavar="LETTER")
    parser.add_argument("--keep-words", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(2)  # another number rounds otherwise
    base = assemble(arguments.folder)
    network = Network(base)
    network.functions = functions_of(network)
    learnt = [letter for letter in subject_letters() if letter not in arguments.left_out]
    pools = (
        {f"sujets-{letter}": subjects_of(letter) for letter in learnt},
        theme_files(),
        {"themes-larges": broad_themes()},
        study_themes(),
    )
    tune_subjects(
        network,
        list(zip(SHARES, pools, strict=True)),
        n_steps=N_STEPS,
        stop_after=STOP_AFTER,
        n_subjects=N_SUBJECTS,
        rate=RATE,
    )
    for letter in arguments.left_out:
        first, five = subject_figures(network, subjects_of(letter))
        _LOG.info("%s: nearest %.3f, among five %.3f", letter, first, five)
    vocabulary = Vocabulary.read(base / "tokenizer.model")
    kept = vocabulary.with_makers(kept_pieces(vocabulary, n_kept=N_PIECES))
    version = export(network, vocabulary, kept, training_texts(), keeps_words=arguments.keep_words)
    _LOG.info("version %s", version)


def functions_of(network: Network) -> tuple[Tensor, Tensor]:
    """Return the middle (hidden,) of what leaves the frozen layers, and its axes (`WIDTH`, hidden).

    What a sentence does is told better by these layers, left as they are, than by any that follow.
    Axes are principal ones of channels that vary alike.
    """
    rows = States(network, labelled_passages().texts).all_means([]).astype(np.float64)
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    _, _, axes = np.linalg.svd((rows - middle) / spread, full_matrices=False)
    found = torch.tensor(middle), torch.tensor(axes[:WIDTH] / spread)
    return found[0].float(), found[1].float()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
