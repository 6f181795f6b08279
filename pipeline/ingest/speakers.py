"""Who wrote or said each block: a participant of the workshop where a name tells, else the role as written.

In:   the placed blocks of a part, its senders, and the people known so far
Out:  one participant_id, role or None a block; new people are entered
"""

import re
from collections.abc import Sequence

from pipeline.ingest.people import Person, Roster, is_first_name, is_person_name, split_name
from pipeline.ingest.where import PlacedBlock
from pipeline.ingest.where.reporters import is_role
from pipeline.ingest.words import fold, lexicon


def enter_correspondents(people: Sequence[tuple[str, str]], roster: Roster) -> list[str | None]:
    """Enter senders and recipients of a mail, as (name, address), and return their participant_id; None for a service."""
    return [_correspondent(name, address, roster) for name, address in people]


def name_speakers(blocks: Sequence[PlacedBlock], roster: Roster) -> list[str | None]:
    """Return the speaker of each block, names unknown so far entered into `roster`."""
    known = {speaker: _speaker(speaker, roster) for speaker in dict.fromkeys(block.speaker for block in blocks) if speaker}
    return [known.get(block.speaker) if block.speaker else None for block in blocks]


def _correspondent(name: str, address: str, roster: Roster) -> str | None:
    known = (roster.find_email(address) if address else None) or (roster.find_name(name) if name else None)
    if known and name and is_person_name(name):
        return known
    if known:
        return known
    first, last = split_name(name) if name and is_person_name(name) and "@" not in name else _names_of_address(address)
    return roster.add(Person(first, last, address or None, None, "mail")) if first or last else None


def _names_of_address(address: str) -> tuple[str | None, str | None]:
    """The names that an address such as karim.lefebvre@… spells, where the first is a first name."""
    words = [word for word in re.split(r"[._-]", address.split("@")[0]) if word.isalpha()]
    return (words[0].title(), words[1].title()) if len(words) == 2 and is_first_name(words[0]) and len(words[1]) > 1 else (None, None)


def _speaker(speaker: str, roster: Roster) -> str:
    """The participant_id of `speaker`; a role stays as written, a name nobody bears is a new person."""
    pieces = [piece.strip() for piece in re.split(r"[()\[\]/–—]|\s-\s", speaker) if piece.strip()]
    for piece in pieces:
        known = None if is_role(piece) else roster.find_name(piece)
        if known:
            return known
    names = [piece for piece in pieces if not is_role(piece) and _looks_like_name(piece)]
    if not names:
        return speaker
    first, last = split_name(names[0])
    return roster.add(Person(first, last, None, None, "transcript"))


def _looks_like_name(piece: str) -> bool:
    """True for up to four capitalised words, or words that hold a title or a first name."""
    words = piece.split()
    telling = any(is_first_name(word) or fold(word) in lexicon("people")["civilites"] for word in words)
    return is_person_name(piece) and (telling or (len(words) <= 4 and all(word[:1].isupper() for word in words)))
