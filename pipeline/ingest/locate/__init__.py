"""Locate each block: table, question and channel, from what people write and say around it.

In:   a part of a file as read, and the names of the file and its folders
Out:  located blocks; None where unknown

The first source that tells wins:

1. table columns: a table or question column, the header above a cell, the label that opens a row;
2. the prefix of a line: "[T4]", "T4 –", "Table 4 :", "Q1 -";
3. headings and labels above, innermost first, by what they ask (data/lexicon/questions.yaml), by
   number, by similar wordings (intitules.yaml) or by neighbours; announcements in a transcript;
4. the title and notes at the head of the document;
5. the names of sheet, file and folders, innermost first, and the question that the files beside
   it leave over.

A reporters' summary keeps question `resume`, whatever is inside; a mail or phone note `distance`,
unless a line of it goes back to a question by its number.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from pipeline.ingest.columns import meaning_of
from pipeline.ingest.locate.cues import (
    LocatedBlock,
    Location,
    Prefix,
    TextCues,
    aside,
    read_cues,
    split_prefix,
    with_prefix,
    with_speakers,
)
from pipeline.ingest.locate.lines import (
    CALL_DAY,
    CALL_ENTRY,
    MAX_LABEL_WORDS,
    are_calls,
    aside_of,
    asks,
    caller_in,
    calls_surely,
    cut_call,
    entry_caller,
    is_title,
    opens_call,
    opens_entry,
    says_beside_call,
    states,
)
from pipeline.ingest.locate.sections import (
    STRUCTURED,
    are_reported,
    count_asked,
    locate_sections,
    names_tables,
)
from pipeline.ingest.locate.spoken import (
    announced_question,
    locate_turns,
)
from pipeline.ingest.locate.titles import (
    CAFE,
    SURE,
    agreed_lead,
    asked_together,
    asks_none,
    channel_of,
    is_plain_summary,
    locate_cell,
    proposed,
    resembled,
    without_plenary,
)
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.words import (
    are_names,
    is_first_name,
    number_pattern,
    strip_dates,
    to_number,
    word_pattern,
)
from pipeline.text import fold, lexicon

_N_OPENING = 6  # blocks that may hold a copied mail's headers

_MIN_OPENED = 2  # messages that open with their table or question, or questions announced

_IN_COLUMNS = 2  # questions of columns that outweigh "synthèse" in the file's name
_OTHERS = 2  # other words in a name, such as the note-taker
_WEEKDAY = re.compile(  # "lun. 8/6", "Lundi 25, 8h52,"
    r"\W{0,3}(?:lun|mar|mer|jeu|ven|sam|dim)[a-z]*\.?\s+\d{1,2}(?:er)?(?:[/.]\d{1,2})?"
    r"(?:[,\s]+\d{1,2}\s?[hH:]\s?(?:\d{2})?)?(?=\W|\Z)",
    re.IGNORECASE,
)
_TIMES = re.compile(r"\b\d{1,3}\s?(?:min|mn|minutes|h)\b|\b\d{1,2}\s?[hH:]\s?\d{2}\b")
_ABOUT_CALL = re.compile(r"\([^)]{0,200}\)|,?\s*n['’]a pas (?:dit|laissé|donné)\b.*", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_VERSIONS = re.compile(
    r"\((?:\d{1,2}|copie|copy)\)|\b(?:v|version|vers|rev)[ _.-]?\d{1,2}(?:\.\d+)*\b|[-_ ]copie\b",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"\br[ée]ponses?\b", re.IGNORECASE)


def locate_blocks(
    part: RawPart,
    blocks: Sequence[RawBlock],
    *,
    names: Sequence[str],
    n_tables: int | None = None,
    likely_question: str | None = None,
    nickname: int | None = None,
    answers: Mapping[str, Location] = {},
) -> list[LocatedBlock]:
    """Return the `blocks` of `part` located, in order.

    `names` are its path's parts inside the workshop, `n_tables` the announced number,
    `likely_question` what the files beside it leave, `nickname` the number of the table that the
    file is called after; `answers` what a person says of it, under "",
    and of its sections, under their folded headings.
    """
    if part.channel == "consultation" or any(block.channel == "consultation" for block in blocks):
        nickname = None
    likely = Location(nickname, likely_question)
    located = _locate(part, with_speakers(blocks), names, n_tables, likely, answers)
    reporter = _reporter_of_file(names)
    located = [
        replace(block, speaker=reporter)
        if block.question == "resume"
        and block.kind not in ("heading", "meta")
        and not block.speaker
        else block
        for block in located
    ]
    cleaned = (clean_name(name) for name in reversed(names))
    proposals = (proposed(_ANSWERS.sub(" ", name) if part.rows else name) for name in cleaned)
    proposal = next(filter(None, proposals), None)
    located = [
        replace(block, proposed_question=proposal)
        if block.kind not in ("heading", "meta")
        and block.channel != "consultation"
        and not (block.question or block.proposed_question)
        else block
        for block in located
    ]
    if any(block.kind not in ("heading", "meta") for block in located):
        return located
    return [
        replace(block, kind="paragraph", level=None) if _is_passage(block) else block
        for block in located
    ]


def _reporter_of_file(names: Sequence[str]) -> str | None:
    """Return who speaks in a summary called after her: "restitution orale (Jocelyne).txt"."""
    bracketed = re.search(r"\(([^()]{2,40})\)", _EXTENSION.sub("", names[-1])) if names else None
    name = bracketed[1].strip() if bracketed else ""
    return name if name and (is_first_name(name) or are_names(name)) else None


def _is_passage(heading: LocatedBlock) -> bool:
    text, cues = heading.text, read_cues(heading.text)
    names = cues.has_tables or cues.has_numbers or text.rstrip().endswith((":", "?"))
    is_naming = heading.kind != "heading" or names or is_title(text)
    return not is_naming and states(text, is_announced=False)


def _locate(
    part: RawPart,
    blocks: Sequence[RawBlock],
    names: Sequence[str],
    n_tables: int | None,
    likely: Location,
    answers: Mapping[str, Location],
) -> list[LocatedBlock]:
    answer = answers.get("", Location())
    name = answer.over(_name_location(part, blocks, names, likely))
    if part.channel == "transcript":
        return locate_turns(blocks, replace(name, channel="transcript"), n_tables=n_tables)
    if part.channel is None and names and _is_plan(names[-1], blocks):
        return [aside(block, name, "settings") for block in blocks]
    channel = answer.channel or _channel(part, blocks, name)
    if channel == "notes" and _is_newsletter(names, blocks):
        channel = "resume"
    n_asked = count_asked(blocks)
    if part.taken_for.startswith("conversation") and _is_in_session(blocks):
        return _locate_messages(blocks, name)
    if channel in ("mail", "telephone"):
        if n_asked >= STRUCTURED and name.table_number is not None:
            return locate_sections(blocks, replace(name, channel=channel), answers)
        return locate_letter(blocks, channel, answer, name.table_number)
    is_told_again = all(map(is_plain_summary, names)) or len(_tables_of_columns(blocks)) > 1
    if name.question == "resume" and is_told_again:
        is_headed = n_asked >= (1 if name.is_perhaps else STRUCTURED)
        if is_headed or len(_asked_by_columns(blocks)) >= _IN_COLUMNS:
            channel = _channel(part, blocks, replace(name, channel=None))
            channel = "notes" if channel == "resume" else channel
            return locate_sections(blocks, Location(name.table_number, None, channel), answers)
    return locate_sections(blocks, replace(name, channel=channel), answers)


def _is_of_one_table(names: Sequence[str], blocks: Sequence[RawBlock]) -> bool:
    """Whether a recording called after its table goes through the questions."""
    own = _read_name(names[-1], "") if names else Location()
    asked = {announced_question(block.text) for block in blocks} & {*CAFE}
    return own.table_number is not None and not own.question and len(asked) >= _MIN_OPENED


def _name_location(
    part: RawPart, blocks: Sequence[RawBlock], names: Sequence[str], likely: Location
) -> Location:
    """Return what the names of file and folders and the head of the document tell of it all."""
    sheet = [part.title] if part.title and part.rows else []
    is_answered = any(block.channel == "consultation" for block in blocks)
    if is_answered or part.rows:  # "Enquête (réponses).xlsx" is not about what answers the needs
        names = [_ANSWERS.sub(" ", own) for own in names]
    if part.channel == "consultation" or is_answered:  # asked of all, whatever folder it lies in
        own = None if _asked_by_columns(blocks) else read_names(names[-1:]).question
        return Location(question=own if own in CAFE else None, channel=part.channel)
    name = _head_location(blocks).over(read_names([*names, *sheet]))
    name = name.over(likely)
    n_asked_by_columns = len(_asked_by_columns(blocks)) if name.question in CAFE else 0
    if n_asked_by_columns >= _IN_COLUMNS:
        name = replace(name, question=None)  # a row that tells none answers none
    if name.question == "resume" and part.channel and _is_of_one_table(names, blocks):
        return replace(name, question=None)  # a recording filed among restitutions
    if part.channel is None and not name.question and are_reported(blocks):
        return replace(name, question="resume", channel="resume")
    return name


def _head_location(blocks: Sequence[RawBlock]) -> Location:
    """Return what notes before the first passage tell; several tables tell none."""
    heads = (i for i, block in enumerate(blocks) if block.kind != "meta" or block.columns)
    first = next(heads, len(blocks))
    titles = [title for title, _ in blocks[first].columns] if first < len(blocks) else []
    notes = [read_cues(block.text) for block in blocks[:first] if block.text not in titles]
    tables = {cues.table for cues in notes if cues.table is not None}
    questions = {cues.numbered for cues in notes if cues.numbered is not None}
    table = tables.pop() if len(tables) == 1 else None
    question = questions.pop() if len(questions) == 1 else None
    return Location(table, question, is_numbered=question is not None)


def _asked_by_columns(blocks: Sequence[RawBlock]) -> set[str | None]:
    return {
        locate_cell(block, Location()).question
        for block in blocks
        if block.kind != "meta" and block.columns
    } & {*CAFE}


def _tables_of_columns(blocks: Sequence[RawBlock]) -> set[int | None]:
    """Return the tables of a sheet's rows: what each says is no reporter's summary."""
    return {locate_cell(b, Location()).table_number for b in blocks if b.columns} - {None}


def _channel(part: RawPart, blocks: Sequence[RawBlock], name: Location) -> str:
    if part.channel:
        return part.channel
    if is_copied_mail(blocks):
        return "mail"
    opening = next((block.text for block in blocks if block.text.strip()), "")
    if opens_call(opening) or are_calls(blocks):
        return "telephone"
    headings = (channel_of(block.text) for block in blocks[:3] if block.kind == "heading")
    channel = name.channel or next(headings, None) or _channel_above_table(blocks)
    if channel == "telephone" and names_tables(blocks):
        return "notes"  # typed on a phone
    if channel and not (part.rows and channel in ("mail", "telephone") and not _is_log(blocks)):
        return channel
    return "postit" if part.rows and _is_wall(blocks) else "notes"


def _is_wall(blocks: Sequence[RawBlock]) -> bool:
    """Whether the columns of a sheet are those of post-its: their colours, their votes."""
    titles = {title for block in blocks for title, _ in block.columns}
    return bool({"color", "votes"} & {*map(meaning_of, titles)})


def _is_plan(name: str, blocks: Sequence[RawBlock]) -> bool:
    """Whether a file sets how the meeting goes: its name says so, and it gives times."""
    is_called = word_pattern("locate", "deroules").fullmatch(fold(clean_name(name))) is not None
    return is_called and any(_TIMES.search(block.text) for block in blocks)


def _is_newsletter(names: Sequence[str], blocks: Sequence[RawBlock]) -> bool:
    """Whether an article tells the workshop: "Gazette n°7.pdf", "Lettre d'information"."""
    titles = [clean_name(names[-1]), *(b.text for b in blocks[:2] if b.kind == "heading")]
    told = word_pattern("locate", "lettres", r"\b{}\b")
    return any(told.search(fold(title)) for title in titles)


def _is_log(blocks: Sequence[RawBlock]) -> bool:
    """Whether each row of a sheet is a call or message: its day, who, and what she says."""
    titles = {meaning_of(title) for block in blocks for title, _ in block.columns}
    return "date" in titles and bool({"full_name", "speaker"} & titles)


def _channel_above_table(blocks: Sequence[RawBlock]) -> str | None:
    """Read "Saisie des post-it, 4 mai" above a table."""
    lines = [block for block in blocks[:3] if block.kind == "paragraph" and not block.columns]
    titles = [block.text for block in lines if is_title(block.text)]
    is_titled = any(channel_of(title) == "postit" for title in titles)
    return "postit" if is_titled and any(block.columns for block in blocks) else None


def read_names(names: Sequence[str]) -> Location:
    """Return what `names` tell, the innermost first; several tables or questions tell none."""
    location = Location()
    for above, name in reversed(list(zip(["", *names], names, strict=False))):
        location = location.over(_read_name(name, above))
    return location


def questions_by_siblings(paths: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Return the questions that names leave open and neighbours settle.

    It is the fourth of four, or a number's. Neighbours are files of a folder whose names tell the
    same table, or none.
    """
    locations = {path: read_names(path) for path in paths}
    groups: dict[tuple[tuple[str, ...], int | None], dict[tuple[str, ...], str]] = {}
    for path, location in locations.items():
        name = clean_name(path[-1])
        is_aside = location.question in ("resume", "distance")
        is_letter = location.channel in ("mail", "telephone")
        if is_aside or is_letter or not (location.question or not asks_none(name)):
            continue
        groups.setdefault((path[:-1], location.table_number), {})[path] = name
    questions: dict[tuple[str, ...], str] = {}
    for siblings in groups.values():
        are_four = len(siblings) <= len(CAFE)  # a fifth file may be what is left
        for path, question in asked_together(siblings).items():
            is_told = are_four or read_cues(siblings[path]).lead is not None
            if is_told and question in CAFE and locations[path].question is None:
                questions[path] = question
    return questions


