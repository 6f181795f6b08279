"""The charts of a report: one Vega-Lite specification each, drawn as SVG for a page and as PNG for Word, from the same drawing.

In:   a Scope, a Heat, a Priority
Out:  a specification; SVG text or PNG bytes

Drawings kept between runs: a chart that did not change since the last report is not drawn again.
"""

import hashlib
import json
import logging
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import vl_convert

from pipeline.files import write_bytes
from pipeline.publish.report.content import Heat, Scope, Share
from pipeline.publish.text import percent, points, sentence
from pipeline.within import within

_LOG = logging.getLogger(__name__)
_N_HASH = 32  # bytes
_DRAWN_BY = f"vl-convert-python {metadata.version('vl-convert-python')}"


class _Kept:
    """The drawings of one folder, and which of them were asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[str] = set()

    def get(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """Return the drawing `name`, drawn and written whole, a hash before it, where it is not there as it was written."""
        path = self._folder / name
        self._asked.add(name)
        content = path.read_bytes() if path.is_file() else b""
        drawing = content[_N_HASH:]
        if content[:_N_HASH] == _hash_of(name, drawing):
            return drawing
        if content:
            _LOG.warning(f"dessin {name} : pas ce qui fut écrit, refait")
        drawing = draw()
        write_bytes(path, _hash_of(name, drawing) + drawing)
        return drawing

    def drop_others(self) -> None:
        """Remove what nothing asked for."""
        for path in self._folder.glob("*"):
            if path.name not in self._asked:
                path.unlink(missing_ok=True)


def _hash_of(name: str, drawing: bytes) -> bytes:
    return hashlib.sha256(name.encode() + drawing).digest()


_OPEN: list[_Kept] = []


@contextmanager
def drawings_kept(folder: Path, *, drops_others: bool = True) -> Iterator[None]:
    """Within the block, drawings are taken from `folder` and left there; after it, only those that the block asked for are left.

    Where it does not drop the others, all of them are: what draws a part only must not undo what is kept for the whole.
    """
    kept = _Kept(folder)
    with within(_OPEN, kept):
        yield
        if drops_others:
            kept.drop_others()


def drawing(source: str, form: str, draw: Callable[[], bytes]) -> bytes:
    """Return what `draw` gives for `source`; `form` tells how it is drawn, its suffix first."""
    if not _OPEN:
        return draw()
    suffix = form.split()[0]
    name = hashlib.sha256("\0".join((_DRAWN_BY, form, source)).encode()).hexdigest()[:32]
    return _OPEN[-1].get(f"{name}.{suffix}", draw)


Spec = Mapping[str, Any]

# Okabe and Ito's palette, told apart with any colour vision; yellow and black are left out
CRITERIA_COLOURS = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#d55e00",
    "#e69f00",
    "#cc79a7",
    "#f0e442",
    "#999999",
)
POSTURE_COLOURS = ("#009e73", "#d55e00", "#e69f00", "#0072b2", "#999999", "#cc79a7", "#56b4e9")
HEAT_COLOURS = ("#f2f6f9", "#74acd3")  # ink reads on the darkest with a contrast over 5
_INK, _RULE = "#22302f", "#d5dcda"
FONTS = (
    Path(__file__).with_name("templates") / "fonts"
)  # emoji and Arabic: what neither typst nor vl-convert brings; SIL OFL
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # the first is bundled with vl-convert; the others have its widths
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_CONFIG = {
    "aria": False,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelColor": _INK,
        "titleColor": _INK,
        "gridColor": _RULE,
    },
    "legend": {"labelFontSize": 13, "titleFontSize": 13, "labelColor": _INK, "titleColor": _INK},
}
_TEXT = {"type": "text", "fontSize": 13, "color": _INK, "lineBreak": "\n", "lineHeight": 16}
_LINES = "length(split(datum.name, '\\n'))"
_NAME = {
    "align": "right",
    "dx": -8,
    "dy": {"expr": f"8 - 8 * {_LINES}"},
}  # at the left of a row, its lines centred on it
_HEAD = {
    "align": "center",
    "dy": {"expr": f"4 - 16 * {_LINES}"},
}  # over a column, its last line just above it
_PNG_DPI = 200
_N_LINES, _WIDEST = 3, 40  # of a name in a drawing; a word of more characters is cut
_TAG = re.compile(r"<[^>]*>")
_ARIA = re.compile(
    r'\s(?:role|aria-[a-z]+)="[^"]*"'
)  # Vega describes its marks in English, even when told not to


def priorities_spec(scope: Scope) -> Spec:
    """Stacked bars of what each criterion brings to the scores of `scope`, on 0..100."""
    criteria = [criterion.label for criterion in scope.priorities[0].criteria]
    values = [
        {
            "rank": priority.rank,
            "criterion": criterion.label,
            "points": 100 * criterion.contribution,
            "order": place,
        }
        for priority in scope.priorities
        for place, criterion in enumerate(priority.criteria)
    ]
    names = {
        priority.rank: wrapped(f"{priority.rank}. {priority.label}", 34)
        for priority in scope.priorities
    }
    totals = [
        {
            "rank": priority.rank,
            "name": names[priority.rank],
            "score": 100 * priority.score,
            "shown": points(priority.score),
        }
        for priority in scope.priorities
    ]
    y = {"field": "rank", "type": "ordinal", "axis": None}
    score = {
        "field": "points",
        "type": "quantitative",
        "title": sentence("alt.axe_score"),
        "scale": {"domain": [0, 100]},
        "axis": {"tickCount": 5},
    }
    colours = {"domain": criteria, "range": list(CRITERIA_COLOURS[: len(criteria)])}
    legend = {"title": None, "orient": "top", "columns": 3, "symbolType": "square"}
    colour = {
        "field": "criterion",
        "type": "nominal",
        "sort": criteria,
        "scale": colours,
        "legend": legend,
    }
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "white", "strokeWidth": 1, "height": 24},
        "encoding": {"y": y, "x": score, "color": colour, "order": {"field": "order"}},
    }
    labels = {
        "data": {"values": totals},
        "mark": {**_TEXT, **_NAME},
        "encoding": {"y": y, "x": {"value": 0}, "text": {"field": "name"}},
    }
    shown = {
        "data": {"values": totals},
        "mark": {**_TEXT, "align": "left", "dx": 6, "fontWeight": "bold"},
        "encoding": {
            "y": y,
            "x": {"field": "score", "type": "quantitative"},
            "text": {"field": "shown"},
        },
    }
    return make_spec({"width": 360, "height": {"step": 46}, "layer": [bars, labels, shown]})


def heat_spec(heat: Heat, highest: float) -> Spec:
    """A grid of rubriques by workshops, darker up to `highest` where more of a workshop's passages carry the rubrique."""
    values = [
        {"row": row, "column": column, "share": share, "shown": percent(share)}
        for row, shares in enumerate(heat.shares)
        for column, share in enumerate(shares)
    ]
    rows = [{"row": row, "name": wrapped(name, 38)} for row, name in enumerate(heat.rubriques)]
    columns = [
        {"column": column, "name": wrapped(name, 16)} for column, name in enumerate(heat.workshops)
    ]
    y = {"field": "row", "type": "ordinal", "axis": None}
    x = {"field": "column", "type": "ordinal", "axis": None}
    colour = {
        "field": "share",
        "type": "quantitative",
        "scale": {"range": list(HEAT_COLOURS), "domain": [0, highest or 1]},
        "legend": None,
    }
    cells = {
        "mark": {"type": "rect", "stroke": "white", "strokeWidth": 2},
        "encoding": {"y": y, "x": x, "color": colour},
    }
    shown = {"mark": _TEXT, "encoding": {"y": y, "x": x, "text": {"field": "shown"}}}
    names = {
        "data": {"values": rows},
        "mark": {**_TEXT, **_NAME},
        "encoding": {"y": y, "x": {"value": 0}, "text": {"field": "name"}},
    }
    heads = {
        "data": {"values": columns},
        "mark": {**_TEXT, **_HEAD},
        "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "name"}},
    }
    return make_spec(
        {
            "width": {"step": 110},
            "height": {"step": 36},
            "data": {"values": values},
            "layer": [cells, shown, names, heads],
        }
    )


