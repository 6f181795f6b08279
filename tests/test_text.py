"""Texts made comparable: what `fold` and `fold_same_length` make of French as people type it."""

import pytest

from pipeline.text import fold, fold_same_length, without_formula

FOLDED = (
    ("L'Œuvre n° 4", "l oeuvre no 4", "l'oeuvre n° 4"),
    ("l’été à Saint-Étienne", "l ete a saint etienne", "l'ete a saint-etienne"),
    (
        "Économie sociale & solidaire",
        "economie sociale et solidaire",
        "economie sociale & solidaire",
    ),
    ("Vichy\u00a0: 12\u202fm²", "vichy 12 m2", "vichy : 12 m2"),
    ("la ﬁnance", "la finance", "la finance"),
    ("Straße", "strasse", "strasse"),
    ("", "", ""),
)


@pytest.mark.parametrize(("text", "words", "with_signs"), FOLDED)
def test_fold_forgets_case_accents_and_ligatures(text: str, words: str, with_signs: str) -> None:
    assert fold(text) == words
    assert fold(text, keep_signs=True) == with_signs


SAME_LENGTH = (
    ("L’Œuvre à Étampes", "l'œuvre à etampes", "l'œuvre à étampes", "l'œuvre a etampes"),
    ("Jean‑Łukasz", "jean-lukasz", "jean-łukasz", "jean-lukasz"),
    ("KILIÇ İrem", "kilic irem", "kiliç İrem", "kilic irem"),
)


@pytest.mark.parametrize(("text", "usual", "accented", "bare"), SAME_LENGTH)
def test_each_choice_of_accents_keeps_those_it_names(
    text: str, usual: str, accented: str, bare: str
) -> None:
    assert fold_same_length(text) == usual
    assert fold_same_length(text, accents="all") == accented
    assert fold_same_length(text, accents="none") == bare


def test_offsets_hold_whatever_the_sign() -> None:
    signs = "".join(chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000)
    for accents in ("à", "all", "none"):
        assert len(fold_same_length(signs, accents=accents)) == len(signs)


@pytest.mark.parametrize("text", [text for text, *_ in FOLDED])
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_spreadsheet_runs_a_cell(start: str) -> None:
    assert without_formula(f"{start}1+1") == f"'{start}1+1"
    assert [without_formula(cell) for cell in ("a = b", -2, None)] == ["a = b", -2, None]
