"""Remember which machine people chose to code the study.

The machine itself is a file of the study: replaying these decisions changes no table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pipeline.decisions.kinds import (
    Decision,
    Names,
    Subject,
    as_json,
    in_value,
    read_json,
)


def _read_files(value: object) -> tuple[str, str]:
    listed = read_json(value)
    if isinstance(listed, list) and len(listed) == 2:
        return str(listed[0]), str(listed[1])
    return "", ""


def _write_files(files: tuple[str, str]) -> str:
    return as_json(list(files))


def machine_number(file: str) -> int:
    """Return the number of the tagger's file, 0 for the shipped tagger.

    >>> machine_number("aside/tagger-0003.json"), machine_number("")
    (3, 0)
    """
    digits = PurePosixPath(file).stem.removeprefix("tagger-")
    return int(digits) if digits.isdecimal() else 0


@dataclass(frozen=True)
class UseMachine(Decision):
    """Has the study coded by another machine, from the next run on."""

    action = "use_machine"
    group = "machine"
    template = "fait étiqueter l’étude par {after}, au lieu de {before}"

    # the tagger's file before and after, blank for the shipped one
    files: tuple[str, str] = field(metadata=in_value(_read_files, _write_files))

    @property
    def before(self) -> str:
        return self.files[0]

    @property
    def after(self) -> str:
        return self.files[1]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("machine in use",)}

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"before": _name(names, self.before), "after": _name(names, self.after)}


def _name(names: Names, file: str) -> str:
    number = machine_number(file)
    return (
        names.say("la machine n° {n}", n=str(number)) if number else names.say("la machine livrée")
    )
