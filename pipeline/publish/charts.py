"""Make a report's charts as Vega-Lite specifications, and draw them.

In:   a Scope, a Heat, the postures of a Priority
Out:  a specification; SVG text or PNG bytes
"""

import hashlib
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import vl_convert

from pipeline.publish.report.content import Heat, Scope
from pipeline.publish.text import percent, points, sentence
from pipeline.store import Store

_KIND = "drawings"
_DRAWN_BY = f"vl-convert-python {metadata.version('vl-convert-python')}"


class Drawings:
    """A cache of drawings, so that only what changed is drawn."""

    def __init__(self, cache: Store | None = None) -> None:
        self._cache = cache
        self._asked: dict[bytes, bytes] = {}
        self._new: set[bytes] = set()

    def get(self, source: str, form: str, draw: Callable[[], bytes]) -> bytes:
        """Return the cached drawing of `source` in `form`, or what `draw` gives."""
        key = hashlib.sha256("\0".join((form, source)).encode()).digest()
        if key not in self._asked:
            known = self._cache.read(_KIND, _DRAWN_BY, [key]) if self._cache else {}
            if key not in known:
                known[key] = draw()
                self._new.add(key)
            self._asked |= known
        return self._asked[key]

    def save(self) -> None:
        """Write the cache, without what was not asked for: once the whole report is drawn."""
        if self._cache is not None:
            self._cache.write(_KIND, _DRAWN_BY, {key: self._asked[key] for key in self._new})
            self._cache.keep_keys(_KIND, _DRAWN_BY, self._asked)


Spec = Mapping[str, Any]

# Okabe and Ito's palette, told apart with any colour vision
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
HEAT_COLOURS = ("#f2f6f9", "#74acd3")  # ink reads on the darkest with a contrast over 5
INK, _RULE = "#22302f", "#d5dcda"
# emoji and Arabic: what neither typst nor vl-convert brings; SIL OFL
FONTS = Path(__file__).with_name("templates") / "fonts"
# the first is bundled with vl-convert; the others have its widths
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_LETTERS = {"labelFontSize": 13, "titleFontSize": 13, "labelColor": INK, "titleColor": INK}
_CONFIG = {
    "aria": False,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {**_LETTERS, "titleFontWeight": "normal", "gridColor": _RULE},
    "legend": _LETTERS,
}
_TEXT = {"type": "text", "fontSize": 13, "color": INK, "lineBreak": "\n", "lineHeight": 16}
_N_LINES_OF = "length(split(datum.name, '\\n'))"
_NAME = {"field": "name"}
_PNG_DPI = 200
_N_LINES, _WIDEST = 3, 40  # of a name in a drawing; a word of more characters is cut
_TAG = re.compile(r"<[^>]*>")
# Vega describes its marks in English, even when told not to
_ARIA = re.compile(r'\s(?:role|aria-[a-z]+)="[^"]*"')


def make_spec(content: dict[str, Any]) -> Spec:
    """Return `content` with the report's look."""
    schema = "https://vega.github.io/schema/vega-lite/v5.json"
    return {"$schema": schema, "background": "white", "config": _CONFIG, **content}


def layer(
    values: Sequence[Mapping[str, Any]], mark: Mapping[str, Any], **encoding: Any
) -> dict[str, Any]:
    """Return one layer, with its own data."""
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def quantity(field: str, **more: Any) -> dict[str, Any]:
    """Return a channel of a quantitative field."""
    return {"field": field, "type": "quantitative", **more}


def _ordinal(field: str) -> dict[str, Any]:
    return {"field": field, "type": "ordinal", "axis": None}


def _row_names(values: Sequence[Mapping[str, Any]], y: Mapping[str, Any]) -> dict[str, Any]:
    mark = {**_TEXT, "align": "right", "dx": -8, "dy": {"expr": f"8 - 8 * {_N_LINES_OF}"}}
    return layer(values, mark, y=y, x={"value": 0}, text=_NAME)


