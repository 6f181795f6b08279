"""Files that mean harm, or that programs and people spoilt, all made on the spot: none is kept in the repository."""

from hostile.compounds import COMPOUNDS
from hostile.containers import CONTAINERS
from hostile.documents import DOCUMENTS
from hostile.lies import LIES
from hostile.mails import MAILS
from hostile.maps import MAPS
from hostile.pages import PAGES, TRANSCRIPTS
from hostile.pdfs import DRAWINGS, TREES
from hostile.texts import RICH_TEXTS, TABLES, TEXTS
from hostile.workbooks import WORKBOOKS

CASES = (
    *TEXTS, *RICH_TEXTS, *TABLES, *TRANSCRIPTS, *PAGES, *MAILS, *MAPS, *LIES,
    *CONTAINERS, *DOCUMENTS, *WORKBOOKS, *COMPOUNDS, *TREES, *DRAWINGS,
)  # fmt: skip
