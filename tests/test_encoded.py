"""Encoded data, such as pictures that notebooks write inside a page, are dropped and counted."""

import base64
import random

import pytest

from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source

_PICTURE = base64.b64encode(random.Random(3).randbytes(60_000)).decode()
_ADDRESS = f"data:image/jpeg;base64,{_PICTURE}"
_SVG = "data:image/svg+xml,%3Csvg%20xmlns%3D%22http%3A%2F%2Fwww.w3.org" + "%20d" * 300
_LINES = "\n".join(_PICTURE[i : i + 76] for i in range(0, 1_520, 76))
_SAID = ["Le car ne passe plus.", "La halle reste fermée."]
BEFORE, AFTER = _SAID
CASES = {
    "joplin.md": f"{BEFORE}\n\n![mur de post-its, table 2]({_ADDRESS})\n\n{AFTER}\n",
    "google docs.md": f"{BEFORE}\n\n![][image7]\n\n{AFTER}\n\n[image7]: <{_ADDRESS}>\n",
    "two.md": f"{BEFORE}\n\n![]({_ADDRESS})\n![]({_SVG})\n\n{AFTER}\n",
    "page.html": f"<p>{BEFORE}</p><p><img alt='mur' src='{_ADDRESS}'></p><p>{AFTER}</p>",
    "lines.txt": f"{BEFORE}\n\n{_LINES}\n\n{AFTER}\n",
    "run.txt": f"{BEFORE}\n\n{_PICTURE}\n\n{AFTER}\n",
}


@pytest.mark.parametrize("name", CASES)
def test_encoded_data_are_dropped_and_said(name: str):
    (part,) = read_source(FileContent(CASES[name].encode(), name))
    assert [block.text for block in part.blocks] == _SAID
    ((said, reason),) = part.left_out
    assert reason == "encoded" and ("2 images" if name == "two.md" else "1 image") in said


def test_the_words_around_stay():
    text = f"voir {_ADDRESS} pour le plan du bourg\n"
    (part,) = read_source(FileContent(text.encode(), "notes.txt"))
    assert [block.text for block in part.blocks] == ["voir pour le plan du bourg"]
    assert f"{len(_ADDRESS):,}".replace(",", "\u202f") in part.left_out[0][0]


@pytest.mark.parametrize(
    "text",
    [
        "Noter ici : " + "_" * 700 + " merci",
        "Le lien https://exemple.org/" + "a" * 300 + "?b=1 est mort",
        "anticonstitutionnellement " * 40,
        "data: ce mot anglais veut dire données",
    ],
)
def test_what_is_no_encoded_data_stays(text: str):
    (part,) = read_source(FileContent(text.encode(), "notes.txt"))
    assert not part.left_out
