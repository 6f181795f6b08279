"""Read plain text, Markdown, and web pages and HTML mails (with selectolax).

Menus, legends, link lists, shortcodes and what a shared pad adds are `meta` blocks, by the
expressions of data/lexicon/pages.txt; scripts and hidden text are left out.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import getaddresses

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.ingest.parts import FileContent, RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import (
    Cell,
    Draft,
    StyledText,
    blocks_of_drafts,
    blocks_of_lines,
    blocks_of_rows,
    drafts_of_blocks,
    drafts_of_text,
    grid_of_spans,
    joined_lines,
    paragraphs_of_lines,
    single_part,
    struck,
    text_of_cell,
)
from pipeline.ingest.readers.encoded import EMPTY_ADDRESS
from pipeline.ingest.readers.exports import (
    Message,
    exports,
    part_of_messages,
    plain_message,
    read_chat,
)
from pipeline.ingest.readers.mail_body import blocks_of_mail, opens_with_headers
from pipeline.ingest.readers.sheets import Rows, looks_delimited, rows_of_text, squared
from pipeline.ingest.readers.transcripts import spoken_blocks
from pipeline.ingest.words import (
    clean,
    has_letters,
    is_anonymous,
    lexicon_sections,
    matches,
    straight,
    unreadable_signs,
)

# HackMD and CodiMD sign a quote so: github.com/hackmdio/codimd, « blockquote tags »
_PAD_TAG = re.compile(r"\s*\[(name|time|color)=([^\[\]]{0,80})\]")
_EMOJI = re.compile(r"(?<!\w):[a-z][a-z0-9_+-]{2,40}:(?!\w)")
_TAGS = re.compile(r"tags?\s*:\s*\S.*", re.IGNORECASE)
_CAPTION = re.compile(
    r"\[caption\b[^\[\]]*\](.*?)\[/caption\]|\[button\b[^\[\]]*\](.*?)\[/button\]"
)

_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?([\w-]+)""", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_CITED_STYLE = re.compile(r"border-left[\w-]*\s*:\s*(?!none|0)", re.IGNORECASE)
_STRUCK_STYLE = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.IGNORECASE)
_STRUCK = frozenset({"s", "del", "strike"})
_NOTE_MARK = re.compile(  # Word, Google Docs, LibreOffice
    r"#(?:_?(?:ftn|edn|ftnt|cmnt|msocom)|sd(?:foot|end)note)", re.IGNORECASE
)
_SKIPPED = frozenset(
    {
        "script", "style", "noscript", "template", "svg", "math", "head", "input", "iframe",
        "object", "embed", "audio", "video", "canvas", "map",
    }
)  # fmt: skip
_FURNITURE = frozenset(
    {"nav", "footer", "form", "button", "select", "textarea", "dialog", "figcaption", "menu"}
)
_MAX_FORM_SHARE = 0.6  # of a page's text; some sites wrap whole pages in a form
_MIN_LINKS, _MIN_LINK_SHARE, _MAX_LINK_WORDS = 3, 0.9, 9  # of a list of links
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn",
        "em", "font", "i", "img", "ins", "kbd", "label", "mark", "o:p", "q", "s", "samp", "small",
        "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
_MIN_AUTHORS = 2  # messages with an author, in a page that is a conversation
_MAX_CARD = 600  # letters of a card that tells its author
_MAX_DEPTH = 150  # nested elements; deeper text loses its layout

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_LEFT_OUT = (("en-tête du fichier (titre, étiquettes, réglages)", "settings"),)
_DECLARED_TITLE = re.compile(
    r"^(?:title|titre)\s*:\s*[\"']?(.*?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE
)
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s*(.*)$")
_EMPTY_ADDRESS = re.compile(
    rf"^ {{0,3}}\[[^\]\n]{{1,200}}\]: ?<?{EMPTY_ADDRESS}>?[^\n]*$", re.MULTILINE
)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]{0,500}\](?:\([^)]{0,1000}\)|\[[^\]]{0,500}\])")
_MARKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_IMAGE, ""),
    (re.compile(r"\[([^\]]{1,500})\]\((?:[^()]|\([^()]{0,500}\)){0,1000}\)"), r"\1"),
    (re.compile(r"<(https?://[^<>]{1,2000}|[^\s@<>]{1,100}@[^<>]{1,200})>"), r"\1"),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), "\n"),
    (
        re.compile(r"<(s|del|strike)>([^<>]{1,500})</\1>", re.IGNORECASE),
        lambda match: struck(match[2]),
    ),
    (re.compile(r"~~(?=\S)(.{1,500}?)(?<=\S)~~"), lambda match: struck(match[1])),
    (re.compile(r"</?(?:[a-z][a-z0-9]{0,20})(?:\s[^<>]{0,2000})?/?>", re.IGNORECASE), ""),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.{1,500}?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])(.{1,500}?)(?<=[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"`([^`]{1,500})`"), r"\1"),
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])")
_STRONG = re.compile(r"^(\*\*|__)(?=\S).+(?<=\S)\1\s*:?$")


