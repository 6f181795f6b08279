"""Frozen settings, one class a stage, read from etude.toml; an unknown key is refused by name.

In:   etude.toml (a missing section takes the defaults)
Out:  Settings

All the sections together.

Read etude.toml.
"""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings.base import Frozen, Share, Weight, first_problem
from pipeline.settings.service import (
    ExecutionSettings,
    MailSettings,
    NotifySettings,
    ReviewSettings,
)
from pipeline.settings.stages import (
    ClusterSettings,
    CompareSettings,
    EmbedSettings,
    IngestSettings,
    LanguageModelSettings,
    PseudonymiseSettings,
    PublishSettings,
    RankSettings,
    RankWeights,
    SegmentSettings,
    StudySettings,
    TagSettings,
    VaultSettings,
)


class Settings(Frozen):
    """All of etude.toml."""

    etude: StudySettings = StudySettings()
    ingest: IngestSettings = IngestSettings()
    pseudonymise: PseudonymiseSettings = PseudonymiseSettings()
    vault: VaultSettings = VaultSettings()
    segment: SegmentSettings = SegmentSettings()
    embed: EmbedSettings = EmbedSettings()
    tag: TagSettings = TagSettings()
    language_model: LanguageModelSettings = LanguageModelSettings()
    cluster: ClusterSettings = ClusterSettings()
    rank: RankSettings = RankSettings()
    compare: CompareSettings = CompareSettings()
    publish: PublishSettings = PublishSettings()
    review: ReviewSettings = ReviewSettings()
    execution: ExecutionSettings = ExecutionSettings()
    notify: NotifySettings = NotifySettings()
    mail: MailSettings = MailSettings()


def load_settings(path: Path) -> Settings:
    """Return the settings of `path`; a missing file gives the defaults.

    Raises `SettingsError` naming the first key that is unknown, of another type or out of bounds.
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
        raise first_problem(path, error, Settings) from error


__all__ = [
    "ClusterSettings",
    "CompareSettings",
    "EmbedSettings",
    "ExecutionSettings",
    "IngestSettings",
    "LanguageModelSettings",
    "MailSettings",
    "NotifySettings",
    "PseudonymiseSettings",
    "PublishSettings",
    "RankSettings",
    "RankWeights",
    "ReviewSettings",
    "SegmentSettings",
    "Settings",
    "Share",
    "StudySettings",
    "TagSettings",
    "VaultSettings",
    "Weight",
    "load_settings",
]
