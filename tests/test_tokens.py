"""Tokens of persons in texts: what models and readers see, and offsets that hold both ways."""

import pytest

from pipeline.text import PlainText, person_token, without_numbers

TEXTS = [
    ("[personne 12] a dit oui", "[personne] a dit oui"),
    (
        "Mme [personne 3], puis [personne 3] et [personne 1204]",
        "Mme [personne], puis [personne] et [personne]",
    ),
    ("[personne] sans numéro, la [personne douze], 12 personnes, [téléphone]", None),
    ("", None),
]


@pytest.mark.parametrize(("numbered", "plain"), TEXTS)
def test_numbers_leave_and_nothing_else_does(numbered, plain):
    assert without_numbers(numbered) == (numbered if plain is None else plain)
    assert PlainText(numbered).text == without_numbers(numbered)


@pytest.mark.parametrize("numbered", [numbered for numbered, _ in TEXTS])
def test_a_span_of_the_plain_text_is_the_same_words_of_the_numbered_one(numbered):
    plain = PlainText(numbered)
    bounds = [at for at in range(len(plain.text) + 1) if not _is_inside_token(plain.text, at)]
    for start in bounds:
        assert plain.move(plain.move_back(start)) == start
        for end in (end for end in bounds if end >= start):
            assert (
                without_numbers(numbered[plain.move_back(start) : plain.move_back(end)])
                == plain.text[start:end]
            )


def test_an_offset_inside_a_number_becomes_the_place_where_it_was_cut():
    plain = PlainText("a [personne 12] b")
    assert [plain.move(at) for at in (2, 11, 12, 13, 14, 15)] == [2, 11, 11, 11, 11, 12]


def test_a_person_without_a_number_has_the_bare_token():
    assert (person_token(7), person_token(None)) == ("[personne 7]", "[personne]")


def _is_inside_token(text: str, at: int) -> bool:
    return (
        text.rfind("[personne]", 0, at + 9) > at - 10
        and "[personne]" in text[max(0, at - 9) : at + 9]
        and not (text.startswith("[personne]", at) or text.endswith("[personne]", 0, at))
    )
