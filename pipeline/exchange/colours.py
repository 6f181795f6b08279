"""Tell the colours of codes that somebody changed in another tool.

In:   each code of the grid with the colour that the tool gave back; decisions on the codebook
Out:  the new colours, by code, and who chose them
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.decisions.codebook import EditCode
from pipeline.decisions.kinds import Decision
from pipeline.exchange.codebook import CodebookEntry


@dataclass(frozen=True)
class Recolouring:
    """New colours by code of the grid, and who chose them."""

    author: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)


def changed_colours(
    pairs: Sequence[tuple[CodebookEntry, str]],
    axis_colours: Collection[str],
    decisions: Iterable[Decision],
) -> dict[str, str]:
    """Return the codes that somebody coloured anew, by code.

    A tool may show every code of a colour in another one, of its own: that is nobody's choice. Nor
    is a colour that the code once had here: an old file has it.
    """
    shown_as: dict[str, Counter[str]] = {}
    for entry, colour in pairs:
        shown_as.setdefault(entry.colour.lower(), Counter())[colour] += 1
    n_same = sum(theirs[ours] for ours, theirs in shown_as.items())
    keeps_ours = 2 * n_same > len(pairs)
    usual = {
        ours: ours if keeps_ours else theirs.most_common(1)[0][0]
        for ours, theirs in shown_as.items()
    }
    former = {
        (code.code, code.colour.lower())
        for edit in decisions
        if isinstance(edit, EditCode)
        for code in (edit.before, edit.after)
        if code is not None and code.colour
    }
    former |= {(entry.code, colour.lower()) for entry, _colour in pairs for colour in axis_colours}
    former |= {(code, usual[colour]) for code, colour in former if colour in usual}
    return {
        entry.code: colour
        for entry, colour in pairs
        if colour != usual[entry.colour.lower()] and (entry.code, colour) not in former
    }
