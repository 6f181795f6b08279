"""What `where` is told and what it tells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where something was said; None is what could not be told."""

    table_number: int | None = None
    question: str | None = None
    channel: str | None = None
    is_numbered: bool = False  # the question was given by number or by the person who filed it: a label inside does not change it
    is_perhaps: bool = False  # a restitution only by the word "plénière", which may be a place: a question said inside wins

    def over(self, other: "Place") -> "Place":
        """What this place tells, and `other` where it tells nothing."""
        told = self if self.question else other
        table = self.table_number if self.table_number is not None else other.table_number
        return Place(table, told.question, self.channel or other.channel, told.is_numbered, told.is_perhaps)


@dataclass(frozen=True)
class PlacedBlock:
    """A block with where it was said; `text` is without the prefix that told it, `speaker` as written in the file."""

    text: str
    kind: str
    level: int | None = None
    table_number: int | None = None
    question: str | None = None
    channel: str = "notes"
    speaker: str | None = None
