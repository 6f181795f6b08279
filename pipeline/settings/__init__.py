"""Frozen settings, read from etude.toml; missing sections have defaults, unknown keys are refused.

In:   etude.toml
Out:  Settings, or a SettingsError that says what was found, what was expected, what to do
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.credentials import without_secrets
from pipeline.errors import SettingsError
from pipeline.settings.sections import Settings

__all__ = ["Settings", "expectation", "load_settings"]

_NAMES = ("pseudonymise.hide", "pseudonymise.keep")  # settings whose value may be a person's name
_BOUNDS = {
    "greater_than_equal": ("≥", "ge"),
    "less_than_equal": ("≤", "le"),
    "greater_than": (">", "gt"),
    "less_than": ("<", "lt"),
}
_TYPES = {
    "bool": "true ou false",
    "int": "un nombre entier",
    "float": "un nombre",
    "string": "un texte",
    "tuple": "une liste",
    "dict": "une section",
    "model": "une section",
}


def load_settings(path: Path) -> Settings:
    """Return the settings of `path`; a missing file gives the defaults.

    Raises `SettingsError` on the first key that is unknown, of another type or out of bounds.
    """
    if not path.is_file():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path.name} n'est pas en UTF-8",
            "un fichier texte UTF-8",
            f"réenregistrer {path.name} en UTF-8",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path.name} : {error}", "un fichier TOML", f"corriger {path.name} à cet endroit"
        ) from error
    except ValidationError as error:
        raise _first_problem(path, error) from error


def _first_problem(path: Path, error: ValidationError) -> SettingsError:
    problem: dict[str, Any] = dict(error.errors()[0])
    parts = [str(part) for part in problem["loc"]]
    key = ".".join(parts)
    if problem["type"] == "extra_forbidden":
        return SettingsError(
            f"{path.name} : réglage inconnu « {key} »",
            f"un de : {', '.join(_keys_beside(parts))}",
            f"corriger ou retirer « {key} »",
        )
    if key.startswith(_NAMES):  # an error is repeated in logs and mails
        return SettingsError(
            f"{path.name} : « {key} » n'est pas écrit comme il faut",
            expectation(problem),
            f'écrire par exemple {parts[1]} = ["mot", "autre mot"]',
        )
    value = problem.get("input")
    if isinstance(value, str) and "://" in value:
        value = without_secrets(value)
    return SettingsError(
        f"{path.name} : « {key} » vaut {value!r}", expectation(problem), f"corriger « {key} »"
    )


def _keys_beside(parts: list[str]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in parts[:-1]:
        annotation = section.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return sorted(section.model_fields)


def expectation(problem: Mapping[str, Any]) -> str:
    """Return in French what a setting should hold, given one of pydantic's errors."""
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind in _BOUNDS:
        sign, name = _BOUNDS[kind]
        return f"une valeur {sign} {context[name]}"
    if kind == "literal_error":
        return f"un de : {context['expected']}".replace(" or ", " ou ")
    return next(
        (text for word, text in _TYPES.items() if kind.startswith(word)), str(problem["msg"])
    )
