"""Show etude.toml as the fields of a form, and read what a person typed in them.

In:   Settings; texts by key, such as "publish.n_quotes"
Out:  sections of fields; the new values of the settings that changed, or the faults by key
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.files import data_path, load_yaml
from pipeline.settings import expectation
from pipeline.settings.sections import Settings

YES, NO = "oui", "non"
PERSONAL = frozenset({"pseudonymise.hide", "pseudonymise.keep"})  # may hold people's names
# Where secrets, passages and tables go: whoever runs the machine changes it, in etude.toml.
OF_MACHINE = frozenset(
    {
        "vault.passphrase_file",
        *(f"review.{name}" for name in ("database", "hosts", "https", "session_hours")),
        *(f"execution.{name}" for name in ("runner", "dask_address", "store")),
        *(f"notify.{name}" for name in ("host", "port", "starttls", "user", "password_file")),
        *(f"mail.{name}" for name in ("host", "port", "encryption", "user", "password_file")),
        *("notify.webhook", "embed.url", "language_model.url"),
    }
)
_DECIMAL, _WHOLE = re.compile(r"[+-]?\d{1,12}([.,]\d{1,12})?"), re.compile(r"[+-]?\d{1,12}")
_KINDS = {"boolean": "switch", "integer": "whole", "number": "decimal"}
_KINDS |= {"string": "text", "array": "list", "object": "pairs"}
_FIELD_OF_FAULT = {  # of a whole section, by pydantic's type of error
    "no_weight": "tables",
    "no_model": "model",
    "no_sender": "sender",
    "clear_mail": "starttls",
    "no_user": "user",
    "clear_mailbox": "encryption",
}


@dataclass(frozen=True)
class SettingField:
    """A setting as an input; the bounds are None where open, `above` is left out itself."""

    key: str
    label: str
    sentence: str
    kind: str  # switch, whole, decimal, text, choice, list (one a line) or pairs (key = value)
    default: str
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    is_optional: bool = False  # blank stands for no value

    @property
    def is_of_machine(self) -> bool:
        """Whether no page changes it."""
        return self.key in OF_MACHINE


@dataclass(frozen=True)
class SettingSection:
    """Settings that belong together; without `usual` ones, all of it is for later."""

    key: str
    name: str
    about: str
    usual: tuple[SettingField, ...]
    more: tuple[SettingField, ...]


@cache
def setting_sections() -> tuple[SettingSection, ...]:
    """Return the sections in order of use."""
    defaults = texts_of(Settings())
    sections = []
    for entry in load_yaml(data_path("settings", "sentences.yaml")):
        parts = [
            tuple(
                _field(f"{entry['section']}.{name}", label, sentence, defaults)
                for name, (label, sentence) in entry.get(part, {}).items()
            )
            for part in ("usual", "more")
        ]
        sections.append(SettingSection(entry["section"], entry["name"], entry["about"], *parts))
    return tuple(sections)


def setting_fields() -> dict[str, SettingField]:
    """Return every field by key."""
    sections = setting_sections()
    return {field.key: field for section in sections for field in (*section.usual, *section.more)}


def _field(key: str, label: str, sentence: str, defaults: Mapping[str, str]) -> SettingField:
    schema = _schemas()[key]
    kind = "choice" if "enum" in schema else _KINDS[schema["type"]]
    return SettingField(
        key,
        label,
        sentence,
        kind,
        defaults[key],
        schema.get("minimum"),
        schema.get("exclusiveMinimum"),
        schema.get("maximum"),
        tuple(schema.get("enum", ())),
        schema["is_optional"],
    )


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return dict(_schemas_below(Settings, ""))


def _schemas_below(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    properties = section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _schemas_below(field.annotation, f"{prefix}{name}.")
            continue
        choices = properties[name].get("anyOf", [properties[name]])
        schema = next(choice for choice in choices if choice.get("type") != "null")
        yield prefix + name, {**schema, "is_optional": len(choices) > 1}


def texts_of(settings: Settings) -> dict[str, str]:
    """Return each setting as the text of its input, by key."""
    return {key: _text(value) for key, value in _values_below(settings, "")}


def values_of(settings: Settings) -> dict[str, Any]:
    """Return each setting's value by key."""
    return dict(_values_below(settings, ""))


def _values_below(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _values_below(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, tuple):
        return "\n".join(value)
    if isinstance(value, dict):
        return "\n".join(f"{key} = {each}" for key, each in value.items())
    if isinstance(value, float):
        return str(value).removesuffix(".0").replace(".", ",")
    return "" if value is None else str(value)


def read_texts(
    settings: Settings, texts: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values that `texts` change in `settings`, and in French what each fault expects.

    With faults, no value is to be used. Settings that `texts` lack stay as they are.

    >>> read_texts(Settings(), {"publish.n_quotes": "0"})
    ({}, {'publish.n_quotes': 'une valeur ≥ 1'})
    """
    before, fields = values_of(settings), setting_fields()
    content: dict[str, Any] = settings.model_dump()
    faults: dict[str, str] = {}
    for key, text in texts.items():
        if key not in fields or same_text(text) == same_text(_text(before[key])):
            continue
        try:
            _put(content, key, _read(fields[key], text))
        except ValueError as error:
            faults[key] = str(error)
    after = Settings()
    try:
        after = Settings.model_validate(content)
    except ValidationError as error:
        for problem in error.errors():
            faults.setdefault(_key_of(problem["loc"], problem["type"]), expectation(problem))
    if faults:
        return {}, faults
    return {key: value for key, value in values_of(after).items() if value != before[key]}, {}


def same_text(text: str) -> str:
    """Return `text` without the blanks at the ends of its lines, for comparison."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _read(field: SettingField, text: str) -> Any:
    """Return the value that `text` stands for; raise `ValueError` with what is expected."""
    written = text.strip()
    if not written and field.is_optional:
        return None
    if field.kind == "switch":
        return written == YES
    if field.kind in ("whole", "decimal"):
        digits = "".join(written.split())
        if not (_WHOLE if field.kind == "whole" else _DECIMAL).fullmatch(digits):
            raise ValueError("un nombre entier" if field.kind == "whole" else "un nombre")
        return int(digits) if field.kind == "whole" else float(digits.replace(",", "."))
    lines = tuple(line.strip() for line in written.splitlines() if line.strip())
    if field.kind == "list":
        return lines
    if field.kind == "pairs":
        parts = [line.partition("=") for line in lines]
        pairs = {name.strip(): value.strip() for name, _, value in parts}
        if not all(pairs) or not all(pairs.values()):
            raise ValueError("des lignes comme « Lens = Lens 2026-05-12 »")
        return pairs
    if len(lines) > 1 or not written.isprintable():
        raise ValueError("un texte d'une ligne")
    if field.key == "etude.title" and not written:
        raise ValueError("un titre")
    return written


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *path, name = key.split(".")
    for part in path:
        content = content[part]
    content[name] = value


def _key_of(location: tuple[int | str, ...], fault: str) -> str:
    """Return the setting at `location`, which may be an item of a list or a whole section."""
    parts, keys = [str(part) for part in location], _schemas()
    for n_parts in range(len(parts), 0, -1):
        if ".".join(parts[:n_parts]) in keys:
            return ".".join(parts[:n_parts])
    return ".".join([*parts, _FIELD_OF_FAULT.get(fault, "")])