def priorities_spec(scope: Scope) -> Spec:
    """Return stacked bars of each criterion's part of the scores, on 0..100."""
    criteria = [criterion.label for criterion in scope.priorities[0].criteria]
    parts, totals = [], []
    for priority in scope.priorities:
        rank, score = priority.rank, priority.score
        for i, one in enumerate(priority.criteria):
            part = {"criterion": one.label, "points": 100 * one.contribution, "order": i}
            parts.append({"rank": rank, **part})
        name = wrapped(f"{rank}. {priority.label}", 34)
        totals.append({"rank": rank, "name": name, "score": 100 * score, "shown": points(score)})
    y = _ordinal("rank")
    colours = {"domain": criteria, "range": list(CRITERIA_COLOURS[: len(criteria)])}
    colour = {
        "field": "criterion",
        "type": "nominal",
        "sort": criteria,
        "scale": colours,
        "legend": {"title": None, "orient": "top", "columns": 3, "symbolType": "square"},
    }
    title, scale = sentence("alt.axe_score"), {"domain": [0, 100]}
    x = quantity("points", title=title, scale=scale, axis={"tickCount": 5})
    bar = {"type": "bar", "stroke": "white", "strokeWidth": 1, "height": 24}
    bold = {**_TEXT, "align": "left", "dx": 6, "fontWeight": "bold"}
    layers = [
        layer(parts, bar, y=y, x=x, color=colour, order={"field": "order"}),
        _row_names(totals, y),
        layer(totals, bold, y=y, x=quantity("score"), text={"field": "shown"}),
    ]
    return make_spec({"width": 360, "height": {"step": 46}, "layer": layers})


def heat_spec(heat: Heat, highest: float) -> Spec:
    """Return a grid of codes by workshops; `highest` is the share with the darkest cell."""
    values = [
        {"row": row, "column": column, "share": share, "shown": percent(share)}
        for row, shares in enumerate(heat.shares)
        for column, share in enumerate(shares)
    ]
    rows = [{"row": row, "name": wrapped(name, 38)} for row, name in enumerate(heat.rubriques)]
    columns = [{"column": i, "name": wrapped(name, 16)} for i, name in enumerate(heat.workshops)]
    y, x = _ordinal("row"), _ordinal("column")
    scale = {"range": list(HEAT_COLOURS), "domain": [0, highest or 1]}
    cell = {"type": "rect", "stroke": "white", "strokeWidth": 2}
    # over a column, its last line just above it
    head = {**_TEXT, "align": "center", "dy": {"expr": f"4 - 16 * {_N_LINES_OF}"}}
    layers = [
        layer(values, cell, y=y, x=x, color=quantity("share", scale=scale, legend=None)),
        layer(values, _TEXT, y=y, x=x, text={"field": "shown"}),
        _row_names(rows, y),
        layer(columns, head, x=x, y={"value": 0}, text=_NAME),
    ]
    return make_spec({"width": {"step": 110}, "height": {"step": 36}, "layer": layers})


def wrapped(name: str, n_chars: int) -> str:
    """Wrap `name` on three lines of `n_chars` at most; an ellipsis marks a cut."""
    is_cut = len(max(name.split(), key=len, default="")) > _WIDEST
    lines = textwrap.wrap(name, n_chars, break_long_words=is_cut, break_on_hyphens=False)
    if len(lines) > _N_LINES:
        lines[_N_LINES - 1 :] = [lines[_N_LINES - 1] + "…"]
    return "\n".join(lines)


def draw_svg(spec: Spec, drawings: Drawings | None = None) -> str:
    """Draw `spec` as SVG text, in the reader's fonts and without Vega's English descriptions."""
    return _TAG.sub(lambda tag: _ARIA.sub("", tag[0]), _svg(spec, drawings or Drawings()))


def draw_png(spec: Spec, drawings: Drawings | None = None) -> bytes:
    """Draw `spec` at 200 dpi, 72 units of the drawing an inch."""
    drawings = drawings or Drawings()
    svg = _svg(spec, drawings)
    return drawings.get(svg, f"png {_PNG_DPI} dpi, polices Noto", lambda: _picture(svg))


def _picture(svg: str) -> bytes:
    _add_fonts()
    return bytes(vl_convert.svg_to_png(svg, ppi=_PNG_DPI))


@cache
def _add_fonts() -> None:
    vl_convert.register_font_directory(str(FONTS))


def _svg(spec: Spec, drawings: Drawings) -> str:
    source = json.dumps(spec, sort_keys=True)
    return drawings.get(source, "svg fr-FR", lambda: _drawn(source).encode()).decode()


@lru_cache(maxsize=512)
def _drawn(spec: str) -> str:
    # before any text is measured, or the order of drawings would change them
    _add_fonts()
    return str(vl_convert.vegalite_to_svg(spec, format_locale="fr-FR", allowed_base_urls=[]))
