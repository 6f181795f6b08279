"""Write the Markdown of memos as HTML that can do no harm: no raw HTML, picture or style."""

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

_READER = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


def as_html(text: str) -> SafeString:
    """Return `text` as HTML; a title becomes a bold line, as the page has its own titles.

    >>> str(as_html("**Vu** <b>là</b>"))
    '<p><strong>Vu</strong> &lt;b&gt;là&lt;/b&gt;</p>\\n'
    """
    environment: dict[str, object] = {}
    tokens = _READER.parse(text, environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "p"
            if token.nesting == 1:
                token.attrSet("class", "memo-title")
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("rel", "noopener noreferrer")
    html = str(_READER.renderer.render(tokens, _READER.options, environment))
    return SafeString(html)  # the reader escapes what people typed