def clean_name(name: str) -> str:
    """Return `name` without extension, dates and versions, words and numbers split."""
    bare = _VERSIONS.sub(" ", strip_dates(_EXTENSION.sub("", name).replace("_", " ")))
    bare = re.sub(r"(?<=\d)(?=[TtQq]\d)", " ", bare)  # "T1Q1"
    return re.sub(r"(?<=[a-zà-ÿ]{4})(?=\d)|(?<=[a-zà-ÿ])(?=[A-Z][a-zà-ÿ]{3,})", " ", bare)


@lru_cache(maxsize=8192)
def _read_name(name: str, above: str) -> Location:
    text = clean_name(name)
    rest = without_plenary(text)
    if rest is None:
        return _read_cleaned(text, above)
    location = _read_cleaned(rest, above)
    is_located = location.table_number is not None or location.question is not None
    if is_located or location.channel in ("telephone", "mail", "postit"):
        return location
    return Location(None, "resume", "resume", is_perhaps=True)


def _read_cleaned(text: str, above: str) -> Location:
    cues, channel = read_cues(text), channel_of(text)
    table = cues.table if cues.table is not None else _bare_number(text, above, "tables")
    if channel in ("telephone", "mail"):
        return Location(table, None, channel)
    if channel == "resume" or (channel is None and cues.meaning == "resume"):
        return Location(table, "resume", "resume", is_numbered=True)
    question = _filed_question(text, cues)
    if question is None:
        number = _bare_number(text, above, "questions")
        question = f"q{number}" if f"q{number}" in CAFE else None
    return Location(table, question, channel, is_numbered=question is not None)