def profile_spec(postures: Sequence[Share]) -> Spec:
    """A thin bar cut by the number of passages of each posture."""
    values = [
        {"posture": share.label, "n": share.n_units, "order": share.index} for share in postures
    ]
    colours = [posture_colour(share) for share in postures]
    encoding = {
        "x": {"field": "n", "type": "quantitative", "stack": "normalize", "axis": None},
        "color": {
            "field": "posture",
            "type": "nominal",
            "scale": {"domain": [v["posture"] for v in values], "range": colours},
            "legend": None,
        },
        "order": {"field": "order"},
    }
    return make_spec(
        {
            "width": 320,
            "height": 14,
            "padding": 0,
            "data": {"values": values},
            "mark": {"type": "bar", "stroke": "white"},
            "encoding": encoding,
        }
    )


def shares_spec(shares: Sequence[tuple[str, float]]) -> Spec:
    """Horizontal bars of shares of 0..1, in the order given, each with its percentage."""
    values = [
        {"row": row, "name": wrapped(name, 38), "share": share, "shown": percent(share)}
        for row, (name, share) in enumerate(shares)
    ]
    y = {"field": "row", "type": "ordinal", "axis": None}
    x = {
        "field": "share",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, max(share for _, share in shares) * 1.15]},
    }
    bars = {
        "mark": {"type": "bar", "color": CRITERIA_COLOURS[0], "height": 18},
        "encoding": {"y": y, "x": x},
    }
    names = {
        "mark": {**_TEXT, **_NAME},
        "encoding": {"y": y, "x": {"value": 0}, "text": {"field": "name"}},
    }
    shown = {
        "mark": {**_TEXT, "align": "left", "dx": 6},
        "encoding": {"y": y, "x": x, "text": {"field": "shown"}},
    }
    return make_spec(
        {
            "width": 300,
            "height": {"step": 34},
            "data": {"values": values},
            "layer": [bars, names, shown],
        }
    )


