"""Say which real words are masked in a passage, and leave readable those that name nobody.

In:   a study's vault; a passage and where it begins in its document
Out:  the words behind its tokens, with what people decided of them; a decision kept in the vault
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from flows.vault import CHOSEN, Decisions, Vault
from pipeline.files import text_hash
from pipeline.pseudonymise.documents import COUNTED, HIDDEN, HIDE, KEEP
from pipeline.pseudonymise.mentions import spelt

_TOKEN = re.compile(r"\[personne(?: (\d+))?\]")


class MaskedWords(NamedTuple):
    """Words behind a token; `decision_id` is of what people decided, blank before they did.

    `is_listed`: they name a person of a list, and stay masked where they surely are that person.
    """

    token: str
    words: str
    is_listed: bool
    decision: str = ""
    decision_id: str = ""


def has_masked_name(text: str) -> bool:
    """Whether a name was masked in the text."""
    return _TOKEN.search(text) is not None


def masked_words(
    vault: Vault, text: str, *, folder: str, path: str, start_char: int
) -> list[MaskedWords]:
    """Return the words behind the tokens of a passage, one line a token and words.

    A doubtful case says what stood at its place; for other tokens, the person's number gives every
    form of the name in the texts of the workshop's `folder`.
    """
    doubts, decided = vault.doubts(), _decided_words(vault.decisions())
    rows: dict[tuple[str, str], MaskedWords] = {}
    for match in _TOKEN.finditer(text):
        for words, is_listed in _words_at(vault, doubts, match, folder, path, start_char):
            decision_id, decision = decided.get(spelt(words), ("", ""))
            row = MaskedWords(match[0], words, is_listed, decision, decision_id)
            rows.setdefault((row.token, spelt(words)), row)
    return list(rows.values())


def _words_at(
    vault: Vault, doubts: pd.DataFrame, match: re.Match[str], folder: str, path: str, start: int
) -> Iterator[tuple[str, bool]]:
    is_here = (doubts["path"] == path) & (doubts["start_char"] == start + match.start())
    words = doubts.loc[is_here & (doubts["done"] == HIDDEN), "words"].tolist()
    if words:
        yield str(words[0]), False
    elif match[1] and (person := vault.registry().persons.get(int(match[1]))):
        for form in person.mentions.get(folder, ()):
            yield form, person.is_listed


def _decided_words(decisions: Decisions) -> dict[str, tuple[str, str]]:
    """Return the number and the outcome of what was decided, by `spelt` words; hiding wins."""
    rows = [row for row in decisions.items() if row[1]["done"] != COUNTED]
    rows.sort(key=lambda row: row[1]["decision"] == HIDE)
    return {spelt(row["words"]): (decision_id, row["decision"]) for decision_id, row in rows}


def leave_readable(vault: Vault, words: str, *, author: str) -> None:
    """Write that `author` wants words readable, in every text of the study.

    The doubtful cases on these words are decided; where there is none, the vault holds the words
    themselves. What hid them before is taken back.
    """
    told = {"decision": KEEP, "author": author}
    own_id = f"{CHOSEN}{text_hash(words)[:16]}"
    decisions = {
        decision_id: row
        for decision_id, row in vault.decisions().items()
        if not (row["decision"] == HIDE and spelt(row["words"]) == spelt(words))
    }
    cases = {
        str(row.doubt_id): {"words": str(row.words), "done": HIDDEN} | told
        for row in vault.doubts().itertuples()
        if row.done == HIDDEN and spelt(str(row.words)) == spelt(words)
    }
    own = {own_id: {"words": words, "done": HIDDEN} | told}
    vault.write_decisions(decisions | (cases or own))
