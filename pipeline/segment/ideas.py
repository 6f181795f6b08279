"""Where the ideas that are strung together in one sentence start: enumerations, and changes of subject in speech.

In:   a sentence
Out:  positions in it
"""

import re

from pipeline.segment.words import alternatives, n_words, plain_text

_SPOKEN_LEFT, _SPOKEN_RIGHT = 7, 5  # words that a spoken cut must leave on each side


def idea_cuts(sentence: str, kind: str) -> list[int]:
    """Starts of the ideas strung together in one sentence: enumerations anywhere, changes of subject in speech without full stops."""
    listed = _enumeration_cuts(sentence)
    return listed if listed or kind != "cue" else _spoken_cuts(sentence)


def _enumeration_cuts(sentence: str) -> list[int]:
    """Starts of "premièrement …, deuxièmement …"; none unless two of them open a clause of at least four words."""
    plain = plain_text(sentence)
    starts = [match.start(1) for match in re.finditer(rf"(?:^|[,;:.] )({alternatives('enumerateurs')})(?=\W|$)", plain)]
    if starts and 0 < n_words(plain[: starts[0]]) < 4:
        starts[0] = 0
    clauses = zip(starts, [*starts[1:], len(plain)], strict=False)
    return starts if len(starts) > 1 and all(n_words(plain[start:end]) >= 4 for start, end in clauses) else []


def _spoken_cuts(sentence: str) -> list[int]:
    """Starts of new ideas in a spoken turn, each leaving enough words on both sides to be understood alone."""
    plain = plain_text(sentence)
    topic = rf"et,? (?:et |euh,? |ben,? )*(?:les |la |le |l'|nos |notre )(?:[^\s,]+ ){{1,6}}(?:{alternatives('annonces')})\b"
    opening = rf"(?<=\s)(?:{topic}|(?:{alternatives('ouvertures')})(?:(?<=')|(?!\w)))"
    cuts: list[int] = []
    for match in re.finditer(opening, plain):
        left = plain[cuts[-1] if cuts else 0 : match.start()]
        if n_words(left) >= _SPOKEN_LEFT and n_words(plain[match.start() :]) >= _SPOKEN_RIGHT:
            cuts.append(match.start())
    return cuts
