"""Place territories so that those that join are neighbours.

In:   Joining, in the order in which they join
Out:  the territories from top to bottom, and a Bracket a joining
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Joining:
    """Territories that join in the dendrogram, at a similarity of 0..1."""

    members: tuple[str, ...]
    likeness: float


@dataclass(frozen=True)
class Bracket:
    """A joining at `likeness` of two parts: the row (0 for the top) and the likeness of each."""

    members: tuple[str, ...]
    likeness: float
    parts: tuple[tuple[float, float], ...]

    @property
    def row(self) -> float:
        """Return the middle of its parts."""
        return sum(row for row, _likeness in self.parts) / len(self.parts)


def dendrogram(tree: Sequence[Joining]) -> tuple[list[str], list[Bracket]]:
    """Return the territories in order, and the brackets that join them.

    >>> lens_and_lille = Joining(("Lens", "Lille"), 0.9)
    >>> order, brackets = dendrogram([lens_and_lille, Joining(("Lens", "Arras", "Lille"), 0.5)])
    >>> order, [bracket.row for bracket in brackets], brackets[-1].parts
    (['Arras', 'Lens', 'Lille'], [1.5, 0.75], ((0.0, 1.0), (1.5, 0.9)))
    """
    order = _leaf_order(tree)
    groups = {frozenset({name}): (float(i), 1.0) for i, name in enumerate(order)}
    brackets = []
    for joining in tree:
        group = frozenset(joining.members)
        parts = sorted(groups.pop(part) for part in _parts(group, list(groups)))
        bracket = Bracket(joining.members, joining.likeness, tuple(parts))
        groups[group] = bracket.row, joining.likeness
        brackets.append(bracket)
    return order, brackets


def _leaf_order(tree: Sequence[Joining]) -> list[str]:
    orders = {frozenset({name}): [name] for name in tree[-1].members}
    for joining in tree:
        group = frozenset(joining.members)
        members = [orders.pop(part) for part in _parts(group, orders)]
        orders[group] = [name for part in sorted(members) for name in part]
    return orders[frozenset(tree[-1].members)]


def _parts(group: frozenset[str], groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    return [part for part in groups if part < group]
