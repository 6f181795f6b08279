"""Say the library's French sentences on the pages that make a study."""

from django import template
from django.utils.translation import gettext

register = template.Library()


@register.filter
def said(sentence: str) -> str:
    """Return a sentence in the reader's language."""
    return gettext(sentence) if sentence else ""
