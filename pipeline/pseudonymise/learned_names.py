"""Decide with the learnt model on the words that no certain rule decides.

In:   a passage and the masks of the rules
Out:  these masks, less those the model refuses, with those it adds; and doubts left readable

Left one set out, it finds 0.90 of the persons of seven sets of strangers' texts where the rules
alone found 0.76 (models/cards/names.md).
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from models.name_model import NameModel, load_name_model
from models.word_encoder import load_word_encoder
from pipeline.pseudonymise.context import announces
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.name_features import facts_of, features, is_candidate
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.shapes import NICKNAME
from pipeline.pseudonymise.things import is_measured, is_place_name, is_said_thing
from pipeline.pseudonymise.words import is_place

MASKED, SURE = 0.5, 2.0  # log-odds from which a word is masked, and masked without a doubt
UNSEEN = 0.75  # log-odds from which a word is masked of which the rules say nothing
REFUSED = -2.0  # below, even a mask without doubt of the rules goes, if no list or title made it
DOUBTFUL = -0.75  # from here up to `MASKED`, a readable word is a case to look at
UNDECIDED = 4.0  # log-odds by facts alone, up to which the sentence is read
NEXT_TO_NAME = 2.0  # so much less is enough beside a name: carine bastide
_LEARNT = "nom de personne d'après les mots autour ?"
_JOINED = re.compile(r"[ \u00a0](?:[dDlL]['’])?|-|\.-?|\. ")


def judge_names(
    passage: Passage, masks: Sequence[Mask], suspects: Sequence[Mask]
) -> tuple[list[Mask], list[Mask]]:
    """Return the masks and the readable doubts of a passage."""
    verdicts = verdicts_of(passage, masks, suspects)
    scores = score_words(passage, verdicts)
    kept = [mask for mask in masks if _is_kept(mask, passage, scores)]
    names = {
        i
        for i, score in scores.items()
        if score > _least(passage.words[i], verdicts[i])
        and (verdicts[i] != "none" or not _is_thing(passage.words[i]))
    }
    names |= {word.index for word in passage.words if word.is_masked(kept)}
    whole = _with_neighbours(passage.words, names, scores)
    added = [mask for mask in _masks_of(passage.words, whole, scores) if not mask.is_inside(kept)]
    inner = {mask for mask in kept for wide in added if wide.start <= mask.start < wide.end}
    all_masks = sorted([*(mask for mask in kept if mask not in inner), *_joined(added, kept)])
    doubts = _readable(passage, suspects, all_masks, scores)
    return all_masks, doubts


def verdicts_of(
    passage: Passage, masks: Sequence[Mask], suspects: Sequence[Mask]
) -> dict[int, str]:
    """Return by index what the rules say of each word: "mask", "doubt", "suspect" or "none"."""
    verdicts = {}
    for word in passage.words:
        mask = next((mask for mask in masks if mask.start <= word.start < mask.end), None)
        if mask:
            verdicts[word.index] = "doubt" if mask.doubt else "mask"
        else:
            verdicts[word.index] = "suspect" if word.is_masked(suspects) else "none"
    return verdicts


def score_words(passage: Passage, verdicts: dict[int, str]) -> dict[int, float]:
    """Return the log-odds of the words that may be names, by index.

    The encoder reads the passage only where facts leave a word undecided: one in three.
    """
    model = load_name_model()
    words = [
        word
        for word in passage.words
        if is_candidate(word) and not word.is_protected and word.folded not in passage.roster.places
    ]
    scores = {word.index: _score(model, word, verdicts[word.index]) for word in words}
    if all(abs(score) > UNDECIDED for score in scores.values()):
        return scores
    states = load_word_encoder().word_states(
        passage.text, [(word.start, word.end) for word in words]
    )
    return {
        word.index: model.score_in_context(scores[word.index], state)
        for word, state in zip(words, states, strict=True)
    }


def _score(model: NameModel, word: TextWord, verdict: str) -> float:
    own = facts_of(word.text)
    return model.score(
        features(word, verdict),
        words_around(word),
        word.folded,
        group=(own.case == "small", own.kind == "unknown"),
    )


def words_around(word: TextWord) -> tuple[str, ...]:
    """Return the texts at `models.name_model.AROUND`, "" beyond the passage."""
    before, after = word.previous, word.next
    around = (word, before.previous, before, after, after.next)
    return tuple(other.text if other else "" for other in around)


def _least(word: TextWord, verdict: str) -> float:
    """Return the log-odds to mask a word.

    A letter alone needs what announces a person. More is asked where no rule sees anything, and
    most of a usual word or a place in small letters, often itself: « rose » in the column of
    colours, « marais : trop d'eau ».
    """
    is_told = word.previous.is_in("civilites") or announces(word)
    is_pair = len(word.previous.text) == 1 or len(word.next.text) == 1
    if len(word.text) == 1 and not (is_told or is_pair):
        return math.inf
    if verdict != "none":
        return MASKED
    is_usual = not word.has_capital and (word.is_common or is_place(word.folded))
    return SURE if is_usual else UNSEEN


def _is_thing(word: TextWord) -> bool:
    """Whether a street, a sign or goods are named: Maître Renard, c'est le nom du gîte."""
    return is_place_name(word) or is_said_thing(word) or is_measured(word)


