"""A passage in which names are looked for, and what the words around a name say of it.

In:   the words of a passage, the index of one, the folded passage
Out:  whether a place, an organisation or a person is named there; how far the name extends
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property

from pipeline.pseudonymise.cues import is_subject, is_verb_form
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.words import (
    UPPER,
    TextWord,
    alternatives,
    celebrated,
    is_first_name,
    is_place,
    is_surname,
    is_word_in_capitals,
    terms,
    words_of,
)
from pipeline.text import fold_same_length

_GAP = r"[\s\u00a0]"
_CLOSE = re.compile(rf"{_GAP}+(?:[«\"“]{_GAP}?)?(?:[dlDL]['’])?|-")
_AFTER_TITLE = re.compile(rf"\.?{_GAP}+(?:[dlDL]['’])?|-")
_FAR, _NEAR = 200, 40  # characters looked at before and after a name


def is_place_name(words: list[TextWord], i: int) -> bool:
    """Whether the name that starts at `i` is a street's, a school's, a saint's: lycée
    Jean-Moulin, La Ferme de Louise.
    """
    word, back = words[i], i - 1
    if "-" in word.folded and word.folded.split("-")[0] in terms("saints"):
        return True
    if (
        back >= 0
        and words[back].folded in terms("civilites")
        and _AFTER_TITLE.fullmatch(word.before)
    ):
        return _is_honoured(words, back)
    if back < 0 or not _CLOSE.fullmatch(word.before):
        return False
    if words[back].folded in terms("saints") and words[back].has_capital:
        return True
    is_linked = bool(re.search(r"[dD]['’]$", word.before))
    while (
        back > 0 and words[back].folded in terms("liens") and _CLOSE.fullmatch(words[back].before)
    ):
        is_linked, back = True, back - 1
    if words[back].folded in terms("civilites"):
        return _is_honoured(words, back)
    is_home = words[i - 1].folded == "chez"
    if is_home and _is_sign(words, i):
        return True
    return _is_kind_of_place(words, back, is_linked=is_linked, is_home=is_home)


def _is_honoured(words: list[TextWord], title: int) -> bool:
    """Whether the title at `title` is part of a street's or house's name: rue du Docteur-Roux,
    place Madame de Sévigné; Chez Mme Rose.

    A person is no place, whatever stands before: la rue de M. Dupont, la place de Mme X, rue des
    Tanneurs chez Mme Dupont.
    """
    word = words[title]
    if not title or not _CLOSE.fullmatch(word.before):
        return False
    link = words[title - 1].folded
    if link == "chez":
        return words[title - 1].has_capital and not words[title - 1].opens
    is_direct = link not in terms("liens") and not re.search(r"['’]$", word.before)
    if word.folded in terms("civilites_de_personnes"):
        is_written_out = len(word.text) > 4 or word.text == "M"
        return is_direct and is_written_out and is_place_name(words, title)
    is_article = is_direct or link in ("du", "des") or bool(re.search(r"[lL]['’]$", word.before))
    return (is_article or word.folded in terms("civilites_sans_article")) and is_place_name(
        words, title
    )


def is_owned(words: list[TextWord], i: int) -> bool:
    """Whether "de" alone ties the name at `i` to what stands before: the place of somebody,
    where a street would need none.
    """
    word = words[i]
    return i > 0 and (
        (word.before == " " and words[i - 1].folded == "de")
        or bool(re.fullmatch(r" [dD]['’]", word.before))
    )


def has_inner_capital(words: list[TextWord], i: int) -> bool:
    """Whether what owns the name at `i` over "de" is written with a capital, as organisations
    are: la Ferme de Louise.
    """
    kind = words[i - 1] if words[i - 1].folded != "de" else words[max(0, i - 2)]
    return kind.has_capital and not kind.opens


def _is_sign(words: list[TextWord], i: int) -> bool:
    """Whether "Chez" starts the name of a house: le bistrot Chez Simone; "Chez Mauricette sert
    trente repas", as only a sign can do.
    """
    home = words[i - 1]
    if home.has_capital and (not home.opens or is_subject(words, i)):
        return True
    kind = words[i - 2].folded if i > 1 and _CLOSE.fullmatch(home.before) else ""
    return kind in terms("enseignes_chez")


def _is_kind_of_place(words: list[TextWord], i: int, *, is_linked: bool, is_home: bool) -> bool:
    """Whether the word at `i` makes a place or structure of the name after it; `is_linked`:
    over "de", which may tell a possession.
    """
    word, kind = words[i], words[i].folded.split("-")[0]
    if _is_cited(words, i) or _is_function_word(words, i):
        return False
    is_inner_capital = word.has_capital and not word.opens
    if is_home:
        return is_inner_capital and _is_house(words, i)
    if is_linked:
        return kind in terms("lieux_avec_de") or (
            is_inner_capital and (word.is_common or kind in terms("lieux_et_organisations"))
        )
    is_inner = is_inner_capital and word.folded not in terms("parentes")
    return kind in terms("lieux_et_organisations") or (is_inner and is_place_name(words, i))


def _is_house(words: list[TextWord], i: int) -> bool:
    """Whether the capitalised word before "chez" is a house that has a sign (le Relais chez Paul),
    not a town or the end of a street.
    """
    word = words[i]
    is_town_or_day = (
        not word.is_common
        or is_place(word.folded)
        or word.folded in terms("jamais") | terms("moments")
    )
    return not is_town_or_day and not is_place_name(words, i)


def _is_cited(words: list[TextWord], i: int) -> bool:
    """Whether the word is the verb of "je cite", not a "cité"."""
    return words[i].text.lower() == "cite" and (
        i == 0 or words[i - 1].folded in ("je", "tu", "il", "elle", "on", "qui")
    )


def _is_function_word(words: list[TextWord], i: int) -> bool:
    """Whether the word is the conjunction "car" or the possessive "sa", not a coach or a company:
    car Karim est malade, sa sœur Nadia.
    """
    if words[i].text.lower() == "car":
        return i == 0 or words[i - 1].folded not in terms("determinants_de_chose") | terms(
            "articles"
        )
    return words[i].text in ("sa", "Sa")


def announces(words: list[TextWord], i: int, folded: str, *, strongly: bool = False) -> bool:
    """Whether the words before the name at `i` announce a person; `strongly`: even one whose
    first name is unknown.
    """
    before = re.sub(r"(?<!\w)d'$", "de ", folded[max(0, words[i].start - _FAR) : words[i].start])
    strong = (_heading(), _greeting(), _speech(), _apposed())
    frames = strong if strongly else (*strong, _mention(), _attribution())
    return any(frame.search(before) for frame in frames)


def calls_for_person(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether a person is expected at `i`: selon X, merci à X et Y, le fils X, la cousine de X,
    dit X.
    """
    if announces(words, i, folded) or has_human_context(words, i, folded):
        return True
    before = folded[max(0, words[i].start - _NEAR) : words[i].start]
    if _kin().search(re.sub(r"(?<!\w)d'$", "de ", before)):
        return True
    is_second = i > 1 and words[i - 1].folded in ("et", "ou") and words[i - 2].has_capital
    if not is_second or words[i - 2].opens or not is_surname(words[i - 2].folded):
        return False
    return calls_for_person(words, i - 2, folded)


