"""A file that was read is never counted as unread, whatever is to be known of it."""

import pandas as pd
import pytest

from pipeline.receipts import are_unread
from pipeline.show.results import _told_rejects, _unread_sentence

READ = ["Retz/notes.docx", "Retz/votes.xlsx#1-Votes", "Retz/mails.mbox#001"]
REJECTS = [
    ("Retz/scan.pdf", True),
    ("Retz/mails.mbox#002", True),
    ("Retz/notes.docx", False),  # « 2 commentaires non lus »
    ("Retz/votes.xlsx", False),  # « 1 feuille masquée non lue »
    ("Retz/votes.xlsx#1-Votes", False),
]


@pytest.mark.parametrize(("path", "is_unread"), REJECTS)
def test_a_reject_of_a_file_that_was_read_is_a_remark(path: str, is_unread: bool) -> None:
    assert are_unread([path], READ) == [is_unread]


def test_the_command_counts_each_unread_file_once_and_tells_it_first() -> None:
    paths = [path for path, _ in REJECTS]
    rejects = pd.DataFrame({"path": [*paths[::-1], "Retz/scan.pdf"]})
    told = _told_rejects(rejects.assign(reason="r", advice="a"), pd.DataFrame({"path": READ}))
    assert [row["is_unread"] for row in told] == [True, True, True, False, False, False]
    assert _unread_sentence(told) == "2 fichiers ou parties non lus"
    assert _unread_sentence(told[3:]) == "0 fichier ou partie non lu"
