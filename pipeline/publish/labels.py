"""Put names and numbered marks on a drawing so that none covers another.

In:   positions on the page, in pixels; names of a few lines
Out:  where each goes
"""

from collections.abc import Sequence
from itertools import combinations
from math import cos, hypot, pi, sin

LETTER_PIXELS = 6.4  # a letter's width at 12 px
LINE_PIXELS = 15

Position = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

_MOST_ROUNDS, _GAP = 300, 1.0  # pixels between two marks
_GOLDEN_ANGLE = 2.4  # radians: marks at one spot leave it in different directions


def apart(spots: Sequence[Position], radius: float, size: Position) -> list[Position]:
    """Return the centres of round marks of `radius`, moved from `spots` until none overlaps.

    All stay within `size`; too many marks for the drawing still overlap after a bounded effort.
    """
    centres = [list(spot) for spot in spots]
    for _ in range(_MOST_ROUNDS):
        has_moved = False
        for i, j in combinations(range(len(centres)), 2):
            right, down = (centres[j][side] - centres[i][side] for side in (0, 1))
            distance = hypot(right, down)
            missing = 2 * radius + _GAP - distance
            if missing <= 0.01:
                continue
            has_moved = True
            if distance < 1e-6:
                right, down, distance = cos(j * _GOLDEN_ANGLE), sin(j * _GOLDEN_ANGLE), 1.0
            for index, sign in ((i, -1), (j, 1)):
                for side, step in ((0, right), (1, down)):
                    moved = centres[index][side] + sign * step / distance * missing / 2
                    centres[index][side] = min(max(moved, radius), size[side] - radius)
        if not has_moved:
            break
    return [(x, y) for x, y in centres]


def square_box(centre: Position, half: float) -> Box:
    """Return the box of a mark."""
    x, y = centre
    return x - half, y - half, x + half, y + half


def place_names(
    names: Sequence[str],
    spots: Sequence[Position],
    size: Position,
    taken: Sequence[Box],
    *,
    n_far: int = 0,
) -> dict[int, Position]:
    """Return the centre of each name that has room near its spot, by its index, the first first.

    The first `n_far` may also go farther away, where marks crowd their spot.
    """
    places: dict[int, Position] = {}
    boxes = list(taken)
    for i, (name, (x, y)) in enumerate(zip(names, spots, strict=True)):
        half, tall = _halves(name)
        for right, down in (*_near(half, tall), *(_far(half) if i < n_far else ())):
            box = (x + right - half, y + down - tall, x + right + half, y + down + tall)
            is_inside = box[0] > 0 and box[1] > 0 and box[2] < size[0] and box[3] < size[1]
            if is_inside and not any(_overlaps(box, other) for other in boxes):
                places[i] = x + right, y + down
                boxes.append(box)
                break
    return places


def gap_to(name: str, centre: Position, spot: Position) -> float:
    """Return the pixels between a name and a spot, 0 where it stands on it."""
    half, tall = _halves(name)
    return hypot(
        max(0.0, abs(centre[0] - spot[0]) - half), max(0.0, abs(centre[1] - spot[1]) - tall)
    )


def _halves(name: str) -> Position:
    lines = name.split("\n")
    return max(map(len, lines)) * LETTER_PIXELS / 2, len(lines) * LINE_PIXELS / 2


def _near(half: float, tall: float) -> list[Position]:
    beside, above = half + 8, tall + 3
    corners = [(beside, -above), (-beside, -above), (beside, above), (-beside, above)]
    return [(0, -tall - 7), (0, tall + 7), (half + 9, 0), (-half - 9, 0), *corners]


def _far(half: float) -> list[Position]:
    turns = [pi * n / 6 for n in range(12)]
    return [
        ((distance + half / 2) * cos(turn), distance * sin(turn))
        for distance in (32, 46, 60, 74, 88)
        for turn in turns
    ]


def _overlaps(box: Box, other: Box) -> bool:
    is_beside = box[2] < other[0] or other[2] < box[0]
    return not (is_beside or box[3] < other[1] or other[3] < box[1])
