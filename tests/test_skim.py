"""Passages that are skimmed: about the lemmas that reading gives, and the axes that they lie on."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.reading import read_texts, skim
from models.views import lemma_axes


@pytest.mark.parametrize(
    ("text", "lemmas"),
    [
        ("plus de bus le soir", ["bus", "soir"]),
        ("les bénévoles s'épuisent vraiment", ["bénévole", "épuiser"]),
        ("L'entraide entre voisins", ["entraider", "voisin"]),
        ("Lorsqu'il n'y a personne, aujourd'hui", []),
        ("y a-t-il une crèche à Crémone ?", ["crèche", "crémone"]),
        ("cette épicerie-là, l’été", ["épicerie", "été"]),
        ("[personne 12] ferme le cinéma, [téléphone]", ["ferme", "cinéma"]),
        ("LA PISCINE", ["piscine"]),
        ("18 h, 3 km", ["km"]),
        ("avec et pour", []),
        ("", []),
    ],
)
def test_what_says_something_is_kept_and_what_joins_words_is_not(text, lemmas):
    assert skim(text) == lemmas


def test_skimming_finds_most_of_what_reading_finds():
    said = [
        json.loads(line)["text"]
        for line in Path("data/demo/gold/units.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    ]
    read = [(at, lemma) for at, reading in enumerate(read_texts(said)) for lemma in reading.lemmas]
    skimmed = {(at, lemma) for at, text in enumerate(said) for lemma in skim(text)}
    assert sum(one in skimmed for one in read) > 0.8 * len(read)


WORDS = [[f"mot{n % 7}", f"mot{n % 5}", f"mot{n % 3}"] for n in range(60)]


def test_axes_of_many_texts_are_made_of_some_and_hold_for_all():
    whole = lemma_axes(WORDS, list)(slice(None))
    axes, again = (lemma_axes(WORDS, list, n_drawn=40) for _ in range(2))
    assert axes(slice(None)).shape == whole.shape == (60, 6)
    assert np.array_equal(axes(slice(None)), again(slice(None)))
    assert np.array_equal(np.vstack([axes(slice(0, 25)), axes(slice(25, None))]), axes(slice(None)))
    some, all_of_them = axes(slice(None)), whole
    assert np.corrcoef((some @ some.T).ravel(), (all_of_them @ all_of_them.T).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("words", [[[], [], []], [["mot"], ["mot"], []], [["un", "deux", "trois"]]])
def test_too_few_texts_or_lemmas_have_no_axis(words):
    assert lemma_axes(words, list)(slice(None)).shape == (len(words), 0)