def is_furniture_name(names: Iterable[str]) -> bool:
    """Whether a class, an identifier or a role of an element tells that it is no text."""
    pattern = lexicon_sections("pages")["elements"]
    return any(pattern.fullmatch(name) for name in names)


def set_furniture_apart(blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
    """Yield the blocks, with lines of furniture and layout codes as `meta` blocks."""
    for block in blocks:
        if block.kind in ("meta", "cue") or block.columns:
            yield block
        elif matches("pages", "lignes", block.text, whole=True):
            yield replace(block, kind="meta", level=None, reason="page furniture")
        elif block.kind == "heading" and block.level == 6 and _TAGS.fullmatch(block.text):
            yield replace(block, kind="meta", level=None, reason="category")
        else:
            yield from _without_codes(block)


def _without_codes(block: RawBlock) -> Iterator[RawBlock]:
    """A code with its legend or label is apart; a quote's tag names who said it."""
    text, speaker = block.text, block.speaker
    apart: list[tuple[str, str]] = []
    for pattern, reason in ((_CAPTION, "page furniture"), (_PAD_TAG, "markup")):
        for match in pattern.finditer(text):
            apart.append((clean(match[0]), reason))
            if pattern is _PAD_TAG and match[1] == "name":
                speaker = clean(match[2]) or speaker
        text = pattern.sub(" ", text)
    codes = lexicon_sections("pages")["codes"]
    apart += [(clean(match[0]), "markup") for match in codes.finditer(straight(text))]
    text = clean(_EMOJI.sub(" ", codes.sub(" ", straight(text)) if apart else text))
    if has_letters(text) or (not apart and text):
        yield replace(block, text=text, speaker=speaker)
    for shown, reason in apart:
        yield RawBlock(shown, "meta", reason=reason)


def read_page(file: FileContent) -> tuple[RawPart, ...]:
    """Return the page as one part, or its largest table where a program exported a workbook so.

    Raises `ReadError` for a page without text.
    """
    rows = _largest_table(file) if ".xls" in file.name.lower() else ()
    return (RawPart((), rows=rows),) if rows else _read_prose(file)


def _read_prose(file: FileContent) -> tuple[RawPart, ...]:
    declared = _CHARSET.search(file.content[:4096])
    text = decode(file.content, declared[1].decode("ascii") if declared else None)
    page = LexborHTMLParser(text)
    node = page.css_first("head title")
    title = (clean(node.text()) or None) if node else None
    warnings = unreadable_signs(text)
    chat = _chat_of(page, title, warnings)
    if chat is not None:
        return (chat,)
    maker = page.css_first("meta[name=generator]")
    made_by = (maker.attributes.get("content") or "").lower() if maker else ""
    blocks = list(set_furniture_apart(blocks_of_drafts(_drafts_of_page(page))))
    return single_part(
        blocks,
        "page web",
        title=title,
        warnings=warnings,
        taken_for="bloc-notes partagé" if "etherpad" in made_by else "page web",
    )


def _chat_of(
    page: LexborHTMLParser, title: str | None, warnings: tuple[str, ...]
) -> RawPart | None:
    """Return a conversation that a messaging app exports as a page, None for another page."""
    for form in exports()["pages"]:
        nodes = page.css(form["message"])
        if sum(bool(node.css_first(form["auteur"])) for node in nodes) < _MIN_AUTHORS:
            continue
        messages: list[Message] = []
        author: str | None = None
        for node in nodes:
            if form["avis"] in (node.attributes.get("class") or "").split():
                messages.append(Message(None, [node.text(separator=" ")]))
                continue
            if name := node.css_first(form["auteur"]):
                author = clean(name.text(separator=" "))
            for other in node.css(form["joint"]) if "joint" in form else ():
                messages.append(Message(None, [other.text(separator=" ")]))
            for text in node.css(form["texte"]):
                lines = plain_message(text.html or "").strip().split("\n")
                messages.append(Message(author, lines))
        return part_of_messages(messages, form["nom"], title=title, warnings=warnings)
    return None


def _largest_table(file: FileContent) -> Rows:
    page = LexborHTMLParser(decode(file.content))
    tables = [_text_rows(table) for table in page.css("table")]
    largest = max(tables, key=lambda rows: sum(map(len, rows)), default=[])
    return squared(largest)


def _text_rows(table: LexborNode) -> list[list[str]]:
    rows = [
        [([RawBlock(clean(cell.text(separator=" ")))], *_spans(cell)) for cell in _cells(row)]
        for row in _rows(table)
    ]
    return [[text_of_cell(cell) for cell in row] for row in grid_of_spans(rows)]


def drafts_of_html(text: str) -> list[Draft]:
    """Return the drafts of a page, quoted mail after « > »."""
    return _drafts_of_page(LexborHTMLParser(text))


def _drafts_of_page(page: LexborHTMLParser) -> list[Draft]:
    n_chars = len(page.body.text()) if page.body is not None else 0
    walk = _Walk(n_page_chars=n_chars)
    if page.body is not None:
        walk.children(page.body, _Context(), 0)
        walk.close(_Context())
    return walk.drafts


def _names_author(node: LexborNode) -> bool:
    """Whether an element is called after the author of the card that it stands in."""
    names = (node.attributes.get("class") or "").lower().split()
    return any(lexicon_sections("pages")["auteurs"].fullmatch(name) for name in names)


def _signed(draft: Draft, author: str) -> Draft:
    if not (author and draft.text.strip()):
        return draft
    return replace(draft, block=replace(draft.block or RawBlock(clean(draft.text)), speaker=author))


@dataclass(frozen=True)
class _Context:
    list_depth: int = -1
    is_bold: bool = False
    is_struck: bool = False
    heading: int = 0
    n_quotes: int = 0
    is_pre: bool = False
    is_card: bool = False  # which tells its author
    author: str = ""

    def inside(self, node: LexborNode) -> "_Context":
        tag, attributes = node.tag or "", node.attributes
        if tag in ("ul", "ol", "menu"):
            return replace(self, list_depth=self.list_depth + 1)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            return replace(self, heading=int(tag[1]), list_depth=-1)
        if tag in ("b", "strong", "u", "th", "summary"):
            return replace(self, is_bold=True)
        if tag == "pre":
            return replace(self, is_pre=True)
        style = attributes.get("style") or ""
        is_cited = tag == "blockquote" and bool(
            "cite" in (attributes.get("type") or "") or _CITED_STYLE.search(style)
        )
        if is_cited or "gmail_quote" in (attributes.get("class") or ""):
            return replace(self, n_quotes=self.n_quotes + 1)
        is_bold = self.is_bold or bool(_BOLD_STYLE.search(style))
        is_struck = self.is_struck or tag in _STRUCK or bool(_STRUCK_STYLE.search(style))
        return replace(self, is_bold=is_bold, is_struck=is_struck)

    def quoted(self, text: str) -> str:
        return "> " * self.n_quotes + text


@dataclass
class _Walk:
    drafts: list[Draft] = field(default_factory=list)
    n_page_chars: int = 0
    is_furniture: bool = False
    _gathered: StyledText = field(default_factory=StyledText)
    _lines_above: list[StyledText] = field(default_factory=list)  # of the same paragraph

    def children(self, node: LexborNode, context: _Context, depth: int) -> None:
        authors = [own for own in _children(node) if own.is_element_node and _names_author(own)]
        if authors and len(node.text()) <= _MAX_CARD:
            name = clean(authors[0].text())
            context = replace(context, is_card=True, author="" if is_anonymous(name) else name)
        for child in _children(node):
            if child.is_text_node:
                self._add(child.text_content or "", context)
            elif depth > _MAX_DEPTH:
                self._add(child.text(separator=" "), context)
            elif child.is_element_node and not _is_hidden(child):
                self._element(child, context, depth)

    def _element(self, node: LexborNode, context: _Context, depth: int) -> None:
        tag = node.tag or ""
        inner = context.inside(node)
        if tag == "br":
            self._lines_above.append(self._gathered)
            self._gathered = StyledText()
            return
        is_author = context.is_card and _names_author(node)
        if not self.is_furniture and (is_author or self._is_furniture(node, tag)):
            if tag not in _INLINE:
                self.close(context)
            walk = _Walk(is_furniture=True)
            walk.children(node, _Context(), depth + 1)
            walk.close(_Context())
            reason = "speaker" if is_author or tag == "cite" else "page furniture"
            texts = (
                clean(draft.block.text if draft.block else draft.text) for draft in walk.drafts
            )
            aside = [RawBlock(text, "meta", reason=reason) for text in texts if text]
            self.drafts += drafts_of_blocks(aside)
            return
        if tag in _INLINE:
            self.children(node, inner, depth + 1)
            return
        self.close(context)
        if tag == "hr":
            self.drafts.append(Draft(""))
        elif tag == "table":
            self.drafts += self._table(node, inner, depth)
        else:
            self.children(node, inner, depth + 1)
            self.close(inner)
            if tag in ("p", "blockquote", "div") and self.drafts and self.drafts[-1].text:
                self.drafts.append(Draft(""))

    def close(self, context: _Context) -> None:
        gathered, self._gathered = [*self._lines_above, self._gathered], StyledText()
        self._lines_above = []
        if not any(clean(line.text) for line in gathered):
            return
        if context.heading:
            text = "\n".join(line.text.strip() for line in gathered)
            self.drafts += drafts_of_text(text, heading=context.heading)
            return
        if context.n_quotes:
            lines = [line for styled in gathered for line in styled.text.split("\n")]
            self.drafts += [Draft(context.quoted(clean(line))) for line in lines]
            return
        for styled in gathered:
            drafts = drafts_of_text(
                "\n".join(map(str.strip, styled.text.split("\n"))),
                list_level=context.list_depth if context.list_depth >= 0 else None,
                is_strong=styled.is_strong,
            )
            self.drafts += [_signed(draft, context.author) for draft in drafts]

    def _is_furniture(self, node: LexborNode, tag: str) -> bool:
        if tag == "form":
            return len(node.text()) <= _MAX_FORM_SHARE * self.n_page_chars
        if tag == "cite":  # who said what the quote holds
            return node.parent is not None and node.parent.tag in ("blockquote", "figure", "footer")
        if tag in _FURNITURE or (tag in ("ul", "ol") and _is_link_list(node)):
            return True
        attributes = node.attributes
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        is_named = is_furniture_name([*names.lower().split(), attributes.get("role") or ""])
        return is_named and len(node.text()) <= _MAX_FORM_SHARE * self.n_page_chars

    def _table(self, table: LexborNode, context: _Context, depth: int) -> list[Draft]:
        rows: list[list[tuple[Cell, int, int]]] = []
        for row in _rows(table):
            cells: list[tuple[Cell, int, int]] = []
            for cell in _cells(row):
                if not _is_hidden(cell):
                    walk = _Walk()
                    inner = replace(context, list_depth=-1, is_bold=False)
                    walk.children(cell, inner, depth + 1)
                    walk.close(context)
                    blocks = blocks_of_drafts(walk.drafts, has_headings=False)
                    cells.append((blocks, *_spans(cell)))
            rows.append(cells)
        blocks = blocks_of_rows(grid_of_spans(rows))
        if context.n_quotes:
            return [Draft(context.quoted(block.text)) for block in blocks]
        return drafts_of_blocks(blocks)

    def _add(self, text: str, context: _Context) -> None:
        shown = text if context.is_pre else re.sub(r"[ \t\r\n\f]+", " ", text)
        self._gathered.add(shown, is_strong=context.is_bold, is_struck=context.is_struck)


def _is_link_list(node: LexborNode) -> bool:
    """Whether a list holds hardly more than short links."""
    links = node.css("a")
    if len(links) < _MIN_LINKS:
        return False
    texts = [clean(link.text()) for link in links]
    n_linked = sum(len(text.replace(" ", "")) for text in texts)
    n_chars = len("".join(node.text().split()))
    is_short = sum(len(text.split()) for text in texts) <= _MAX_LINK_WORDS * len(links)
    return is_short and n_linked >= _MIN_LINK_SHARE * n_chars


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return (
        node.tag in _SKIPPED
        or (node.tag == "a" and bool(_NOTE_MARK.match(attributes.get("href") or "")))
        or "hidden" in attributes
        or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
    )


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    for child in _children(table):
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    return (cell for cell in _children(row) if cell.tag in ("td", "th"))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _spans(cell: LexborNode) -> tuple[int, int]:
    return _span(cell, "rowspan"), _span(cell, "colspan")


def _span(cell: LexborNode, name: str) -> int:
    text = (cell.attributes.get(name) or "1").strip()
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def read_plain(file: FileContent) -> tuple[RawPart, ...]:
    """Return a text as one part, as rows if all its lines are cut alike.

    Raises `ReadError` for non-text bytes and for a blank file.
    """
    text = decode(file.content)
    warnings = unreadable_signs(text)
    lines = text.replace("\f", "\n\n").split("\n")
    chat = read_chat(lines)
    if chat is not None:
        return (replace(chat, warnings=warnings),)
    if opens_with_headers(lines):
        blocks, authors = blocks_of_mail(text)
        people = tuple(person for person in getaddresses(authors) if any(person))
        mail = RawPart(
            tuple(blocks), channel="mail", people=people, warnings=warnings, taken_for="courriel"
        )
        return (mail,)
    if looks_delimited(text):
        return (RawPart((), rows=rows_of_text(text)),)
    spoken = spoken_blocks(lines)
    if spoken is not None:
        return (RawPart(tuple(spoken), channel="transcript", warnings=warnings),)
    blocks = list(set_furniture_apart(blocks_of_lines(lines)))
    return single_part(blocks, "fichier texte", warnings=warnings)


def read_markdown(file: FileContent) -> tuple[RawPart, ...]:
    """Return the notes as one part, without emphasis, links, images and front matter.

    Raises `ReadError` for non-text bytes and for a blank file.
    """
    text = decode(file.content)
    front = _FRONT_MATTER.match(text)
    body = _without_comments(text[front.end() :] if front else text)
    body = _EMPTY_ADDRESS.sub("", _IMAGE.sub("", body))
    blocks = blocks_of_drafts(list(_drafts(body.split("\n"))))
    declared = _DECLARED_TITLE.search(front[1]) if front else None
    if declared:
        title: str | None = clean(declared[1])
    else:
        title = next((block.text for block in blocks if _is_main_heading(block)), None)
    (part,) = single_part(
        list(set_furniture_apart(blocks)),
        "fichier Markdown",
        title=title,
        warnings=unreadable_signs(text),
        taken_for="bloc-notes partagé" if front else "notes en Markdown",
    )
    return (replace(part, left_out=_LEFT_OUT if front else ()),)


def _is_main_heading(block: RawBlock) -> bool:
    return block.kind == "heading" and block.level == 1


def _without_comments(text: str) -> str:
    """Remove comments; an unclosed one stays."""
    end = text.rfind("-->") + 3
    return _COMMENT.sub("", text[:end]) + text[end:] if end > 2 else text


def _drafts(lines: list[str]) -> Iterator[Draft]:
    flow: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        heading = _HEADING.match(line)
        title = heading[2].rstrip().rstrip("#").rstrip() if heading else ""
        if heading and title:
            yield from _flow(flow)
            flow = []
            yield from drafts_of_text(_unmarked(title), heading=len(heading[1]))
        elif _opens_table(lines[i : i + 2]):
            yield from _flow(flow)
            flow = []
            end = i + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield from drafts_of_blocks(
                blocks_of_rows([_cells_of_line(row) for row in (line, *lines[i + 2 : end])])
            )
            i = end - 1
        elif not _FENCE.match(line):
            flow.append(re.sub(r"^(\s*)>\s?", r"\1", line))
        i += 1
    yield from _flow(flow)


def _opens_table(lines: Sequence[str]) -> bool:
    return (
        len(lines) == 2 and all("|" in line for line in lines) and bool(_TABLE_RULE.match(lines[1]))
    )


def _cells_of_line(line: str) -> list[Cell]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return [
        [RawBlock(text) for text in map(clean, _unmarked(cell).split("\n")) if text]
        for cell in cells
    ]


def _flow(lines: list[str]) -> Iterator[Draft]:
    # A star at the start of a line that is no bullet is emphasis.
    shown = [_unmarked(line) if re.match(r"^\s*\*(?![\s*])", line) else line for line in lines]
    for group in paragraphs_of_lines(shown):
        marked, is_underlined = joined_lines(group)
        is_strong = bool(_STRONG.match(marked.strip()))
        for text in _unmarked(marked).split("\n"):
            yield Draft(text, is_underlined=is_underlined, is_strong=is_strong)


def _unmarked(text: str) -> str:
    text = _without_comments(text)
    for pattern, shown in _MARKS:
        text = pattern.sub(shown, text)
    return _ESCAPED.sub(r"\1", text)
