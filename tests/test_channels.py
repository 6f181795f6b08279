"""What came after a workshop is counted as what it is: a conversation is no mail."""

from typing import Any

import pytest

from pipeline.publish.layout import lay_out
from pipeline.tables.material import RECEIPTS
from support.invented import ORTHEZ, said
from support.published import report, tables
from support.report_text import sections_of, words_of


def receipt(made: dict[str, Any], document_id: str, taken_for: str) -> dict[str, Any]:
    paths = made["documents"].set_index("document_id")["path"]
    counts = {"n_words_in": 9, "n_words_kept": 9, "n_units": 1, "left_out": "[]"}
    named = {
        "workshop_id": ORTHEZ,
        "path": paths[document_id],
        "taken_for": taken_for,
        "channel": "mail",
    }
    return named | counts | dict.fromkeys(("n_with_table", "n_with_question", "n_with_speaker"), 0)


ARRIVED = [
    (("courriel", "courriel"), "2 mails."),
    (("courriel", "conversation WhatsApp"), "1 mail et 1 conversation de messagerie."),
    (("conversation", "conversation Slack"), "2 conversations de messagerie."),
]


@pytest.mark.parametrize(("kinds", "expected"), ARRIVED)
def test_what_the_team_received_is_counted_by_what_it_is(kinds, expected: str) -> None:
    late = [
        said(
            "cars",
            None,
            "distance",
            channel="mail",
            document_id=f"d{n}",
            text=f"il manque un car le soir, {n} fois par semaine",
            rubrique="enjeux.social",
        )
        for n in range(2)
    ]
    made = tables(said("cars", 1, text="plus de car", rubrique="enjeux.social"), *late)
    rows = [receipt(made, f"d{n}", kind) for n, kind in enumerate(kinds)]
    content = report(made | {"receipts": RECEIPTS.build(rows)})
    texts = [
        text
        for section in sections_of(lay_out(content))
        for block in section.blocks
        for text in words_of(block)
    ]
    (told,) = [text for text in texts if text.startswith("Ensuite, l’équipe a reçu")]
    assert told.replace("\xa0", " ").endswith(expected)
    where = {one.where for one in content.material.passages.every if one.is_away}
    assert where == {"message" if kind.startswith("conv") else "mail" for kind in kinds}