def _filed_question(text: str, cues: TextCues) -> str | None:
    is_clear = cues.number is not None or cues.n_other <= _OTHERS
    question = cues.question if is_clear else None
    pieces = map(read_cues, re.split(r"\s[–—-]+\s|[(),;]", text))
    asked = {piece.question for piece in pieces if piece.is_label} & {*CAFE}
    question = question or (asked.pop() if len(asked) == 1 else None)
    about = word_pattern("locate", "facons_de_faire", r"\b{}\b").sub(" ", fold(text))
    question = question or agreed_lead(text, cues) or resembled(about, margin=SURE)
    return question if question not in ("resume", "autre") else None


def _bare_number(text: str, above: str, group: str) -> int | None:
    """Return 3 for "3.docx" in a folder "tables"."""
    folded = fold(text)
    number = _number_alone().fullmatch(folded)
    is_named = number is not None and _plural_of(group).search(fold(above)) is not None
    is_named = is_named or (group == "tables" and folded.startswith("g"))
    return to_number(number[1]) if number and is_named else None


@cache
def _number_alone() -> re.Pattern[str]:
    return re.compile(rf"(?:g ?(?=\d))?({number_pattern('cardinaux')})")


@cache
def _plural_of(group: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('locate')[group])})s\b")


def locate_letter(
    blocks: Sequence[RawBlock], channel: str, answer: Location, table: int | None = None
) -> list[LocatedBlock]:
    """Return the blocks of a mail or call, its circumstances told from what is said.

    They are said after the workshop, unless `answer` says of which table or question.
    """
    located: list[LocatedBlock] = []
    caller: str | None = None
    question: str | None = None
    is_top = True
    for block in _unfold_mail(blocks) if is_copied_mail(blocks) else blocks:
        is_call = opens_call(block.text) and (is_top or calls_surely(block.text))
        if is_call and not says_beside_call(block.text):  # a call noted below a mail is no mail
            channel = "telephone"
        for piece in cut_call(block, in_list=True) if channel == "telephone" else [block]:
            question = _question_named(piece, question)
            location = answer.over(Location(table, question or "distance", channel))
            reason = aside_of(piece.text, in_head=is_top) or _reason_of_quote(piece, channel)
            is_opening = is_call and piece.text == block.text and not says_beside_call(piece.text)
            if is_opening or (piece.kind == "meta" and channel == "telephone"):
                is_entry = CALL_ENTRY.match(block.text) is not None
                named = entry_caller(block.text) if is_entry else caller_in(piece.text)
                caller = named if is_entry else named or caller
            if piece.columns:  # a table of calls: who, when, what
                is_aside = piece.kind == "meta"
                cell = aside(piece, location, reason) if is_aside else locate_cell(piece, location)
                is_day = _WEEKDAY.fullmatch(piece.text.strip()) is not None
                cell = aside(piece, location, "date") if is_day else cell
                is_other = cell.kind != "meta" and cell.speaker == piece.text
                located.append(aside(piece, location, "person") if is_other else cell)
                continue
            if channel == "telephone" and _heads_call(piece):
                caller = caller_in(piece.text) or _caller_after_hour(piece.text)
                located.append(aside(piece, location, "circumstance"))
                continue
            if piece.kind == "meta" or reason or is_opening:
                located.append(aside(piece, location, reason or "circumstance"))
                continue
            is_top = is_top and piece.kind == "heading"
            own = caller_in(piece.text) if opens_entry(piece.text) else None
            cut = piece.speaker if piece.speaker != block.speaker else None
            said = replace(piece, speaker=own or cut or caller or piece.speaker)
            located.append(LocatedBlock.at(said if channel == "telephone" else piece, location))
    return located


