"""Separate what someone wrote in a mail from greetings, signatures, quotes and notices.

The expressions are in data/lexicon/courriels.txt.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.words import bullet_of, clean, first_names, is_finished, matches

_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)33\s?\(?0?\)?|0)\s?[1-9](?:[\s.\-/]?\d{2}){4}(?!\d)")
_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,100}\.[\w.-]+|https?://\S+|\bwww\.\S+", re.IGNORECASE
)
_POSTCODE = re.compile(r"(?<!\d)(?:\d{5}|\d{2} \d{3})\s+[A-ZÀ-Ý][\w'’-]+")
_NAMES = r"[A-ZÀ-Ý][\w'’.-]*(?:\s+(?:[A-ZÀ-Ý][\w'’.-]*|de|du|d['’]\w+|le|la)){0,3}"
_PERSON = re.compile(_NAMES + r"[,.]?$")
_FROM = re.compile(r"(?:de|from|von)\s*:", re.IGNORECASE)
_TO = re.compile(r"(?:à|a|to|an|pour|destinataires?)\s*:", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:objet|sujet|subject)\s*:\s*(.*)", re.IGNORECASE)
_CITED = re.compile(
    r"(?:\d{1,2}\s?[:h]\s?\d{2}(?:[:.]\d{2})?(?:\s?[AP]M)?|\d{4})\s*(?:,|>|:)?\s*"
    r"(?P<name>[^\d,;][^,;]{1,120}?)\s*(?:a écrit|écrivait|a ecrit|wrote)\b",
    re.IGNORECASE,
)
_RULE = re.compile(r"[=*#~]{4,}|-{5,}")
_N_BELOW_RULE = 20  # lines that may hold the headers of the next mail
_MAX_DEPTH = 20  # of quoted mails
_MAX_LINE = 1000  # of a line that is all formula
_MAX_SIGN_LINES = 14  # after a closing formula
_MAX_SIGN_CHARS = 400  # of a signature's line
_MAX_SIGN_WORDS = 12  # of a signature's line
_N_TAIL = 8  # last lines, for a signature without a formula
_N_HEADER_LINES = 12  # for the copied headers of a quoted mail

_starts = partial(matches, "courriels")


def _fills(section: str, text: str) -> bool:
    return len(text) <= _MAX_LINE and bool(_starts(section, text, whole=True))


@dataclass(frozen=True)
class _MailLine:
    text: str
    reason: str = ""  # a key of ASIDES where it is no passage
    speaker: str | None = None  # None for the sender of the whole mail


def blocks_of_mail(
    text: str, *, sender: str = "", is_forward: bool = False, recipients: Sequence[str] = ()
) -> tuple[list[RawBlock], list[str]]:
    """Return the blocks of a mail, and the copied « De : » lines of mails read in it.

    The name `sender` finds a signature without a formula. A mail quoted in it is its own author's
    words, unless its author is one of the `recipients`, who asked for the answer.
    """
    authors: list[str] = []
    blocks: list[RawBlock] = []
    marked: list[_MailLine] = []
    for mail in _pasted(text.split("\n")):
        thread = _Thread(is_forward, tuple(map(_key, recipients)))
        marked += thread.read(mail, sender, None, 0)
        authors += thread.authors
    for (reason, speaker), run in groupby(marked, key=lambda line: (line.reason, line.speaker)):
        texts = [line.text for line in run]
        if reason:
            shown_lines = [shown for shown in map(clean, texts) if shown]
            blocks += [RawBlock(shown, "meta", reason=reason) for shown in shown_lines]
        else:
            own = blocks_of_lines(texts, is_mail=True)
            blocks += [replace(block, speaker=speaker) for block in own]
    return blocks, authors


def _pasted(lines: list[str]) -> Iterator[list[str]]:
    """Yield the mails pasted one below another, a ruled line before the headers of the next."""
    start = 0
    for i, line in enumerate(lines):
        if _RULE.fullmatch(line.strip()) and opens_with_headers(lines[i + 1 : i + _N_BELOW_RULE]):
            yield lines[start : i + 1]
            start = i + 1
    yield lines[start:]


def opens_with_headers(lines: Sequence[str]) -> bool:
    """Whether a text starts with a mail's copied headers, as Outlook saves one."""
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    return bool(_n_headers(lines, first))


