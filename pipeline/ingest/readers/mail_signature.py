"""Tell greetings and signatures from what a person wrote in a mail.

In:   the lines of one message, and its sender's name
Out:  the places of the lines that only greet, take leave or sign
"""

import re
from collections.abc import Sequence

from pipeline.ingest.readers.mail_lexicon import matches
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished

_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)33\s?\(?0?\)?|0)\s?[1-9](?:[\s.\-/]?\d{2}){4}(?!\d)")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.\S+", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<!\d)(?:\d{5}|\d{2} \d{3})\s+[A-ZÀ-Ý][\w'’-]+")
_PERSON = re.compile(r"[A-ZÀ-Ý][\w'’.-]*(?:\s+(?:[A-ZÀ-Ý][\w'’.-]*|de|du|d['’]\w+|le|la)){0,3}[,.]?$")
_MAX_SIGN_LINES = 14  # lines after a closing formula that may still be a signature
_MAX_SIGN_CHARS = 400  # characters of a line of a signature
_MAX_SIGN_WORDS = 12  # words of a line of a signature


def greeting(lines: Sequence[str], written: Sequence[int]) -> set[int]:
    """Places among `written` of the one or two lines that greet."""
    aside: set[int] = set()
    for place in written[:2]:
        if not _is_greeting(lines[place]):
            break
        aside.add(place)
    return aside


def _is_greeting(line: str) -> bool:
    """True for a line that only greets; one that goes on after the greeting is someone's sentence."""
    text = clean(line).rstrip("!,.:; ")
    if re.fullmatch(rf"{_PERSON.pattern.removesuffix('[,.]?$')}", text) and clean(line).endswith(",") and len(text.split()) <= 3:
        return True
    found = matches("saluts", text)
    if not found:
        return False
    pieces = [piece.strip() for piece in re.split(r"[,!]|\bet\b", text[found.end() :]) if piece.strip()]
    return all(matches("saluts", piece) or matches("suite_salut", piece, whole=True) or _is_named(piece) for piece in pieces)


def _is_named(piece: str) -> bool:
    """True for the names or functions that one greets: up to four words, capitalised but for titles and particles."""
    words = piece.split()
    return len(words) <= 4 and all(word[0].isupper() or matches("titres", word, whole=True) for word in words)


def signature(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    """Places of the closing formula and of the signature; post-scripts and sentences after it are left out."""
    for order, place in enumerate(written):
        if lines[place].rstrip() == "--":
            return {*written[order:]}
        if _is_closing(lines[place].strip()) and len(written) - order - 1 < _MAX_SIGN_LINES:
            rest = written[order + 1 :]
            said = _said_after(lines, rest)
            if len(said) < 2:
                return {place, *rest}.difference(*said)
    return _unannounced(lines, written, sender)


def _is_closing(text: str) -> bool:
    """True for a formula of farewell, alone or before a name."""
    found = matches("fins", text)
    if not found:
        return False
    after = text[found.end() :].strip(" ,.!;:()")
    return (
        len(text.split()) <= 6
        or not after
        or _is_contact(after)
        or bool(_PERSON.match(after))
        or (len(text.split()) <= 25 and (found.end() > 30 or any(matches("fins", piece.strip()) for piece in after.split(","))))
    )


def _said_after(lines: Sequence[str], places: Sequence[int]) -> list[set[int]]:
    """Places of the paragraphs after a formula that are no signature: full sentences, and all from a post-script on."""
    paragraphs: list[list[int]] = []
    for place in places:
        if paragraphs and paragraphs[-1][-1] == place - 1:
            paragraphs[-1].append(place)
        else:
            paragraphs.append([place])
    said: list[set[int]] = []
    for order, paragraph in enumerate(paragraphs):
        if matches("post_scriptum", lines[paragraph[0]].strip()):
            return [*said, {place for rest in paragraphs[order:] for place in rest}]
        text = " ".join(lines[place].strip() for place in paragraph)
        if (
            len(text.split()) > _MAX_SIGN_WORDS
            and text.endswith((".", "!", "?"))
            and not any(_is_contact(lines[place]) for place in paragraph)
        ):
            said.append(set(paragraph))
    return said


def _unannounced(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    """Places of a signature without a closing formula: a name and what stands below it, or the last contact lines."""
    tail = list(written[-8:])
    start = len(tail)
    for order in range(len(tail) - 1, -1, -1):
        text = lines[tail[order]].strip()
        is_named = _is_senders(text, sender) or (bool(_PERSON.fullmatch(text)) and len(text.split()) <= 3)
        if (is_named and tail[order] != written[0]) or _is_contact(text):
            start = order
        elif len(text.split()) > 8 or is_finished(text) or bullet_of(text):
            break
    return set(tail[start:])


def _is_senders(text: str, sender: str) -> bool:
    """True for a short line, no sentence, that bears the sender's last or first name."""
    names = set(re.findall(r"[^\W\d_]{3,}", sender.split("<")[0].split("@")[0].lower()))
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    return bool(names & set(words[:4])) and len(text.split()) <= _MAX_SIGN_WORDS and not text.endswith((".", "?", "!"))


def _is_contact(text: str) -> bool:
    """True for a line of a signature: mostly a phone number, an address or a label of one."""
    if len(text) > _MAX_SIGN_CHARS:
        return False
    stripped = _ADDRESS.sub("", _PHONE.sub("", text))
    has_contact = stripped != text or bool(_POSTCODE.search(text)) or bool(matches("coordonnees", text.strip()))
    return has_contact and len(stripped.split()) <= _MAX_SIGN_WORDS and not text.rstrip().endswith((".", "?", "!"))
