"""What a run leaves to read on Prefect's pages, in words of a chargée de mission: Markdown, in French.

In:   a study, the outcome of a run or the error that ended it
Out:  counts, names of files and of themes; no passage's text, nobody's name
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.decisions.effects import told_idle
from pipeline.errors import AteliersError
from pipeline.i18n import _
from pipeline.study import Study
from pipeline.words import Count

if TYPE_CHECKING:
    from flows.run import Outcome

_SHOWN = 20


def run_summary(study: Study, outcome: "Outcome") -> str:
    """Return what came in, what could not be read and what to do, the first priorities, and where the report and the review are."""
    manifest = outcome.manifest
    parts = [f"# {study.settings.etude.title}"]
    if not outcome.is_new:
        parts.append(_("Rien de nouveau depuis le dernier traitement : les résultats en place valent toujours."))
    parts.append(_("## Ce qui est entré"))
    parts.append(_workshops(study, new_folders(manifest) if outcome.is_new else set()))
    parts += [_("## Fichiers non lus"), _rejects(study), _("## Premières priorités candidates"), _priorities(study)]
    if told := told_idle(study.read_table("decision_effects"), study.root):
        parts += [_("## Décisions"), _cell(told)]
    parts += [_("## Où regarder"), where(study, manifest)]
    return "\n\n".join(parts) + "\n"


def failure_summary(study: Study, error: BaseException) -> str:
    """Return what went wrong and what to do; of an error that is not ours, its kind alone, because it may hold what people said."""
    lines = [f"# {study.settings.etude.title}", _("**Le traitement n'a pas abouti.** Les résultats précédents sont intacts.")]
    if isinstance(error, AteliersError):
        lines += [
            _("- Trouvé : {found}\n- Attendu : {expected}\n- À faire : {do}").format(
                found=error.found, expected=error.expected, do=error.do
            )
        ]
    else:
        lines.append(_("- Erreur : {kind}\n- À faire : prévenir l'exploitant").format(kind=type(error).__name__))
    return "\n\n".join(lines) + "\n"


def comparison_summary(study: Study, n_rows: Mapping[str, int]) -> str:
    """Return how many rows each table of the comparison has, and where they are."""
    rows = "\n".join(f"| {name} | {n} |" for name, n in n_rows.items())
    where_ = _("Rapport, cartes et tableaux : `{path}`").format(path=study.root / "exports" / "comparaison")
    return f"# {study.settings.etude.title}\n\n{where_}\n\n| {_('table')} | {_('lignes')} |\n|---|---|\n{rows}\n"


def training_summary(study: Study, figures: Mapping[str, Any]) -> str:
    """Return the figures of a refitted tagger, before and after, and which one stands."""
    names = [name for name in figures["after"] if name != "n_units"]
    rows = "\n".join(f"| {name} | {figures['before'].get(name, '')} | {figures['after'][name]} |" for name in names)
    verdict = (
        _("{n:passage étiqueté|passages étiquetés} : le nouvel étiqueteur servira au prochain traitement.")
        if figures["is_registered"]
        else _("{n:passage étiqueté|passages étiquetés} : pas mieux qu'avant, l'étiqueteur en place reste.")
    ).format(n=Count(figures["n_units"]))
    return f"# {study.settings.etude.title}\n\n{verdict}\n\n| | {_('avant')} | {_('après')} |\n|---|---|---|\n{rows}\n"


def new_folders(manifest: Mapping[str, Any]) -> set[str]:
    """The workshops' folders that a run read again."""
    return {stage["workshop"] for stage in manifest["stages"] if stage["stage"] == "read" and not stage["is_cached"]}


def report_path(study: Study, manifest: Mapping[str, Any]) -> Path:
    """Where the report of a run is."""
    return study.root.joinpath(manifest["publication"], "rapport.html")


def where(study: Study, manifest: Mapping[str, Any]) -> str:
    """Where the report and the review are."""
    review = study.settings.notify.review_url or f"`ateliers review {study.root}`"
    return _("- Rapport : `{path}` (aussi en .docx et .pdf, au même endroit)\n- Relecture : {review}").format(
        path=report_path(study, manifest), review=review
    )


def _workshops(study: Study, new: set[str]) -> str:
    documents, units = study.read_table("documents"), study.read_table("units")
    lines = [f"| {_('atelier')} | {_('documents')} | {_('passages')} | |", "|---|---|---|---|"]
    for row in study.read_table("workshops").itertuples():
        n_documents, n_units = (int((table["workshop_id"] == row.workshop_id).sum()) for table in (documents, units))
        lines.append(f"| {_cell(row.folder)} | {n_documents} | {n_units} | {_('nouveau ou changé') if row.folder in new else ''} |")
    return "\n".join(lines)


def _rejects(study: Study) -> str:
    rejects = study.read_table("rejects")
    if rejects.empty:
        return _("Aucun.")
    lines = [f"- {_cell(row.path)} : {_cell(row.reason)} → {_cell(row.advice)}" for row in rejects.head(_SHOWN).itertuples()]
    if len(rejects) > _SHOWN:
        lines.append(_("- … et {n:autre|autres}, en annexe du rapport").format(n=Count(len(rejects) - _SHOWN)))
    return "\n".join(lines)


def _priorities(study: Study) -> str:
    told = {row.theme_id: row for row in study.read_table("themes").itertuples()}
    ranked = study.read_table("priorities")
    first = ranked[ranked["scope"] == "study"].sort_values("rank").head(study.settings.publish.n_priorities)
    line = _("{rank}. {label} (tables : {tables}, ateliers : {workshops})")
    lines = []
    for row in first.itertuples():
        theme: Any = told[row.theme_id]
        lines.append(line.format(rank=row.rank, label=_cell(theme.label), tables=theme.n_tables, workshops=theme.n_workshops))
    return "\n".join(lines) or _("Pas encore assez de matière.")


def _cell(text: object) -> str:
    """`text` on one line, read by Markdown as it is: a file's name may hold anything."""
    plain = " ".join(str(text).split())
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
