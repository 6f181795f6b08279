"""Figures of agreement and judgement say who read: language models, as no person was measured yet."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "models" / "cards").glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "data").glob("**/README.md")),
    *sorted((ROOT / "tests").glob("**/README.md")),
]
PERSONS = re.compile(
    r"lecteurs? humains?|lectrices?|borne humaine|(?:lus?|relus?|étiquetés?) par (?:un élu|une personne|deux personnes)",
    re.IGNORECASE,
)
SAID = [
    ("README.md", "aucun humain n'a encore été mesuré"),
    ("models/cards/tagger.md", "L'accord de deux personnes n'a pas encore été mesuré"),
    ("models/cards/catalogue.md", "aucune personne n'a encore été mesurée"),
    ("docs/methode.md", "deux personnes n'ont pas encore été mesurées"),
    ("data/demo/gold/README.md", "aucune n'a encore été mesurée"),
]


def test_no_page_calls_a_program_that_read_a_person() -> None:
    found = {path.name: PERSONS.findall(path.read_text(encoding="utf-8")) for path in PAGES}
    assert len(PAGES) > 15
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(("page", "said"), SAID)
def test_a_page_with_figures_of_readers_says_that_no_person_was_measured(
    page: str, said: str
) -> None:
    assert said in (ROOT / page).read_text(encoding="utf-8")
