"""Every text of a file, whatever its format."""

import io
import re
import zipfile
from collections.abc import Iterator

import pandas as pd
import pypdfium2


def texts_of(name: str, content: bytes) -> Iterator[str]:
    """All the texts of a file: of each entry of an archive, of each page of a PDF, of each cell of a table; marked up or not."""
    if content.startswith(b"%PDF"):
        yield "\n".join(
            page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)
        )
    elif content.startswith(b"PAR1"):
        yield pd.read_parquet(io.BytesIO(content)).to_csv()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for inner in archive.namelist():
                yield inner
                yield from texts_of(inner, archive.read(inner))
    elif not name.endswith((".png", ".jpeg")):
        text = content.decode("utf-8", "replace")
        yield text
        if "<" in text:
            yield re.sub(r"<[^>]*>", "", text)  # a word may be cut by what formats it