def may_call_for_person(words: list[TextWord], i: int) -> bool:
    """Whether a person or an organisation may be expected at `i`: avec X, chez X, les X."""
    before = words[i - 1] if i else None
    return (
        before is not None
        and bool(re.fullmatch(_GAP, words[i].before))
        and before.folded in terms("appels")
    )


@cache
def _kin() -> re.Pattern[str]:
    """Le fils, la mère, les gosses; la cousine de, une lettre de; comptez sur."""
    kin = f"{alternatives('parentes')}|{alternatives('proches')}"
    owned = f"{kin}|{alternatives('choses_de_personnes')}"
    articles = "le|la|les|du|un|une|au|aux|des|mon|ma|mes|son|sa|ses|notre|nos|votre|vos|leur|leurs"
    asked = alternatives("annonces_a_verifier")
    return re.compile(
        rf"(?<!\w)(?:(?:{articles}){_GAP}(?:{kin})|(?:{owned}){_GAP}de|{asked}){_GAP}$"
    )


@cache
def _heading() -> re.Pattern[str]:
    """The end of "Rapporteure : " or of "Présents : J. Roy (Mairie), B et "."""
    line_start = rf"(?:^|[\n.;•\-–—(]){_GAP}*"
    heading = rf"(?:{alternatives('rubriques_de_noms')})(?:{_GAP}?\([^)]*\))?{_GAP}?:{_GAP}?"
    names_before = r"(?:(?:[^\n.;:]|(?<=[\s,(][a-z])\.)*(?:,|\set)\s)?"
    return re.compile(rf"{line_start}{heading}{names_before}(?:[a-z]\.-?){{0,3}}\s?$")


