"""Read etude.toml."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings.faults import first_problem
from pipeline.settings.sections import Settings


def load_settings(path: Path) -> Settings:
    """Return the settings of `path`; a missing file gives the defaults.

    Raises `SettingsError` naming the first key that is unknown, of another type or out of bounds.
    """
    if not path.is_file():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} n'est pas en UTF-8", "un fichier texte UTF-8", f"réenregistrer {path.name} en UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name} : {error}", "un fichier TOML", f"corriger {path.name} à cet endroit") from error
    except ValidationError as error:
        raise first_problem(path, error, Settings) from error
