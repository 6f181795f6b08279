"""A corpus as IRaMuTeQ reads it."""

import re

Text = tuple[dict[str, str], list[str]]


def parsed(content: bytes) -> list[Text]:
    """The texts of a corpus: their variables and lines. Fails on all that IRaMuTeQ would read otherwise than it is meant."""
    assert not content.startswith(b"\xef\xbb\xbf")
    texts: list[Text] = []
    for line in content.decode("utf-8").split("\n"):
        if line.startswith("****"):
            assert not texts or texts[-1][1], "a header without text"
            variables = line.split(" ")[1:]
            assert all(
                re.fullmatch(r"\*[a-z0-9]+_[a-z0-9]+", variable) for variable in variables
            ), line
            named = dict(variable[1:].split("_") for variable in variables)
            assert len(named) == len(variables), "a variable given twice"
            texts.append((named, []))
        elif line.strip():
            assert texts, "a text before the first header"
            assert not line.startswith("-*") and "*" not in line and "$" not in line
            texts[-1][1].append(line)
    assert not texts or texts[-1][1], "a header without text"
    return texts