@cache
def _greeting() -> re.Pattern[str]:
    """Merci, Bonjour, Merci beaucoup à."""
    return re.compile(
        rf"(?<!\w)(?:{alternatives('annonces_fortes')}){_GAP}+(?:à\s|beaucoup\sà\s)?$"
    )


@cache
def _speech() -> re.Pattern[str]:
    """The verb after a quotation: », dit."""
    return re.compile(rf"[»\"”,!?…]{_GAP}*(?:{alternatives('incises')}){_GAP}+$")


@cache
def _apposed() -> re.Pattern[str]:
    """Une bénévole, ; mon mari ; notre collègue."""
    people = (
        f"{alternatives('fonctions')}|{alternatives('parentes')}|{alternatives('proches')}"
        f"|{alternatives('metiers')}"
    )
    return re.compile(rf"(?<!\w)(?:une?|notre|nos|mon|ma|mes)\s(?:{people}),?\s$")


@cache
def _attribution() -> re.Pattern[str]:
    """What lies between a quotation and who said it: », ; » (."""
    return re.compile(rf"[»”]{_GAP}?[,(–—\-]{_GAP}?$")


@cache
def _mention() -> re.Pattern[str]:
    """Voir avec, selon, relu par, le président."""
    return re.compile(
        rf"(?<!\w)(?:{alternatives('annonces')}){_GAP}+(?:(?:à|avec|par|à nouveau)\s)?$"
    )