def posture_colour(share: Share) -> str:
    """The colour of a posture, by its place in the grid."""
    return POSTURE_COLOURS[share.index % len(POSTURE_COLOURS)]


def draw_svg(spec: Spec) -> str:
    """The SVG of `spec`, its text left to the reader's fonts and its English descriptions removed; the same spec draws the same text."""
    return _TAG.sub(lambda tag: _ARIA.sub("", tag[0]), _draw(json.dumps(spec, sort_keys=True)))


def draw_png(spec: Spec) -> bytes:
    """The same drawing at 200 dots an inch, 72 units of the drawing an inch."""
    svg = _draw(json.dumps(spec, sort_keys=True))
    return drawing(svg, f"png {_PNG_DPI} dpi, polices Noto", lambda: _picture(svg))


def _picture(svg: str) -> bytes:
    _add_fonts()
    return bytes(vl_convert.svg_to_png(svg, ppi=_PNG_DPI))


@cache
def _add_fonts() -> None:
    vl_convert.register_font_directory(str(FONTS))


def _draw(spec: str) -> str:
    return drawing(spec, "svg fr-FR", lambda: _drawn(spec).encode()).decode()


@lru_cache(maxsize=512)
def _drawn(spec: str) -> str:
    _add_fonts()  # before the first measure of a text, or what comes first would change what comes next
    return str(vl_convert.vegalite_to_svg(spec, format_locale="fr-FR"))


def make_spec(content: dict[str, Any]) -> Spec:
    """`content` as a specification with the report's look."""
    return {"$schema": _SCHEMA, "background": "white", "config": _CONFIG, **content}


def wrapped(name: str, n_chars: int) -> str:
    """`name` on three lines of `n_chars` at most, cut between words where it can be, with an ellipsis where that is not all."""
    lines = textwrap.wrap(
        name,
        n_chars,
        break_long_words=len(max(name.split(), key=len, default="")) > _WIDEST,
        break_on_hyphens=False,
    )
    return "\n".join(
        [*lines[: _N_LINES - 1], lines[_N_LINES - 1] + "…"] if len(lines) > _N_LINES else lines
    )