def _is_kept(mask: Mask, passage: Passage, scores: dict[int, float]) -> bool:
    """Whether a list or a title made the mask, or the model agrees."""
    words = [word for word in passage.words if mask.start <= word.start < mask.end]
    if mask.is_sure or mask.doubt == NICKNAME or any(word.is_on_roster for word in words):
        return True
    best = max((scores[word.index] for word in words if word.index in scores), default=MASKED)
    return best > (MASKED - NEXT_TO_NAME if mask.doubt else REFUSED)


def _with_neighbours(
    words: Sequence[TextWord], names: Iterable[int], scores: dict[int, float]
) -> set[int]:
    """Add what belongs to a name: Van der Meulen Joost, carine bastide, maria de fatima."""
    whole = set(names)
    open_names = sorted(whole)
    while open_names:
        i = open_names.pop()
        for step in (-1, 1):
            added = _parts_beside(words, i, step, whole, scores)
            whole |= added
            open_names += sorted(added)
    return whole


def _parts_beside(
    words: Sequence[TextWord], i: int, step: int, names: set[int], scores: dict[int, float]
) -> set[int]:
    j = i + step
    particles: set[int] = set()
    while _is_joined(words, j, step) and words[j].is_in("particules") and j not in names:
        particles.add(j)
        j += step
    is_owned = step < 0 and bool(particles)  # la rose de Karim
    goes_with = not is_owned and _goes_with(words, i, j, scores)
    if _is_joined(words, j, step) and (j in names or goes_with):
        return {*particles, j} - names
    is_surname = not (words[i].is_usual_first_name or words[i].is_common)
    if step < 0 and particles and is_surname and _starts_name(words[min(particles)]):
        return particles
    return set()


def _starts_name(particle: TextWord) -> bool:
    """Le Goff arrive; not Les Goff, La Cuma."""
    is_article = particle.folded in ("la", "les", "des", "du")
    return particle.has_capital and not (is_article and particle.opens)


def _is_joined(words: Sequence[TextWord], j: int, step: int) -> bool:
    if not 0 <= j < len(words):
        return False
    after = words[j] if step > 0 else words[j + 1]
    is_point = after.gap.startswith(".") and len(after.previous.text) > 2
    return bool(_JOINED.fullmatch(after.gap)) and not is_point


def _goes_with(words: Sequence[TextWord], i: int, j: int, scores: dict[int, float]) -> bool:
    if not 0 <= j < len(words):
        return False
    if words[j].is_common and (words[j].opens or not words[j].has_capital):
        return False
    is_alike = words[i].has_capital == words[j].has_capital
    return is_alike and scores.get(j, REFUSED) > MASKED - NEXT_TO_NAME


def _masks_of(
    words: Sequence[TextWord], names: set[int], scores: dict[int, float]
) -> Iterator[Mask]:
    run: list[TextWord] = []
    for word in words:
        is_next = run and run[-1].index == word.index - 1 and _is_joined(words, word.index, 1)
        if run and not (word.index in names and is_next):
            yield _mask(run, scores)
            run = []
        if word.index in names:
            run.append(word)
    if run:
        yield _mask(run, scores)


def _mask(run: Sequence[TextWord], scores: dict[int, float]) -> Mask:
    is_sure = max(scores.get(word.index, REFUSED) for word in run) > SURE
    return Mask(run[0].start, run[-1].end, PERSON, doubt="" if is_sure else _LEARNT)


def _joined(added: Iterable[Mask], kept: Sequence[Mask]) -> Iterator[Mask]:
    """Yield the wide masks, each as sure as the masks of the rules inside it."""
    for mask in added:
        inner = [other for other in kept if mask.start <= other.start < mask.end]
        end = max((other.end for other in inner), default=mask.end)
        doubt = min((other.doubt for other in inner), default=mask.doubt)
        is_sure = any(other.is_sure for other in inner)
        yield mask._replace(end=max(end, mask.end), doubt=doubt, is_sure=is_sure)


def _readable(
    passage: Passage, suspects: Sequence[Mask], masks: Sequence[Mask], scores: dict[int, float]
) -> list[Mask]:
    """Return the suspects outside `masks`, and the words that the model doubts."""
    doubts = [suspect for suspect in suspects if not suspect.overlaps(masks)]
    return doubts + [
        word.as_name(_LEARNT)._replace(is_readable=True)
        for word in passage.words
        if scores.get(word.index, REFUSED) > DOUBTFUL
        and not (word.is_masked(masks) or word.is_masked(suspects) or _is_never_asked(word))
    ]


def _is_never_asked(word: TextWord) -> bool:
    """A letter, a colour, the title of a column or the first word of a sentence."""
    is_title = word.opens and word.is_common and not word.is_usual_first_name
    return len(word.text) == 1 or word.is_in("couleurs") or is_title
