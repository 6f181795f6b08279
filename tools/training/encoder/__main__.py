"""Make the shipped encoder: tune, learn what passages do, cut the vocabulary, write one file.

    python -m tools.training.encoder            write encoder.onnx (about an hour)
    python -m tools.training.encoder --left-out b e
                                                tune without subject files, and tell how often the
                                                nearest subject is right in them; writes nothing

Same packages and machine, same file. Nothing of what is measured is read.
"""

import argparse
import logging

import torch

from tools.training.encoder.export import WHOLE, export
from tools.training.encoder.functions import learn_functions
from tools.training.encoder.network import Network
from tools.training.encoder.passages import (
    broad_themes,
    labelled_passages,
    subject_letters,
    subjects_of,
    theme_files,
)
from tools.training.encoder.subjects import move_towards, subject_figures, tune_subjects
from tools.training.encoder.vocabulary import kept_pieces

# Steps, and shares of the batches: subjects, themes of one file, broad themes of all.
PHASES = ((600, (0.85, 0.15, 0.0)), (260, (0.55, 0.15, 0.3)))
N_EPOCHS = 6
# Of the way from the untuned weights: the most that keeps likeness in general (STS-fr above 0.74).
SHARE = 0.85

_LOG = logging.getLogger("tools.training.encoder")


def main() -> None:
    """Make the encoder, or measure what it learns without some files."""
    parser = argparse.ArgumentParser(prog="python -m tools.training.encoder")
    parser.add_argument("--left-out", nargs="+", default=[], metavar="LETTER")
    arguments = parser.parse_args()
    torch.set_num_threads(2)  # another number rounds otherwise
    network = Network(dropout=0.1)
    learnt = [letter for letter in subject_letters() if letter not in arguments.left_out]
    pools = (
        {f"sujets-{letter}": subjects_of(letter) for letter in learnt},
        theme_files(),
        {"themes-larges": broad_themes()},
    )
    for seed, (n_steps, shares) in enumerate(PHASES):
        tune_subjects(network, list(zip(shares, pools, strict=True)), n_steps=n_steps, seed=seed)
    move_towards(network.layers, Network().layers, SHARE)
    for letter in arguments.left_out:
        first, five = subject_figures(network, subjects_of(letter))
        _LOG.info("%s: nearest %.3f, among five %.3f", letter, first, five)
    if arguments.left_out:
        return
    network.functions = learn_functions(Network(), labelled_passages(), n_epochs=N_EPOCHS)
    network.n_shared = network.n_frozen
    _LOG.info("wrote %s, version %s", WHOLE.name, export(network, WHOLE, kept_pieces()))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
