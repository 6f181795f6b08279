"""Write a report as one web page that needs nothing else: style and charts are inside, and there is no script.

In:   Report
Out:  an .html file, the same for the same report
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.publish.charts import Spec, draw_svg
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.report.content import Report
from pipeline.publish.text import quoted, sentence

_TEMPLATES = Path(__file__).with_name("templates")
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+" height="[\d.]+"')


def write_html(report: Report, path: Path, *, part: Part = "tout") -> None:
    """Write `report`, or its part on territories, at `path`, in UTF-8; a file that is there is replaced."""
    page = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = page.get_template("rapport.html.j2")
    css = Markup((_TEMPLATES / "rapport.css").read_text(encoding="utf-8"))  # our own file, nothing of the study in it
    shown = template.render(page=lay_out(report, part), css=css, draw=_draw, say=sentence, quoted=quoted, kind_of=_kind_of)
    path.write_text(shown, encoding="utf-8", newline="\n")


def _draw(spec: Spec, alt: str, stretched: bool = False) -> Markup:
    """The chart as inline SVG that a screen reader reads as `alt`; it takes the width it is given, and its height too when `stretched`."""
    shape = ' preserveAspectRatio="none"' if stretched else ""
    svg = _SIZE.sub(r"<svg \1", draw_svg(spec), count=1)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}"{shape} ', 1))


def _kind_of(block: Any) -> str:
    return type(block).__name__
