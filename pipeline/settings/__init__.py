"""Frozen settings, one class a stage, read from etude.toml; an unknown key is refused by name.

In:   etude.toml (a missing section takes the defaults)
Out:  Settings
"""

from pipeline.settings.base import Share, Weight
from pipeline.settings.coding import EmbedSettings, LanguageModelSettings, TagSettings
from pipeline.settings.loading import load_settings
from pipeline.settings.mail import MailSettings
from pipeline.settings.material import IngestSettings, PseudonymiseSettings, SegmentSettings, StudySettings, VaultSettings
from pipeline.settings.results import ClusterSettings, CompareSettings, PublishSettings, RankSettings, RankWeights
from pipeline.settings.sections import Settings
from pipeline.settings.service import ExecutionSettings, NotifySettings, ReviewSettings

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
