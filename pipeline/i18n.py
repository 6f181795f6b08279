"""What people see is French, through gettext; another language is a catalogue in locale/ and ATELIERS_LANG."""

import gettext
import os
from pathlib import Path

_CATALOGUE = gettext.translation(
    "ateliers",
    Path(__file__).with_name("locale"),
    languages=[os.environ.get("ATELIERS_LANG", "fr")],
    fallback=True,
)


def _(text: str) -> str:
    """`text` in the reader's language; the French source where no catalogue has it."""
    return _CATALOGUE.gettext(text)
