"""Know the depot's files again by their content, so that a renamed one keeps its passages and
decisions.

In:   path → sha256 of the files that lie there now; the record of the last run
Out:  path → path where a renamed file was met first
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any
from unicodedata import normalize

_DIGITS = 64  # of a sha256: an unread file's value says nothing of its content

Key = Callable[[str], Hashable | None]


def first_paths(inputs: Mapping[str, str], last: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the first path of each renamed file of `inputs` (path → sha256).

    A file matches the `last` run's file of the same content: at its path, else in its folder under
    its present or earlier name, else anywhere. Otherwise it is the file at its path, edited, or
    new. No two files share a first path.
    """
    if last is None:
        return {}
    earlier: dict[str, str] = last["inputs"]
    named: dict[str, str] = last.get("first_paths", {})
    known = {**dict.fromkeys(named, ""), **earlier}
    source = _source_of(inputs, known)
    found: dict[str, str] = {}  # path → path in the last run

    def content_at(files: Mapping[str, str], place: Callable[[str], Hashable]) -> Key:
        return lambda path: (files[path], place(path)) if len(files[path]) == _DIGITS else None

    passes: tuple[tuple[Key, Key], ...] = (
        (content_at(inputs, str), content_at(known, str)),
        (content_at(inputs, source), content_at(known, str)),
        (content_at(inputs, lambda path: _folder(source(path))), content_at(known, _folder)),
        (content_at(inputs, lambda _: ""), content_at(known, lambda _: "")),
        (str, str),
        (source, str),
    )
    for key, known_key in passes:
        taken = set(found.values())
        found |= _pairs(
            (path for path in inputs if path not in found),
            (path for path in known if path not in taken),
            key,
            known_key,
        )
    firsts = {path: named.get(old, old) for path, old in found.items()}
    in_last = {path for path, old in found.items() if old in earlier}
    return _distinct(inputs, firsts, in_last) | {
        path: named[path]
        for path in named
        if path not in inputs and named[path] not in firsts.values()
    }


def _pairs(paths: Iterable[str], known: Iterable[str], key: Key, known_key: Key) -> dict[str, str]:
    """Pair paths of the same key, in order; a key of None matches nothing."""
    waiting: dict[Hashable, deque[str]] = defaultdict(deque)
    for path in sorted(known):
        if (found := known_key(path)) is not None:
            waiting[found].append(path)
    pairs = {}
    for path in sorted(paths):
        if (found := key(path)) is not None and waiting.get(found):
            pairs[path] = waiting[found].popleft()
    return pairs


def _source_of(inputs: Mapping[str, str], known: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that maps a file's path to the one before its folder was renamed."""
    new, gone = (
        {*map(_folder, one)} - {*map(_folder, other)}
        for one, other in ((inputs, known), (known, inputs))
    )
    holders: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for side, (files, folders) in enumerate(((inputs, new), (known, gone))):
        for path, sha256 in files.items():
            if _folder(path) in folders and len(sha256) == _DIGITS:
                holders[sha256][side].add(_folder(path))
    common = Counter(
        (now, before) for here, there in holders.values() for now in here for before in there
    )
    renamed: dict[str, str] = {}
    for (now, before), _ in sorted(common.items(), key=lambda entry: (-entry[1], entry[0])):
        if now not in renamed and before not in renamed.values():
            renamed[now] = before
    return lambda path: path.replace(_folder(path), renamed.get(_folder(path), _folder(path)), 1)


def _distinct(
    inputs: Iterable[str], firsts: Mapping[str, str], last: Collection[str]
) -> dict[str, str]:
    """Return the first paths that differ from the path, no two of them one.

    Files of the `last` run keep theirs; later ones get another where a document, or a part of one,
    has it already: `a#b` is the part `b` of a renamed `a`.
    """
    taken: set[str] = set()
    holders: set[str] = set()  # paths whose `#part` is taken

    def is_taken(path: str) -> bool:
        return path in taken or path in holders or not taken.isdisjoint(_holders_of(path))

    distinct: dict[str, str] = {}
    for path in sorted(inputs, key=lambda path: (path not in last, path not in firsts, path)):
        first = free = firsts.get(path, path)
        number = 2
        while path not in last and is_taken(normalize("NFC", free)):
            free = f"{first.replace('#', '%23')} ({number})"
            number += 1
        distinct[path] = free
        taken.add(normalize("NFC", free))
        holders.update(_holders_of(normalize("NFC", free)))
    return {path: first for path, first in distinct.items() if first != path}


def _holders_of(path: str) -> list[str]:
    return [path[: mark.start()] for mark in re.finditer("#", path)]


def _folder(path: str) -> str:
    return path.split("/", 1)[0]
