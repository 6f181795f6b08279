"""Spans of a text to replace by tokens; rewriting moves offsets exactly."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from pipeline.text import PERSON, Rewritten

__all__ = [
    "ACCOUNT",
    "ADDRESS",
    "BIRTH",
    "MAIL",
    "NUMBER",
    "PERSON",
    "PHONE",
    "Mask",
    "Rewriting",
    "settle_masks",
]

PHONE, MAIL, ADDRESS = "[téléphone]", "[courriel]", "[adresse]"
BIRTH, ACCOUNT, NUMBER = "[date de naissance]", "[compte]", "[numéro]"


class Mask(NamedTuple):
    """A half-open span, in code points, to replace by `token`."""

    start: int
    end: int
    token: str
    doubt: str = ""  # why a person should look, in French; "" if the evidence is plain
    is_readable: bool = False  # a suspect that is never replaced
    # a title or the listed name itself: a decision on the same word elsewhere does not unmask it
    is_sure: bool = False

    def is_inside(self, masks: "Iterable[Mask]") -> bool:
        """Whether one of `masks` hides all that this one does."""
        return any(other.start <= self.start and self.end <= other.end for other in masks)

    def overlaps(self, masks: "Iterable[Mask]") -> bool:
        """Whether one of `masks` hides some of what this one does."""
        return any(other.start < self.end and self.start < other.end for other in masks)


class Rewriting(Rewritten):
    """A text with its masks replaced."""

    def __init__(self, text: str, masks: Iterable[Mask], edges: Iterable[int] = ()) -> None:
        self.masks = settle_masks(text, masks, edges)
        super().__init__(text, (mask[:3] for mask in self.masks))


def settle_masks(text: str, masks: Iterable[Mask], edges: Iterable[int] = ()) -> list[Mask]:
    """Return the masks in order and without overlap."""
    return _split(
        text, _merge(text, (mask for mask in masks if not mask.is_readable)), sorted(set(edges))
    )


def _merge(text: str, masks: Iterable[Mask]) -> list[Mask]:
    """The wider mask wins; names with only a blank between them merge."""
    merged: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end, mask.token, mask.doubt)):
        last = merged[-1] if merged else None
        if last and (
            mask.start < last.end
            or (mask.token == last.token and text[last.end : mask.start] in ("", " ", "\u00a0"))
        ):
            wider = max(last, mask, key=lambda mask: mask.end - mask.start)
            merged[-1] = wider._replace(start=last.start, end=max(last.end, mask.end))
        else:
            merged.append(mask)
    return merged


def _split(text: str, masks: list[Mask], edges: list[int]) -> list[Mask]:
    parts: list[Mask] = []
    for mask in masks:
        inner = edges[bisect_right(edges, mask.start) : bisect_left(edges, mask.end)]
        bounds = [mask.start, *inner, mask.end]
        parts += [
            mask._replace(start=left, end=right)
            for left, right in pairwise(bounds)
            if text[left:right].strip()
        ]
    return parts
