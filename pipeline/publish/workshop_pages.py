"""Write two pages a workshop for those who took part, as a PDF and as a Word document.

In:   Report
Out:  one .pdf and one .docx a workshop, named after it
"""

import io
from pathlib import Path

import pypdfium2

from pipeline.publish.docx import write_page
from pipeline.publish.layout.blocks import Page
from pipeline.publish.layout.workshop import ROOMS, lay_out_workshop
from pipeline.publish.pdf import print_page
from pipeline.publish.report.content import Report
from pipeline.words import slug

_N_PAGES = 2
_TRIED_SIZE = 1.2  # what fits in letters that much larger fits in Word too, whose fonts are wider


def write_workshop_pages(report: Report, folder: Path) -> list[Path]:
    """Write the pages into `folder`, which is made; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for place, workshop in enumerate(report.workshops):
        page = _fitted(report, place)
        name = f"{place + 1:02d}-{slug(workshop.name)[:60]}"
        paths += [folder / f"{name}.pdf", folder / f"{name}.docx"]
        paths[-2].write_bytes(print_page(page))
        write_page(page, paths[-1])
    return paths


def _fitted(report: Report, place: int) -> Page:
    """As much as two pages hold."""
    pages = [lay_out_workshop(report, place, room) for room in ROOMS]
    return next((page for page in pages if _n_pages(print_page(page, size=_TRIED_SIZE)) <= _N_PAGES), pages[-1])


def _n_pages(printed: bytes) -> int:
    return len(pypdfium2.PdfDocument(io.BytesIO(printed)))
