"""Say the library's French sentences on the pages that make a study."""

from django import template
from django.utils.translation import gettext

from pipeline.publish.text import typography

register = template.Library()


@register.filter
def said(sentence: str) -> str:
    """Return a sentence in the reader's language, with the spaces of French typography."""
    return typography(gettext(sentence)) if sentence else ""
