"""Pictures of pages of the report for docs/images/, taken where ATELIERS_SCREENSHOTS names a folder (`make screenshots`)."""

import io
import os
from pathlib import Path

import pypdfium2
import pytest

pytestmark = pytest.mark.slow
_WIDTH, _N_COLOURS, _MAX_BYTES = 900, 256, 150_000
PICTURES = {
    "rapport": "L’essentiel",
    "rapport-priorites": "Les priorités candidates",
    "rapport-territoires": "Territoire par territoire",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_a_page_of_the_report_is_small(demo_study, tmp_path, name):
    heading = PICTURES[name]
    (report,) = demo_study.publications.glob("*/rapport.pdf")
    page = next(
        page
        for page in pypdfium2.PdfDocument(report)
        if heading in page.get_textpage().get_text_range().splitlines()
    )
    picture = (
        page.render(scale=_WIDTH / page.get_width()).to_pil().convert("RGB").quantize(_N_COLOURS)
    )
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    assert len(content.getvalue()) < _MAX_BYTES
    (Path(os.environ.get("ATELIERS_SCREENSHOTS", tmp_path)) / f"{name}.png").write_bytes(
        content.getvalue()
    )
