"""The stages, in order, and the tables each returns. A stage is a pure function: tables in, tables out.

| stage | module | public function | returns |
|---|---|---|---|
| ingest | pipeline.ingest | ingest_workshop | workshops, documents, blocks, rejects, attendance, structures, catchments, people |
| pseudonymise | pipeline.pseudonymise | pseudonymise | the same, without personal data; the key for vault/ |
| segment | pipeline.segment | segment_documents | units |
| tag | pipeline.tag | tag_units | tags |
| cluster | pipeline.cluster | cluster_units | themes, theme_members, merge_proposals, theme_flags, theme_agreement, unit_places |
| | pipeline.cluster.late, .changes | join_late_units, list_changes | the same with late contributions, theme_changes |
| | pipeline.cluster.quotes | profile_themes, quote_themes | theme_profiles, theme_quotes, once reviewed |
| rank | pipeline.rank | rank_themes | priorities, priority_notes, rank_checks, late_effects |
| compare | pipeline.compare | compare_territories, list_voices | contrasts, voices |
| offer | pipeline.offer | list_offers | offers |
| decisions | pipeline.decisions | apply_decisions | tags, themes, theme_members as reviewed, decision_effects |
| publish | pipeline.publish | build_report, write_docx, write_html | report files |
"""

__version__ = "0.1.0"
