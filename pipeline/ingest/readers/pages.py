"""Tell a page's furniture from its text: menus, legends, shortcodes, what a shared pad adds.

The expressions are in data/lexicon/pages.txt. Furniture stays in the document, as `meta` blocks.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import clean, has_letters, lexicon_sections, matches, straight

# HackMD and CodiMD sign a quote so: github.com/hackmdio/codimd, « blockquote tags »
_TAG = re.compile(r"\s*\[(name|time|color)=([^\[\]]{0,80})\]")
_EMOJI = re.compile(r"(?<!\w):[a-z][a-z0-9_+-]{2,40}:(?!\w)")
_TAGS = re.compile(r"tags?\s*:\s*\S.*", re.IGNORECASE)
_CAPTION = re.compile(
    r"\[caption\b[^\[\]]*\](.*?)\[/caption\]|\[button\b[^\[\]]*\](.*?)\[/button\]"
)


def is_furniture_name(names: Iterable[str]) -> bool:
    """Whether a class, an identifier or a role of an element tells that it is no text."""
    pattern = lexicon_sections("pages")["elements"]
    return any(pattern.fullmatch(name) for name in names)


def set_furniture_apart(blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
    """Yield the blocks, with lines of furniture and layout codes as `meta` blocks."""
    for block in blocks:
        if block.kind in ("meta", "cue") or block.columns:
            yield block
        elif matches("pages", "lignes", block.text, whole=True):
            yield replace(block, kind="meta", level=None, reason="page furniture")
        elif block.kind == "heading" and block.level == 6 and _TAGS.fullmatch(block.text):
            yield replace(block, kind="meta", level=None, reason="category")
        else:
            yield from _without_codes(block)


def _without_codes(block: RawBlock) -> Iterator[RawBlock]:
    """A code with its legend or label is apart; a quote's tag names who said it."""
    text, speaker = block.text, block.speaker
    apart: list[tuple[str, str]] = []
    for pattern, reason in ((_CAPTION, "page furniture"), (_TAG, "markup")):
        for match in pattern.finditer(text):
            apart.append((clean(match[0]), reason))
            if pattern is _TAG and match[1] == "name":
                speaker = clean(match[2]) or speaker
        text = pattern.sub(" ", text)
    codes = lexicon_sections("pages")["codes"]
    apart += [(clean(match[0]), "markup") for match in codes.finditer(straight(text))]
    text = clean(_EMOJI.sub(" ", codes.sub(" ", straight(text)) if apart else text))
    if has_letters(text) or (not apart and text):
        yield replace(block, text=text, speaker=speaker)
    for shown, reason in apart:
        yield RawBlock(shown, "meta", reason=reason)