def is_presented(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether someone takes the floor after a colon at the start of a line: « Nadia : oui, nous… »,
    or is said to be someone.
    """
    word = words[i]
    line_start = folded[: word.start].rpartition("\n")[2].strip(' \t\u00a0-–•*«"“')
    return not line_start and takes_the_floor(folded[word.end : word.end + _NEAR])


def has_human_context(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether words that people alone have stand around a surname: voir avec X; c'est X qui; (X,
    maraîchère).
    """
    before, after = (
        folded[max(0, words[i].start - _NEAR) : words[i].start],
        folded[words[i].end : words[i].end + _NEAR],
    )
    is_cleft = re.search(r"(?<!\w)c'est\s(?:pas\s|à\s)?$", before) and re.match(
        r"\s(?:qui|de)\s", after
    )
    is_voter = re.search(r"(?:contre|abstentions?|pour)\s(?:\d+\s?)?\($", before) or _vote().match(
        after
    )
    is_said = is_cleft or is_voter or _function().match(after)
    return (
        bool(is_said)
        or is_related(words, i, folded)
        or announces(words, i, folded)
        or takes_the_floor(after)
    )


def is_related(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether what follows tells somebody among others: et son mari; , ma voisine; le mécano; de la
    table 2; m'a dit.
    """
    return bool(_relation().match(folded[words[i].end : words[i].end + _NEAR]))


@cache
def _relation() -> re.Pattern[str]:
    people = (
        f"{alternatives('fonctions')}|{alternatives('parentes')}|{alternatives('proches')}"
        f"|{alternatives('metiers')}"
    )
    kin = rf"\s?,?\s(?:et\s|avec\s)?(?:mon|ma|notre|son|sa|ses)\s(?:{people})(?!\w)"
    trade = rf"\s?,?\s(?:le|la|l'|du|de\sla)\s?(?:{alternatives('metiers')})(?!\w)"
    return re.compile(
        rf"{kin}|{trade}|\s?,?\s(?:de\sla\s)?table\s\d|\s(?:m'a|lui\sa|t'a|n'en\speut\splus"
        rf"|en\sa\smarre)(?!\w)"
    )


@cache
def _vote() -> re.Pattern[str]:
    return re.compile(
        r"\s(?:vote(?:\s(?:contre|pour|blanc))|s'abstient|absente?|excusee?|preside"
        r"|dixit)(?!\w)|\s\((?:opposition|majorite)\)"
    )


def is_posted(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether the name is in a list that says who does what: Lolo au bar, Riton à la sono."""
    post = r"(?:au|aux|à\sla|à\sl')\s?[\w'\- ]{2,25}"
    after = folded[words[i].end : words[i].end + 80]
    return re.match(rf"\s{post}?(?:,|\set)\s\w[\w\-]*\s(?:au|aux|à)\s", after) is not None


def takes_the_floor(after: str) -> bool:
    """Whether a colon and what a speaker begins with follow: « Nadia : oui, nous… »."""
    return (
        re.match(
            rf"\s?:\s*(?:[«\"“]|(?:{alternatives('prises_de_parole')})(?:(?<=')|(?!\w)))", after
        )
        is not None
    )


def announces_first_name(words: list[TextWord], i: int) -> bool:
    """Whether the word before lets a first name follow even where it may as well let an
    organisation: avec, de, chez.
    """
    return (
        i > 0
        and bool(_CLOSE.fullmatch(words[i].before))
        and words[i - 1].folded in terms("annonces_de_prenoms") | terms("parentes")
    )


def follows(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether a function, a verb of speech or of doing, or a colon at the start of a line or
    sentence, follows the name at `i`.
    """
    word = words[i]
    line_start = folded[: word.start].rpartition("\n")[2].strip(" \t\u00a0-–•*")
    opens = not line_start or line_start.endswith((".", ";", "!", "?"))
    is_speaker = (
        folded[word.end : word.end + 3].lstrip(" \u00a0").startswith((": ", ":\u00a0")) and opens
    )
    return is_speaker or acts(words, i, folded)


def acts(words: list[TextWord], i: int, folded: str) -> bool:
    """Whether a function, or a verb of speech or of doing, follows the name at `i`."""
    after = folded[words[i].end : words[i].end + _NEAR]
    return bool(_action().match(after) or _function().match(after))


@cache
def _action() -> re.Pattern[str]:
    """Propose, a dit, et Marin tiennent, proposerait."""
    other = rf"(?:{_GAP}et{_GAP}[^\W\d_]+)?"
    auxiliary = r"(?:a\s|nous\s|vous\s|y\s|en\s|se\s|ne\s|l')?"
    return re.compile(
        rf"{other}{_GAP}{auxiliary}(?:{alternatives('verbes')}|[a-z]{{3,}}(?:ait|aient|era"
        rf"|erait|eront|irait))(?!\w)"
    )


@cache
def _function() -> re.Pattern[str]:
    """, trésorière; (notre coordinatrice)."""
    return re.compile(
        rf"{_GAP}?[,(]{_GAP}?(?:l[ae]\s|l'|notre\s|une?\s)?(?:{alternatives('fonctions')})(?!\w)"
    )


@dataclass(frozen=True)
class Passage:
    """A block of a document, or a cell of a table."""

    text: str
    entities: tuple[tuple[int, int, str], ...]  # start, end, label (PER, LOC, ORG, MISC)
    roster: Roster

    @cached_property
    def words(self) -> list[TextWord]:
        """Its words in order."""
        return words_of(self.text)

    @cached_property
    def folded(self) -> str:
        """Its text folded, offsets unchanged."""
        return fold_same_length(self.text)

    @cached_property
    def is_shouted(self) -> bool:
        """Whether it is all in capitals, so that a capital proves nothing."""
        return _is_shouted(self.text)

    def is_shouted_at(self, word: TextWord) -> bool:
        """Whether the line that `word` stands in is."""
        start, end = self.text.rfind("\n", 0, word.start) + 1, self.text.find("\n", word.end)
        return _is_shouted(self.text[start : end if end >= 0 else None])

    @cached_property
    def kept(self) -> list[tuple[int, int]]:
        """Spans of structures' names and of words that the settings keep."""
        return [
            match.span()
            for match in self.roster.kept.finditer(self.folded)
            if not self._goes_on(match)
        ]

    def _goes_on(self, match: re.Match[str]) -> bool:
        """Whether a surname follows a famous name, which is then a living person's: Aimé Césaire
        Kouassi.
        """
        after = re.match(rf"[ \u00a0]({UPPER}[\w\-]+)", self.text[match.end() :])
        return (
            match.group() in celebrated()
            and after is not None
            and is_surname(fold_same_length(after[1]))
        )

    def is_kept(self, word: TextWord) -> bool:
        """Whether `word` lies in a name to leave."""
        return any(start <= word.start and word.end <= end for start, end in self.kept)

    def label(self, word: TextWord) -> str:
        """spaCy's label of the entity that covers `word`, or nothing."""
        return next(
            (
                label
                for start, end, label in self.entities
                if start <= word.start and word.end <= end
            ),
            "",
        )


def _is_shouted(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) > 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters)


_INITIALS_BEFORE = re.compile(rf"(?<!\w)(?:{UPPER}h?\.[\s\-]?){{1,3}}$")
_BEFORE_WORD = r"(?<![AÀYO])(?=\s[a-zà-ÿ]{3})"
_INITIAL_AFTER = re.compile(
    rf"\s{UPPER}(?:\.(?=\s?[^\s\w]|\s{{1,2}}[a-zà-ÿ]|$)|(?=\.?\s?[,;:)/]|\.?$|\.\s)|{_BEFORE_WORD})"
)
_BLANK = r"[\s\u00a0](?:[dDlL]['’])?"
_MOST_WORDS = 6


def whole_name(passage: Passage, i: int, *, has_title: bool, has_initial: bool) -> tuple[int, int]:
    """Return the span of the name that the word at `i` belongs to, without its title."""
    words = passage.words
    last = i
    while last - i < _MOST_WORDS and (following := _next_part(passage, last)) is not None:
        last = following
    end = words[last].end
    initial = None if has_initial else _INITIAL_AFTER.match(passage.text, end)
    return _start(passage, i, has_title=has_title), initial.end() if initial else end


def _start(passage: Passage, i: int, *, has_title: bool) -> int:
    """Where the name starts: at its initials, at the particles after a title, at a surname in
    capitals before a first name.
    """
    words, start = passage.words, passage.words[i].start
    initials = initials_before(passage.text[:start])
    if initials is not None:
        return initials
    if has_title:
        while (
            i
            and words[i - 1].folded in terms("particules")
            and re.fullmatch(_BLANK, words[i].before)
        ):
            i -= 1
        start = words[i].start
        return start - 2 if re.search(r"(?<!\w)[DLO]['’]$", passage.text[:start]) else start
    before = i - 1
    while (
        before > 0
        and words[before].folded in ("van", "thi", "dinh")
        and words[before + 1].before == " "
    ):
        before -= 1
    if (
        before >= 0
        and words[before + 1].before == " "
        and _is_surname_first(passage, words[before])
    ):
        return words[before].start
    return start


def initials_before(text: str) -> int | None:
    """Where the initials that end `text` start ("J.-P. "); "M. " alone is a title."""
    match = _INITIALS_BEFORE.search(text)
    start = match.start() if match else len(text)
    start += 3 if re.match(r"M\.\s", text[start:]) else 0
    return start if start < len(text) else None


def surname_after(passage: Passage, i: int) -> TextWord | None:
    """The capitalised word right after `i` that may be a surname."""
    after = passage.words[i + 1] if i + 1 < len(passage.words) else None
    if (
        after is None
        or not re.fullmatch(_BLANK, after.before)
        or not after.has_capital
        or passage.is_kept(after)
    ):
        return None
    return None if after.folded in terms("jamais") | terms("acronymes") else after


def has_particle_after(passage: Passage, i: int) -> bool:
    """Whether a particle and a capitalised word that is neither common nor a place follow: Jean de
    Kerguelen.
    """
    words = passage.words
    if (
        i + 2 >= len(words)
        or words[i + 1].before != " "
        or words[i + 1].folded not in terms("particules")
    ):
        return False
    name = words[i + 2]
    return (
        name.has_capital
        and name.before == " "
        and not (name.is_common or name.is_upper or is_place(name.folded) or passage.is_kept(name))
    )


def _next_part(passage: Passage, last: int) -> int | None:
    """The place of the next part of a name after the word at `last`, over particles and a middle
    initial; None where the name ends.
    """
    words = passage.words
    for i in range(last + 1, min(last + 4, len(words))):
        word, previous = words[i], words[i - 1]
        gap = rf"\.{_BLANK}" if _is_initial(previous) else _BLANK
        if not re.fullmatch(gap, word.before) or passage.is_kept(word):
            return None
        is_middle = (
            _is_initial(word)
            and i + 1 < len(words)
            and words[i + 1].before == ". "
            and words[i + 1].has_capital
        )
        if is_middle or word.folded in terms("particules"):
            continue
        is_part = (
            word.has_capital
            and not _is_initial(word)
            and _may_be_surname(word)
            and not _ends_shouted_name(passage, i)
        )
        return i if is_part else None
    return None


def _ends_shouted_name(passage: Passage, i: int) -> bool:
    """Whether a common word or verb goes on after the name in a line of capitals: MME ROCHE
    DEMANDE; not M. JEAN PETIT, whom it names.
    """
    word, before = passage.words[i], passage.words[i - 1]
    if not (
        word.is_upper
        and (word.is_common or is_word_in_capitals(word.folded) or is_verb_form(word.folded))
        and passage.is_shouted_at(word)
    ):
        return False
    is_surname_here = (
        is_surname(word.folded)
        and is_first_name(before.folded)
        and before.folded not in passage.roster.last
    )
    return not (is_surname_here or word.folded in passage.roster.last | passage.roster.first)


def _is_initial(word: TextWord) -> bool:
    return len(word.text) == 1 and word.has_capital


def _may_be_surname(word: TextWord) -> bool:
    is_function_word = word.folded in terms("jamais") and not is_first_name(word.folded)
    is_generic = (
        word.is_common
        and word.folded in terms("lieux_et_organisations")
        and not is_surname(word.folded)
    )
    return not (is_function_word or is_generic or word.folded in terms("acronymes"))


def _is_surname_first(passage: Passage, word: TextWord) -> bool:
    """Whether `word` is a surname before its first name: known, or in capitals (ROY Hélène)."""
    if word.folded in passage.roster.last:
        return True
    if (
        is_surname(word.folded)
        and word.has_capital
        and not (word.is_common or is_place(word.folded) or is_first_name(word.folded))
    ):
        return True
    is_shouted = passage.is_shouted or not word.is_upper or len(word.text) < 3
    return not (is_shouted or word.is_common or word.folded in terms("acronymes"))