def _reason_of_quote(block: RawBlock, channel: str) -> str:
    """Return why a mail's line is the organiser's: quoted, or one of the questions she asked."""
    is_quoted = block.text.startswith(">") and not block.speaker
    is_asked = channel == "mail" and asks(block.text, read_cues(block.text))
    return "circumstance" if is_quoted or is_asked else ""


def _heads_call(block: RawBlock) -> bool:
    """Whether a line only says when and who called: "23/03 9h40 – Mme Girardet, Mirebois"."""
    if block.kind not in ("paragraph", "heading") or ":" in block.text:
        return False
    rest = CALL_DAY.match(block.text) or _WEEKDAY.match(block.text)
    if rest is None:
        return False
    said = _ABOUT_CALL.sub(" ", block.text[rest.end() :])
    return block.kind == "heading" or not states(said, is_announced=False)


def _caller_after_hour(text: str) -> str | None:
    day = CALL_DAY.match(text) or _WEEKDAY.match(text)
    pieces = re.split(r"\s[–—-]\s|[,(]", text[day.end() :] if day else text)
    named = [piece for piece in map(str.strip, pieces) if fold(piece) and not piece[0].isdigit()]
    is_told = named and not word_pattern("columns", "anonymes").fullmatch(fold(named[0]))
    return named[0].strip(" )") if is_told else None