def _key(name: str) -> str:
    return " ".join(sorted(re.findall(r"[^\W\d_]{2,}", name.split("<")[0].split("[")[0].lower())))


class _Thread:
    """A mail and those quoted in it, the latest first."""

    def __init__(self, is_forward: bool, recipients: tuple[str, ...]) -> None:
        self._is_forward, self._recipients = is_forward, recipients
        self.authors: list[str] = []  # of the quoted mails that are read
        self._wrote = False

    def read(
        self, lines: list[str], sender: str, speaker: str | None, depth: int
    ) -> Iterator[_MailLine]:
        """Yield the lines with what they are, those of quoted mails by their authors."""
        own: list[_MailLine] = []
        i = 0
        while i < len(lines):
            is_inner, n_lines = _border(lines, i)
            if not n_lines or depth > _MAX_DEPTH:
                own.append(_MailLine(lines[i], speaker=speaker))
                i += 1
                continue
            head, rest = lines[i : i + n_lines], lines[i + n_lines :]
            wrote_nothing = not self._wrote and not any(line.text.strip() for line in own)
            self._wrote = self._wrote or not wrote_nothing
            yield from _marked(own, sender)
            yield from (_MailLine(line, "circumstance") for line in head)
            own, i = [], i + n_lines
            author = _author_of(head)
            if wrote_nothing and not self._recipients:
                self._recipients = tuple(_recipients_of(head))
                self._is_forward = self._is_forward or any(map(_is_forwarded, head))
            quoted = _quoted_lines(rest)
            inner = [re.sub(r"^\s?>\s?", "", line) for line in rest[:quoted]] if quoted else rest
            is_own = wrote_nothing and any(_FROM.match(line.strip("> *")) for line in head)
            is_read = is_inner or is_own or (self._is_forward and bool(author))
            is_read = is_read or self._is_told(author, inner)
            if is_read:
                self.authors += [author] if author else []
                name = re.split(r"[<\[]", author)[0].strip("'\" ") or sender
                yield from self.read(inner, author or sender, _shown(name), depth + 1)
            else:
                yield from (_MailLine(line, "circumstance") for line in inner)
            if not quoted:
                return
            i += quoted
        yield from _marked(own, sender)

    def _is_told(self, author: str, inner: Sequence[str]) -> bool:
        """Whether a quoted mail is a participant's, not the one that asked for answers.

        The first of the thread is told only where it is a person's, and all names are known and
        differ; one of several recipients who answers another is a participant.
        """
        name = _key(author)
        is_first = not any(_border(inner, i)[1] for i in range(len(inner)))
        if is_first and not first_names() & set(re.findall(r"[^\W\d_]+", author.title())):
            return False
        if not name or (name in self._recipients and (is_first or len(self._recipients) < 2)):
            return False
        are_known = bool(self._recipients) and all(
            len(key.split()) > 1 for key in (name, *self._recipients)
        )
        return are_known or not is_first


def _shown(name: str) -> str | None:
    return clean(name) or None


def _quoted_lines(lines: Sequence[str]) -> int:
    """Count the lines after « X a écrit : » that are quoted with « > », blank ones between them."""
    n_quoted = 0
    for i, line in enumerate(lines):
        if line.lstrip().startswith(">"):
            n_quoted = i + 1
        elif line.strip():
            break
    return n_quoted


