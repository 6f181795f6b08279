"""Change values of etude.toml, and leave its comments and its order alone.

In:   the text of etude.toml; new values by key, such as "publish.n_quotes"
Out:  the new text
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from pipeline.errors import SettingsError

_HEADER = re.compile(r"(#\s*)?\[([\w.]+)\]")


def changed_toml(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with `values`; None removes a key.

    A key in a comment, as « # n_quotes = 3 », is uncommented where it stands, its remark kept.
    Raises `SettingsError` for a text that is no TOML, or that cannot hold a value.
    """
    for key, value in values.items():
        text = _changed(text, key.split("."), list(value) if isinstance(value, tuple) else value)
    return text


def _changed(text: str, path: list[str], value: Any) -> str:
    """Use the first way that changes this value and no other."""
    expected = tomllib.loads(text)
    if not _put(expected, path, value):
        return text
    for way in (_uncommented, _below_header, _replaced, _at_end):
        try:
            changed = way(text, path, value)
            if changed is not None and tomllib.loads(changed) == expected:
                return changed
        except (tomllib.TOMLDecodeError, TOMLKitError, KeyError, TypeError):
            continue
    raise SettingsError(
        f"etude.toml ne se laisse pas changer à « {'.'.join(path)} »",
        f"une section [{'.'.join(path[:-1])}]",
        "changer ce réglage à la main",
    )


def _put(content: dict[str, Any], path: list[str], value: Any) -> bool:
    """Put a value among those of a file; whether there is anything to do."""
    for part in path[:-1]:
        if value is None and part not in content:
            return False
        content = content.setdefault(part, {})
    if value is None:
        return content.pop(path[-1], None) is not None
    content[path[-1]] = value
    return True


def _has(text: str, path: list[str]) -> bool:
    content: Any = tomllib.loads(text)
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def _uncommented(text: str, path: list[str], value: Any) -> str | None:
    """Uncomment the key, and the header above it."""
    section, name = ".".join(path[:-1]), path[-1]
    lines = text.splitlines(keepends=True)
    if value is None or _has(text, path):
        return None
    header = None
    commented = re.compile(rf"#\s*({re.escape(name)}\s*=.*)")
    for i, line in enumerate(lines):
        if found := _HEADER.match(line):
            header = i if found[2] == section else None
        elif header is not None and (written := commented.match(line)):
            end = line[len(line.rstrip("\r\n")) :]
            lines[i] = _with_value(written[1].rstrip("\r\n"), name, value) + end
            lines[header] = re.sub(r"^#\s*", "", lines[header])
            return "".join(lines)
    return None


def _with_value(line: str, name: str, value: Any) -> str:
    document = tomlkit.parse(line)
    document[name] = value
    return tomlkit.dumps(document).rstrip("\n")


def _below_header(text: str, path: list[str], value: Any) -> str | None:
    """Add the key right below its section's header."""
    lines = text.splitlines(keepends=True)
    if value is None or _has(text, path):
        return None
    for i, line in enumerate(lines):
        if (found := _HEADER.match(line)) and not found[1] and found[2] == ".".join(path[:-1]):
            end = "\r\n" if line.endswith("\r\n") else "\n"
            lines[i] = line.rstrip("\r\n") + end + _line(path[-1], value) + end
            return "".join(lines)
    return None


def _replaced(text: str, path: list[str], value: Any) -> str:
    """Replace or remove the value where it stands."""
    document = tomlkit.parse(text)
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return tomlkit.dumps(document)


def _at_end(text: str, path: list[str], value: Any) -> str:
    """Add the section."""
    end = "\r\n" if "\r\n" in text else "\n"
    before = text if not text or text.endswith("\n") else text + end
    return f"{before}{end}[{'.'.join(path[:-1])}]{end}{_line(path[-1], value)}{end}"


def _line(name: str, value: Any) -> str:
    return f"{name} = {tomlkit.item(value).as_string()}"
