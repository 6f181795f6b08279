"""Which sectors of activity a French text names, by the beginnings of its words.

In:   a text; data/lexicon/secteurs.yaml
Out:  names of sectors
"""

from pipeline.words import groups_in, word_groups


def sectors_of(text: str) -> tuple[str, ...]:
    """The sectors that `text` names, most often named first, then in the lexicon's order; () where it names none."""
    return groups_in(text, "secteurs")


def all_sectors() -> tuple[str, ...]:
    """Every sector, in the lexicon's order."""
    return tuple(word_groups("secteurs"))
