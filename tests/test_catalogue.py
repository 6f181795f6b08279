"""The English catalogue of the review pages: complete, compiled, and nothing that no page says."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

REVIEW = Path(__file__).parents[1] / "pipeline" / "review"
DECISIONS = REVIEW.parent / "decisions"
CATALOGUE = REVIEW / "locale" / "en" / "LC_MESSAGES"
TRANSLATING = frozenset(("_", "gettext", "gettext_lazy", "ngettext"))
ENTRY = re.compile(r'^msgid (?P<source>"(?:.|\n)*?")\n(?:msgid_plural|msgstr)', re.MULTILINE)
LITERAL = r"""u?(?:'''.*?'''|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
BLANKS = re.compile(r"%\(\w+\)s|\{\w+\}")


def messages_of(source: str) -> Iterator[str]:
    """What Python code gives to gettext."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in TRANSLATING and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def sentences_of(source: str) -> set[str]:
    """The sentences of decisions, which the journal translates where the catalogue has them."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def messages_of_template(source: str) -> Iterator[str]:
    """What a page gives to gettext: Django writes its calls out, as it does for xgettext."""
    for call in re.finditer(rf"(?:\b_|gettext)\(({LITERAL})", templatize(source), re.DOTALL):
        yield ast.literal_eval(call[1])


def compiled() -> dict[str, str]:
    """Translations by their source; of a plural, what one is."""
    with (CATALOGUE / "django.mo").open("rb") as file:
        entries = vars(gettext.GNUTranslations(file))["_catalog"]
    singular = {key[0]: text for key, text in entries.items() if key[1:] == (0,)}
    return {key: text for key, text in entries.items() if isinstance(key, str)} | singular


def written() -> set[str]:
    text = (CATALOGUE / "django.po").read_text(encoding="utf-8")
    return {ast.literal_eval(f"({found['source']})") for found in ENTRY.finditer(text)}


def test_the_english_catalogue_has_every_message_of_the_pages_and_no_other() -> None:
    of_pages = {
        message
        for path in (REVIEW / "templates").rglob("*.html")
        for message in messages_of_template(path.read_text(encoding="utf-8"))
    }
    of_code = {
        message
        for path in REVIEW.rglob("*.py")
        for message in messages_of(path.read_text(encoding="utf-8"))
    }
    assert len(of_pages) > 300
    assert len(of_code) > 70
    of_decisions: set[str] = set()
    views = REVIEW / "views"
    told = (REVIEW / "state.py", views / "journal.py", views / "processing.py")
    for path in (*DECISIONS.glob("*.py"), *told):
        of_decisions |= sentences_of(path.read_text(encoding="utf-8"))
    translated = set(compiled()) - {""}
    assert of_pages | of_code <= translated <= of_pages | of_code | of_decisions


def test_what_is_compiled_is_what_is_written() -> None:
    assert set(compiled()) == written()


def test_translations_have_the_blanks_of_their_source() -> None:
    assert [
        source
        for source, target in compiled().items()
        if source and sorted(BLANKS.findall(source)) != sorted(BLANKS.findall(target))
    ] == []


def test_nothing_outside_the_pages_is_translated() -> None:
    root = Path(__file__).parents[1]
    translating = [
        str(path.relative_to(root))
        for folder in ("pipeline", "flows", "models")
        for path in (root / folder).rglob("*.py")
        if REVIEW not in path.parents and re.search(r"\bn?gettext\b", path.read_text("utf-8"))
    ]
    assert translating == []
