"""What the documentation says that a machine can check: command lines, settings, paths, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models" / "cards").glob("*.md")),
)
GUIDES = tuple(
    page for page in PAGES if page.parent.name != "decisions"
)  # decisions tell what was so when they were taken

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?:    .*\n)(?:(?:    .*)?\n)*(?:    .*\n)?)")
_SPAN = re.compile(r"`([^`\n]+)`")
_NAMED = ("yaml", "toml", "json", "python", "text")


@dataclass(frozen=True)
class Block:
    """A block of code: `kind` is commands, python, toml, yaml, nginx or cron; `text` without its indentation."""

    page: Path
    kind: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Its lines that say something."""
        return [
            line.strip()
            for line in self.text.splitlines()
            if line.strip() and not line.strip().startswith("#")
        ]


@cache
def text_of(page: Path) -> str:
    """The page as it is written."""
    return page.read_text(encoding="utf-8")


@cache
def prose_of(page: Path) -> str:
    """The page without its blocks of code."""
    return _INDENTED.sub("", _FENCE.sub("", text_of(page)))


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of code of a page, in order; directives of the site are none."""
    found = [(match.start(), match[1], match[2]) for match in _FENCE.finditer(text_of(page))]
    plain = _FENCE.sub(
        lambda match: re.sub(r"[^\n]", "#", match[0]), text_of(page)
    )  # same length, so that places hold
    found += [
        (match.start(), "", re.sub(r"^    ", "", match[1], flags=re.MULTILINE))
        for match in _INDENTED.finditer(plain)
    ]
    for _, language, text in sorted(found):
        if not language.startswith("{"):
            yield Block(page, _kind(language, text), text)


def spans_of(page: Path) -> list[str]:
    """What stands between backquotes in the page's prose."""
    return _SPAN.findall(prose_of(page))


def paragraphs_of(page: Path) -> list[str]:
    """The page's paragraphs, items of lists and rows of tables."""
    return [
        part for part in re.split(r"\n\s*\n|\n(?=- |\d+\. |\|)", prose_of(page)) if part.strip()
    ]


def anchors_of(page: Path) -> set[str]:
    """What a link to a title of the page ends with, as browsers of repositories make it."""
    titles = re.findall(r"^#{1,4} (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _kind(language: str, text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if language in _NAMED:
        return language
    if re.fullmatch(r"\[[\w.]+\](\s*#.*)?", first):
        return "toml"
    if first.endswith("{"):
        return "nginx"
    if re.match(r"([\d*/,-]+ +){4}[\d*/,-]+ +\S", first):
        return "cron"
    return "yaml" if re.match(r"[a-zé_]+: ", first) else "commands"