def _question_named(block: RawBlock, above: str | None) -> str | None:
    """Return the question that a line says it goes back to, by its number, for what follows."""
    cues = read_cues(block.text)
    if cues.n_words <= MAX_LABEL_WORDS and cues.numbered in CAFE:
        return cues.numbered
    return None if block.kind == "heading" else above


def is_copied_mail(blocks: Sequence[RawBlock]) -> bool:
    """Whether the first lines are like "De : …", "Objet : …"."""
    written = [block for block in blocks[:_N_OPENING] if block.kind != "meta"]
    opening = [fold(block.text) for block in written if ":" in block.text[:14]]
    return sum(map(bool, map(word_pattern("locate", "en_tete_mail").search, opening))) > 1


def _unfold_mail(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    lines = [f"• {block.text}" if block.kind == "bullet" else block.text for block in blocks]
    return blocks_of_mail("\n\n".join(lines))[0]


def _is_in_session(blocks: Sequence[RawBlock]) -> bool:
    """Whether messages open with their table or question, or somebody announces two questions."""
    messages = [block for block in blocks if block.kind != "meta"]
    told = {
        (block.speaker, announced_question(block.text, by_animator=block.text.endswith("?")))
        for block in messages
    }
    n_announced = Counter(speaker for speaker, question in told if question in CAFE)
    n_opened = sum(_prefix_of_message(block.text) is not None for block in messages)
    return max([n_opened, *n_announced.values()]) >= _MIN_OPENED


def _locate_messages(blocks: Sequence[RawBlock], name: Location) -> list[LocatedBlock]:
    """Return messages by their prefixes, else by the questions announced as if they were spoken."""
    located: list[LocatedBlock] = []
    for turn in locate_turns(blocks, replace(name, channel="transcript"), n_tables=None):
        said = replace(turn, table_number=name.table_number, channel="notes")
        prefix = _prefix_of_message(turn.text) if turn.kind != "meta" else None
        if prefix:
            own = prefix.location
            table, question = own.table_number or name.table_number, own.question or turn.question
            said = replace(said, text=prefix.rest, table_number=table, question=question)
        located += with_prefix(RawBlock(turn.text, speaker=turn.speaker), said)
    return located


def _prefix_of_message(text: str) -> Prefix | None:
    prefix = split_prefix(text)
    return prefix if prefix and prefix.form != "bare" else None
