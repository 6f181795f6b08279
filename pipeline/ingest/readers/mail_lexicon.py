"""The expressions of data/lexicon/courriels.txt: greetings, farewells, quotes, notices, by section.

In:   a section's name and a line of a mail
Out:  the match
"""

import re

from pipeline.ingest.readers.wording import sections_of

_MAX_LINE = 1000  # characters of a line that a formula fills from end to end


def matches(name: str, text: str, *, whole: bool = False) -> re.Match[str] | None:
    """The match of `text` from its start, or in `whole`, with one of the expressions called `name` in the lexicon."""
    if whole and len(text) > _MAX_LINE:
        return None
    pattern = sections_of("courriels")[name]
    straight = text.replace("’", "'")
    return pattern.fullmatch(straight) if whole else pattern.match(straight)