def _author_of(head: Sequence[str]) -> str:
    """Return who wrote the mail announced by `head`, with the address where given."""
    for line in head:
        bare = line.strip("> *")
        if _FROM.match(bare):
            return bare.split(":", 1)[1].strip(" *")
    cited = _CITED.search(" ".join(line.strip("> ") for line in head))
    return cited["name"].strip(" ,\"'") if cited else ""


def _is_forwarded(line: str) -> bool:
    subject = _SUBJECT.match(line.strip("> *"))
    return bool(subject and _starts("objets_transfert", subject[1]))


def _recipients_of(head: Sequence[str]) -> Iterator[str]:
    for line in head:
        bare = line.strip("> *")
        if _TO.match(bare):
            yield from map(_key, re.split(r"[;,]", bare.split(":", 1)[1]))


def _border(lines: Sequence[str], i: int) -> tuple[bool, int]:
    """Return whether a forward begins at line `i`, and the length of its announcement, or 0."""
    line = lines[i].strip()
    if not line:
        return False, 0
    if _fills("transfert", line):
        return True, 1 + _n_headers(lines, i + 1)
    if _fills("origine", line):
        n_headers = _n_headers(lines, i + 1)
        return False, 1 + n_headers if n_headers or not line.startswith("_") else 0
    return False, _n_citing(lines, i) or _n_headers(lines, i)


def _n_citing(lines: Sequence[str], start: int) -> int:
    """Count the lines, up to three, of « Le …, … a écrit : » from `start`."""
    for n_lines in (1, 2, 3):
        texts = [line.strip() for line in lines[start : start + n_lines]]
        if len(texts) < n_lines or not all(texts) or texts[0].startswith(">"):
            return 0
        if _starts("citations", " ".join(texts)):
            begins_later = any(re.match(r"(?:le|on)\b", text, re.IGNORECASE) for text in texts[1:])
            return 0 if begins_later else n_lines
    return 0


def _n_headers(lines: Sequence[str], start: int) -> int:
    n_lines = n_headers = 0
    for i, line in enumerate(lines[start : start + _N_HEADER_LINES]):
        bare = line.strip().lstrip(">* ").replace("*", "")
        if n_headers >= 3 and _FROM.match(bare):
            break  # of the next mail, below a short answer
        if _starts("entetes", bare):
            n_lines, n_headers = i + 1, n_headers + 1
        elif line.strip() and (i > n_lines + 2 or not n_headers):
            break
    return n_lines if n_headers >= 3 else 0


def _marked(lines: list[_MailLine], sender: str) -> list[_MailLine]:
    texts = [line.text for line in lines]
    reasons = [_reason(line) for line in lines]
    written = [i for i, text in enumerate(texts) if text.strip() and not reasons[i]]
    greeting = _greeting(texts, written)
    written = [i for i in written if i not in greeting]
    signature = _signature(texts, written, sender)
    for i in greeting:
        reasons[i] = "circumstance"
    for i in signature:
        reasons[i] = "signature"
    return [replace(line, reason=reason) for line, reason in zip(lines, reasons, strict=True)]


def _reason(line: _MailLine) -> str:
    if line.reason:
        return line.reason
    text = line.text.strip()
    if line.text.startswith(">"):
        return "circumstance"
    if _RULE.fullmatch(text):
        return "mark"
    if _starts("envois", text) and len(text.split()) <= _MAX_SIGN_WORDS:
        return "circumstance"
    return "application" if _starts("mentions", text) else ""


def _greeting(lines: Sequence[str], written: Sequence[int]) -> set[int]:
    if not written or not _is_greeting(lines[written[0]]):
        return set()
    goes_on = len(written) > 1 and _is_greeting(lines[written[1]])
    return set(written[:2] if goes_on else written[:1])


def _is_greeting(line: str) -> bool:
    """Whether a line only greets: one that goes on is a sentence."""
    shown = clean(line)
    text = shown.rstrip("!,.:; ")
    if shown.endswith(",") and len(text.split()) <= 3 and re.fullmatch(_NAMES, text):
        return True
    greeting = _starts("saluts", text)
    if not greeting:
        return False
    pieces = map(str.strip, re.split(r"[,!]|\bet\b", text[greeting.end() :]))
    return all(
        _starts("saluts", piece) or _fills("suite_salut", piece) or _is_named(piece)
        for piece in pieces
        if piece
    )


