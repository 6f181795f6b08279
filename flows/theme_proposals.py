"""What a language model proposes for the machine's themes, where the study permits it and somebody agrees; the machine's own stand beside.

Only pseudonymised passages leave, of the same units as the second coder may see. What was answered is kept and used whatever happens.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flows.cache import StageCache, StageRecord, gather_tables
from flows.consent import DONE, NOT_SENT, STOPPED, is_approved
from flows.progress import tell
from flows.steps import task
from models.language_model import Report, ThemeCard, ThemeReader, price_of, sample_units
from models.language_model.themes import VERSION
from pipeline.decisions import refused_merges
from pipeline.settings import LanguageModelSettings
from pipeline.study import Study, text_hash
from pipeline.tables import THEME_PROPOSALS
from pipeline.tokens import without_numbers

_N_PASSAGES = 12  # of a theme, the most central


@dataclass(frozen=True)
class Proposals:
    """The record of `theme_proposals`, and what the manifest tells; no `summary` where no model is allowed."""

    record: StageRecord
    summary: dict[str, Any] | None


@task(name="propose")
def propose_themes(root: Path, processed: list[StageRecord], joined: StageRecord) -> Proposals:
    """Ask about themes that the model has not read yet, after consent, and gather what it ever said of these themes."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)
    settings, found = study.settings.language_model, cache.load(joined)
    if not (settings.enabled and settings.themes) or found["themes"].empty:
        return Proposals(_kept(cache, THEME_PROPOSALS.empty()), None)
    units = sample_units(gather_tables(cache, processed)["units"], settings.max_units)
    shown = _passages(found["theme_members"], units)
    themes = found["themes"][found["themes"]["theme_id"].isin(shown)].sort_values("theme_id")
    cards = [_card(theme, shown[str(theme.theme_id)]) for theme in themes.itertuples()]
    reader = ThemeReader(settings, study.cache / "language_model")
    estimate = reader.estimate(cards)
    report, state = None, DONE
    if estimate.n_requests and (not settings.confirm or is_approved(estimate)):
        tell("lecture des thèmes par le modèle", 0, estimate.n_requests)
        report = reader.ask(cards, lambda done, total: tell("lecture des thèmes par le modèle", done, total))
        state = STOPPED if report.stopped else DONE
    elif estimate.n_requests:
        state = NOT_SENT
    rows = _rows(reader, cards, [str(name) for name in themes["theme_id"]], shown, f"{settings.model}+themes{VERSION}")
    refused = refused_merges(study.decisions.read())
    rows = [row for row in rows if row["subject"] != "réunion" or {row["theme_id"], row["value"]} not in refused]
    counts = {f"n_{name}": sum(row["subject"] == subject for row in rows) for name, subject in (("names", "nom"), ("mergers", "réunion"))}
    summary = {"state": state, "address": estimate.address, "model": settings.model, "n_themes": len(found["themes"]), **counts}
    return Proposals(_kept(cache, THEME_PROPOSALS.build(rows)), summary | _told(report, settings))


def _passages(members: pd.DataFrame, units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The passages that may be sent of each theme, most central first."""
    placed = members.merge(units[["unit_id", "text"]], on="unit_id", validate="one_to_one")
    ranked = placed.sort_values(["strength", "unit_id"], ascending=[False, True])
    return {str(name): rows.head(_N_PASSAGES) for name, rows in ranked.groupby("theme_id")}


def _card(theme: Any, passages: pd.DataFrame) -> ThemeCard:
    return ThemeCard(theme.label, tuple(json.loads(theme.keywords)), tuple(without_numbers(str(text)) for text in passages["text"]))


def _rows(
    reader: ThemeReader, cards: list[ThemeCard], theme_ids: list[str], shown: dict[str, pd.DataFrame], version: str
) -> list[dict[str, Any]]:
    """What is proposed, by theme, then the mergers."""
    rows: list[dict[str, Any]] = []
    for theme_id, named in zip(theme_ids, reader.named(cards), strict=True):
        if named is not None:
            unit_ids = list(shown[theme_id]["unit_id"])
            quotes = json.dumps([[unit_ids[place], quote] for place, quote in named.quotes], ensure_ascii=False)
            told = {"theme_id": theme_id, "quotes": quotes, "model_version": version}
            rows += [told | {"subject": "nom", "value": named.name}, told | {"subject": "description", "value": named.description}]
    for pair in reader.pairs(cards):
        told = {"theme_id": theme_ids[pair.first], "quotes": "[]", "model_version": version}
        rows.append(told | {"subject": "réunion", "value": theme_ids[pair.second]} | ({"reason": pair.reason} if pair.reason else {}))
    return rows


def _kept(cache: StageCache, proposals: pd.DataFrame) -> StageRecord:
    """Keep the table under its own content: what a server answers is no function of our inputs."""
    key = text_hash("propose", proposals.to_json(orient="split"))
    return cache.run("propose", key, lambda: {"theme_proposals": proposals})


def _told(report: Report | None, settings: LanguageModelSettings) -> dict[str, Any]:
    """What this run's asking did; nothing where it did not ask."""
    if report is None:
        return {"report": None}
    return {"report": asdict(report) | {"price": price_of(report.tokens_in, report.tokens_out, settings)}}
