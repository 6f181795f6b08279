"""What every section of settings is made of.

A wrong setting in words: what was found, what was expected, what to do.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.credentials import without_secrets
from pipeline.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class Frozen(BaseModel):
    """A section: never changed once read, and a key that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_NAMES = ("pseudonymise.hide", "pseudonymise.keep")  # settings whose value may be somebody's name


def first_problem(path: Path, error: ValidationError, whole: type[BaseModel]) -> SettingsError:
    """Return the first of pydantic's problems with `path`, whose sections are those of `whole`, as found, expected, do."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_keys_beside(place, whole))
        return SettingsError(
            f"{path.name} : réglage inconnu « {key} »",
            f"un de : {known}",
            f"corriger ou retirer « {key} »",
        )
    value = problem.get("input")
    if key.startswith(_NAMES):  # an error is repeated in logs and mails
        return SettingsError(
            f"{path.name} : « {key} » n'est pas écrit comme il faut",
            _expectation(problem),
            f'écrire par exemple {place[1]} = ["mot", "autre mot"]',
        )
    if isinstance(value, str) and "://" in value:
        value = without_secrets(value)
    return SettingsError(
        f"{path.name} : « {key} » vaut {value!r}", _expectation(problem), f"corriger « {key} »"
    )


def _expectation(problem: object) -> str:
    """What pydantic wanted, in French for the kinds of problem that our settings can raise."""
    assert isinstance(problem, dict)
    bounds = {
        "greater_than_equal": ("≥", "ge"),
        "less_than_equal": ("≤", "le"),
        "greater_than": (">", "gt"),
        "less_than": ("<", "lt"),
    }
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind in bounds:
        sign, name = bounds[kind]
        return f"une valeur {sign} {context[name]}"
    if kind == "literal_error":
        return f"un de : {context['expected']}".replace(" or ", " ou ")
    words = {
        "bool": "true ou false",
        "int": "un nombre entier",
        "float": "un nombre",
        "string": "un texte",
        "tuple": "une liste",
        "dict": "une section",
        "model": "une section",
    }
    return next(
        (text for word, text in words.items() if kind.startswith(word)), str(problem["msg"])
    )


def _keys_beside(place: list[str], whole: type[BaseModel]) -> list[str]:
    """The known keys where `place`'s last key was looked for."""
    section = whole
    for part in place[:-1]:
        annotation = section.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return sorted(section.model_fields)