def _is_named(piece: str) -> bool:
    """Whether up to four words, capitalised but for titles, name the person greeted."""
    words = piece.split()
    return len(words) <= 4 and all(word[0].isupper() or _fills("titres", word) for word in words)


def _signature(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    for order, i in enumerate(written):
        if lines[i].rstrip() == "--":
            return set(written[order:])
        is_near_end = len(written) - order <= _MAX_SIGN_LINES
        if is_near_end and _is_closing(lines[i].strip()):
            rest = written[order + 1 :]
            sentences = _sentences_after(lines, rest)
            if len(sentences) < 2:
                return {i, *rest}.difference(*sentences)
    return _signature_without_formula(lines, written, sender)


def _is_closing(text: str) -> bool:
    farewell = _starts("fins", text)
    if not farewell:
        return False
    n_words = len(text.split())
    after = text[farewell.end() :].strip(" ,.!;:()")
    if n_words <= 6 or not after or _is_contact(after) or _PERSON.match(after):
        return True
    is_long = farewell.end() > 30
    return n_words <= 25 and (
        is_long or any(_starts("fins", piece.strip()) for piece in after.split(","))
    )


def _sentences_after(lines: Sequence[str], written: Sequence[int]) -> list[set[int]]:
    """Find paragraphs after the formula that are sentences, and all from a post-script on."""
    paragraphs: list[list[int]] = []
    for i in written:
        if paragraphs and paragraphs[-1][-1] == i - 1:
            paragraphs[-1].append(i)
        else:
            paragraphs.append([i])
    sentences: list[set[int]] = []
    for order, paragraph in enumerate(paragraphs):
        if _starts("post_scriptum", lines[paragraph[0]].strip()):
            return [*sentences, {i for rest in paragraphs[order:] for i in rest}]
        text = " ".join(lines[i].strip() for i in paragraph)
        if (
            len(text.split()) > _MAX_SIGN_WORDS
            and text.endswith((".", "!", "?"))
            and not any(_is_contact(lines[i]) for i in paragraph)
        ):
            sentences.append(set(paragraph))
    return sentences


def _signature_without_formula(
    lines: Sequence[str], written: Sequence[int], sender: str
) -> set[int]:
    """Find a name and what is below it, or the last contact lines."""
    signature: set[int] = set()
    tail = written[-_N_TAIL:]
    for order in reversed(range(len(tail))):
        i = tail[order]
        text = lines[i].strip()
        is_name = _names_sender(text, sender) or (
            bool(_PERSON.fullmatch(text)) and len(text.split()) <= 3
        )
        if (is_name and i != written[0]) or _is_contact(text):
            signature = set(tail[order:])
        elif len(text.split()) > 8 or is_finished(text) or bullet_of(text):
            break
    return signature


def _names_sender(text: str, sender: str) -> bool:
    names = set(re.findall(r"[^\W\d_]{3,}", sender.split("<")[0].split("@")[0].lower()))
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    is_short = len(text.split()) <= _MAX_SIGN_WORDS and not text.endswith((".", "?", "!"))
    return is_short and bool(names & set(words[:4]))


def _is_contact(text: str) -> bool:
    if len(text) > _MAX_SIGN_CHARS:
        return False
    stripped = _ADDRESS.sub("", _PHONE.sub("", text))
    has_contact = (
        stripped != text
        or bool(_POSTCODE.search(text))
        or bool(_starts("coordonnees", text.strip()))
    )
    ends_sentence = text.rstrip().endswith((".", "?", "!"))
    return has_contact and len(stripped.split()) <= _MAX_SIGN_WORDS and not ends_sentence
