"""Keep small counts of people out of what is published, so that no participant is recognised by them.

A count under `least` but above 0 is told as "fewer than `least`". Where a published total would give it away, the smallest other counts
that hide it are withheld too; where none can, the total is. 0 is told: it is nobody.

In:   counts that add up to a published total
Out:  the same, each as it may be told
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Mask(Enum):
    """What is told instead of a count."""

    SMALL = "small"  # from 1 to least - 1
    WITHHELD = "withheld"  # least or more, and kept back since it would give a small one away


Tally = int | Mask


@dataclass(frozen=True)
class Masked:
    """Counts as they may be told, and their total."""

    counts: tuple[Tally, ...]
    total: Tally


def mask_counts(counts: Sequence[int], *, least: int) -> Masked:
    """Return `counts` (all 0 or more) and their sum as they may be told; `least` of 1 masks nothing.

    Whoever knows all that is told, and how it is masked, finds every number from 1 to `least` - 1 possible for each small count.
    """
    total = sum(counts)
    told: list[Tally] = [mask_one(n, least=least) for n in counts]
    if Mask.SMALL not in told:
        return Masked(tuple(told), total)
    if total < least:
        return Masked(tuple(told), Mask.SMALL if sum(n > 0 for n in counts) == 1 else Mask.WITHHELD)
    shown = list(told)
    candidates = sorted((n, place) for place, n in enumerate(counts) if n >= least)
    for _, place in [(0, -1), *_lone_first(candidates, counts, told, least)]:
        if place >= 0:
            shown[place] = Mask.WITHHELD
        if _is_hidden(counts, shown, least):
            return Masked(tuple(shown), total)
    return Masked(tuple(told), Mask.WITHHELD)


def mask_one(n: int, *, least: int) -> Tally:
    """`n`, or that it is small."""
    return Mask.SMALL if 0 < n < least else n


def _lone_first(candidates: list[tuple[int, int]], counts: Sequence[int], told: list[Tally], least: int) -> list[tuple[int, int]]:
    """The smallest candidate that suffices alone; else all of them, smallest first."""
    for n, place in candidates:
        if _is_hidden(counts, [Mask.WITHHELD if here == place else one for here, one in enumerate(told)], least):
            return [(n, place)]
    return candidates


def _is_hidden(counts: Sequence[int], told: Sequence[Tally], least: int) -> bool:
    """Whether each small count may be anything from 1 to `least` - 1, for whoever knows the total and the counts that are told."""
    n_small, n_withheld = list(told).count(Mask.SMALL), list(told).count(Mask.WITHHELD)
    rest = sum(n for n, one in zip(counts, told, strict=True) if isinstance(one, Mask))
    most = rest - (n_small - 1) - least * n_withheld  # where the others are as small as they may be
    fewest = 1 if n_withheld else rest - (n_small - 1) * (least - 1)  # where they are as large
    return most >= least - 1 and fewest <= 1
