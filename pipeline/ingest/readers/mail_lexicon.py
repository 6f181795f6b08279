"""The expressions of data/lexicon/courriels.txt: greetings, farewells, quotes, notices, by section.

In:   a section's name and a line of a mail
Out:  the match
"""

import re
from functools import cache

from pipeline.resources import data_path

_MAX_LINE = 1000  # characters of a line that a formula fills from end to end


def matches(name: str, text: str, *, whole: bool = False) -> re.Match[str] | None:
    """The match of `text` from its start, or in `whole`, with one of the expressions called `name` in the lexicon."""
    if whole and len(text) > _MAX_LINE:
        return None
    pattern = _lexicon()[name]
    straight = text.replace("’", "'")
    return pattern.fullmatch(straight) if whole else pattern.match(straight)


@cache
def _lexicon() -> dict[str, re.Pattern[str]]:
    """One expression a section of the lexicon; a section is a line « [nom] », then an expression a line."""
    expressions: dict[str, list[str]] = {}
    section = ""
    for line in data_path("lexicon", "courriels.txt").read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            expressions.setdefault(section, []).append(f"(?:{line})")
    return {name: re.compile("|".join(found), re.IGNORECASE) for name, found in expressions.items()}
