"""All the sections together."""

from pipeline.settings.base import Frozen
from pipeline.settings.coding import EmbedSettings, LanguageModelSettings, TagSettings
from pipeline.settings.mail import MailSettings
from pipeline.settings.material import IngestSettings, PseudonymiseSettings, SegmentSettings, StudySettings, VaultSettings
from pipeline.settings.results import ClusterSettings, CompareSettings, PublishSettings, RankSettings
from pipeline.settings.service import ExecutionSettings, NotifySettings, ReviewSettings


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
