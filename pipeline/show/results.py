"""What a study holds: what a run read and found, where it stands, how territories compare, measured figures.

Where a study stands, in numbers.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.decisions import TO_REVIEW, VOID, active_decisions, idle_sentence
from pipeline.decisions.tags import coded_units
from pipeline.grid.codes import POSTURE
from pipeline.show.writing import line, write_json, write_table
from pipeline.text import Count, counted, study_counts
from pipeline.versions import versions

if TYPE_CHECKING:
    import pandas as pd

    from flows.publication import Publication
    from flows.run import Outcome
    from pipeline.grid.codes import Grid
    from pipeline.study import Study

PSEUDONYMOUS = "Pseudonymisé, pas anonyme : ce sont encore des données personnelles. La clé est dans vault/ ; ne publier ni vault/ ni les tables."
_SHOWN_REJECTS = 10
_SHOWN_CONTRASTS = 8


def created(study: "Study") -> None:
    """Say where the new study is and what to do next."""
    line(f"Étude créée dans {study.root}.")
    line(f"Y déposer un dossier par atelier dans {study.depot}, puis : ateliers run {study.root}")


def outcome(study: "Study", outcome: "Outcome", *, as_json: bool) -> None:
    """Say what a run read, what it could not read, the first priorities, and where the report is."""
    if as_json:
        write_json(outcome.manifest)
        return
    rows = outcome.manifest["n_rows"]
    if not outcome.is_new:
        line("Rien de nouveau depuis le dernier traitement.")
    counts = study_counts(rows)
    line(
        counts
        + " ; {n:fichier ou partie non lu|fichiers ou parties non lus}".format(
            n=Count(rows["rejects"])
        )
        + "."
    )
    _rejects(study.read_table("rejects").to_dict("records"))
    _to_read_again(outcome.manifest.get("n_passing"))
    _first_priorities(study)
    if outcome.manifest.get("is_renumbered") and outcome.is_new:
        line(
            "Le coffre vient d'une version antérieure : les personnes ont été renumérotées, une fois pour toutes."
        )
    encoder = outcome.manifest.get("encoder") or {}
    if encoder.get("fallback"):
        line(
            "Thèmes faits avec l'encodeur non réglé {name} : {reason}".format(
                name=encoder["name"], reason=encoder["fallback"]
            )
        )
    _idle_decisions(study)
    _second_coder(study, outcome.manifest.get("second_coder"))
    _proposals(study, outcome.manifest.get("theme_proposals"))
    _doubts(study, outcome.manifest.get("n_doubts"))
    line(
        "Rapport : {path}".format(
            path=study.root / outcome.manifest["publication"] / "rapport.html"
        )
    )
    line(PSEUDONYMOUS)


def published(
    study: "Study", outcome_: "Outcome", publication: "Publication", *, as_json: bool
) -> None:
    """Say what a run gave, what changed since the last publication, and where the new one is."""
    if as_json:
        write_json(outcome_.manifest | {"files": publication.files, "changes": publication.changes})
        return
    outcome(study, outcome_, as_json=False)
    for change in publication.changes:
        line(change)
    line(
        f"Publication : {publication.folder} ({Count(len(publication.files)):fichier, listé|fichiers, listés} dans manifeste.json)"
    )


def status(study: "Study", found: dict[str, Any], *, as_json: bool) -> None:
    """Show workshops, rows, rejects and what awaits review."""
    if as_json:
        write_json(found)
        return
    line("Dernier traitement : {when}".format(when=found["last_run"] or "jamais"))
    if found["is_other_version"]:
        line(
            "Il vient d'une autre version du programme : ateliers run le refait, et garde les décisions."
        )
    columns = (
        "Territoire",
        "Date",
        "Documents",
        "Passages",
        "sans table",
        "sans question",
    )
    keys = (
        "territory",
        "date",
        "n_documents",
        "n_units",
        "n_units_without_table",
        "n_units_without_question",
    )
    write_table(columns, [[workshop[key] for key in keys] for workshop in found["workshops"]])
    line("Passages hors thème : {n}".format(n=found["n_units_in_no_theme"]))
    line(
        "Passages à relire : {n} ; décisions en vigueur : {m}".format(
            n=found["n_units_awaiting_review"], m=found["n_decisions"]
        )
    )
    _idle_decisions(study)
    if found["late_effect"]:
        line(found["late_effect"])
    line("Fichiers ou parties non lus : {n}".format(n=len(found["rejects"])))
    _rejects(found["rejects"])
    _to_read_again(found["n_passing"])
    _second_coder(study, found["second_coder"])
    _proposals(study, found["theme_proposals"])
    _doubts(study, found["n_doubts"])
    if found["n_mails_waiting"]:
        mails = "Mails qui attendent sur le serveur : {n} (ateliers fetch-mail {root})"
        line(mails.format(n=found["n_mails_waiting"], root=study.root))
    if found["publication"]:
        line("Rapport : {path}".format(path=study.root / found["publication"] / "rapport.html"))
    line(PSEUDONYMOUS)


def comparison(
    study: "Study", compared: "dict[str, pd.DataFrame]", themes: "pd.DataFrame", *, as_json: bool
) -> None:
    """Show themes that are shared and specific, each territory's contrasts, needs without answer, and where the folder is."""
    if as_json:
        write_json({name: rows.to_dict("records") for name, rows in compared.items()})
        return
    labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    reach, contrasts = compared["theme_reach"], compared["contrasts"]
    leads = contrasts[contrasts["is_lead"] & (contrasts["subject"] == "theme")].sort_values(
        "territory"
    )
    may_be_more = " (peut-être davantage : {territories})"
    leaning = {
        name: may_be_more.format(territories=", ".join(rows["territory"]))
        for name, rows in leads.groupby("subject_id")
    }
    for word in ("partagé", "propre à un territoire"):
        names = [
            labels.get(theme_id, theme_id) + leaning.get(theme_id, "")
            for theme_id in reach.loc[reach["reach"] == word, "theme_id"]
        ]
        line(f"{word} : {' ; '.join(names) or 'aucun thème, avec la matière présente'}")
    _contrasts(contrasts, labels, study.grid, _places(study))
    needs = compared["needs"]
    is_open = needs["coverage"].isin(
        ["aucune structure de ce secteur", "hors des zones de chalandise connues"]
    )
    line(f"\nBesoins sans réponse relevée, à vérifier : {int(is_open.sum())}")
    line("Défauts de la carte : {n}".format(n=len(compared["map_problems"])))
    line(
        "Tableaux, graphiques, carte et rapport : {path}".format(
            path=study.root / "exports" / "comparaison"
        )
    )


def figures(found: dict[str, Any], *, as_json: bool) -> None:
    """Show measured figures, one a line."""
    if as_json:
        write_json(found)
        return
    for name, value in _flattened(found):
        line(f"{name:<40} {value}")


def trained(found: dict[str, Any], *, as_json: bool) -> None:
    """Show what refitting the tagger gave: figures before and after, what was left out, and which tagger stands."""
    if as_json:
        write_json(found)
        return
    names = [name for name in found["after"] if name != "n_units"]
    write_table(
        ("", "avant", "après"),
        [(name, found["before"].get(name, ""), found["after"][name]) for name in names],
    )
    for note in found["notes"]:
        line(note)
    if found["is_registered"]:
        line(
            "{n:passage étiqueté|passages étiquetés} : {file} enregistré, employé au prochain traitement.".format(
                n=Count(found["n_units"]), file=found["file"]
            )
        )
    else:
        line(
            "{n:passage étiqueté|passages étiquetés} : pas mieux qu'avant, l'étiqueteur en place reste.".format(
                n=Count(found["n_units"])
            )
        )


def _places(study: "Study") -> tuple[str, str]:
    """What a territory's tables are called: a study where no note names any counts its documents."""
    if study.read_table("units")["table_number"].notna().any():
        return "table", "tables"
    return "document", "documents"


def _contrasts(
    rows: "pd.DataFrame", labels: "Mapping[str, str]", grid: "Grid", places: tuple[str, str]
) -> None:
    """For each territory, what is most and least present against the others."""
    for territory, there in rows.groupby("territory", sort=True):
        line(f"\n{territory}")
        marked = there[there["verdict"].isin(["plus présent ici", "moins présent"])]
        marked = marked.reindex(
            marked["specificity"].abs().sort_values(ascending=False, kind="stable").index
        )
        if marked.empty:
            line("  rien de plus ni de moins présent qu'ailleurs, avec ce qu'il y a de matière")
        leads = there[there["is_lead"] & (there["subject"] == "theme")].assign(
            verdict="semble plus présent ici, à vérifier"
        )
        for row in chain(marked.head(_SHOWN_CONTRASTS).itertuples(), leads.itertuples()):
            name = labels.get(str(row.subject_id)) or grid.label_of(
                str(row.subject_id).partition(":")[2]
            )
            line(
                f"  {row.verdict} : {name} ({counted(int(str(row.n_units)), 'passage')}, {counted(int(str(row.n_tables)), *places)})"
            )


def _first_priorities(study: "Study") -> None:
    themes = study.read_table("themes")
    labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    ranked = study.read_table("priorities")
    first = (
        ranked[ranked["scope"] == "study"]
        .sort_values("rank")
        .head(study.settings.publish.n_priorities)
    )
    if len(first):
        line("Premières priorités candidates :")
    for row in first.itertuples():
        line(f"  {row.rank}. {labels[str(row.theme_id)]}")


def _idle_decisions(study: "Study") -> None:
    """One line on the decisions that stopped applying, if any."""
    sentence = idle_sentence(study.read_table("decision_effects"), study.root)
    if sentence:
        line(sentence)


def _second_coder(study: "Study", coder: Mapping[str, Any] | None) -> None:
    """One line on the second coder, where the study has one."""
    if not coder:
        return
    counts = (
        "Second codeur {model} ({address}) : {n:passage codé|passages codés} sur {n_units}".format(
            **coder, n=Count(coder["n_coded"])
        )
    )
    report = coder["report"] or {}
    if coder["state"] == "stopped":
        why = " ; arrêté ({why}), les étiquettes locales valent seules pour le reste ; reprendre : ateliers run {root}"
        line(counts + why.format(why=report["stopped"], root=study.root))
    elif coder["state"] == "not_sent":
        line(counts + f" ; rien n'a été envoyé, faute d'accord : ateliers run {study.root} --yes")
    else:
        line(
            counts
            + (
                " ; {n} sans réponse utilisable".format(n=report["n_asked"] - report["n_coded"])
                if report
                else ""
            )
            + "."
        )


def _proposals(study: "Study", asked: Mapping[str, Any] | None) -> None:
    """One line on what a language model proposes for the themes, where the study allows one."""
    if not asked:
        return
    counts = "Thèmes relus par {model} ({address}) : {names:nom proposé|noms proposés} sur {themes:thème|thèmes}, {mergers:réunion|réunions}".format(
        **asked,
        names=Count(asked["n_names"]),
        themes=Count(asked["n_themes"]),
        mergers=Count(asked["n_mergers"]),
    )
    if asked["state"] == "stopped":
        why = " ; arrêté ({why}), les noms de la machine valent seuls pour le reste ; reprendre : ateliers run {root}"
        line(counts + why.format(why=asked["report"]["stopped"], root=study.root))
    elif asked["state"] == "not_sent":
        line(counts + f" ; rien n'a été envoyé, faute d'accord : ateliers run {study.root} --yes")
    else:
        line(counts + " (table theme_proposals) ; ceux de la machine restent en place.")


def _doubts(study: "Study", n: int | None) -> None:
    if n is None:
        line(
            "Cas douteux de pseudonymisation : coffre chiffré, donner sa phrase de passe pour les compter."
        )
    elif n:
        how = f"ateliers export {study.root} --format doutes -o doutes.csv"
        line(f"Cas douteux de pseudonymisation à revoir : {n} ({how})")


def _rejects(rows: Sequence[Mapping[Any, Any]]) -> None:
    for row in rows[:_SHOWN_REJECTS]:
        line("  non lu : {path} : {reason} → {advice}".format(**row))
    if len(rows) > _SHOWN_REJECTS:
        line(
            f"  … et {Count(len(rows) - _SHOWN_REJECTS):autre|autres} : ateliers export --format csv"
        )


def _to_read_again(n: int | None) -> None:
    """One line on what the system kept from being read."""
    if n:
        why = "(fichier absent ou changé pendant la lecture, machine trop occupée)"
        line(f"Lectures à reprendre au prochain traitement {why} : {n}")


def _flattened(found: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def study_status(
    tables: dict[str, pd.DataFrame],
    last_run: dict[str, Any] | None,
    decisions: pd.DataFrame,
    *,
    machine_tags: pd.DataFrame | None = None,
    exclusive: Collection[str] = (POSTURE,),
) -> dict[str, Any]:
    """Return the counts that `ateliers status` shows; zeros for a study that was never run.

    A unit awaits review until somebody has coded it whole. `machine_tags` are those before any decision, by default
    those of `tables`; `exclusive` are the axes of which a unit bears one code.
    """
    units, documents = tables["units"], tables["documents"]
    active = active_decisions(decisions)
    coded = coded_units(
        active, tables["tags"] if machine_tags is None else machine_tags, exclusive=exclusive
    )
    checks = tables["rank_checks"]
    late = checks.loc[(checks["scope"] == "study") & (checks["check"] == "a_distance"), "sentence"]
    return {
        "last_run": last_run["ended_at"] if last_run else None,
        "is_other_version": last_run is not None
        and last_run.get("versions", {}).get("code") != versions()["code"],
        "publication": last_run["publication"] if last_run else None,
        "n_passing": last_run.get("n_passing", 0) if last_run else 0,
        "second_coder": last_run.get("second_coder") if last_run else None,
        "theme_proposals": last_run.get("theme_proposals") if last_run else None,
        "workshops": [
            {
                "territory": row.territory,
                "date": row.date if isinstance(row.date, str) else None,
                "folder": row.folder,
                "n_documents": int((documents["workshop_id"] == row.workshop_id).sum()),
                "n_units": int((units["workshop_id"] == row.workshop_id).sum()),
                "n_units_without_table": int(
                    ((units["workshop_id"] == row.workshop_id) & units["table_number"].isna()).sum()
                ),
                "n_units_without_question": int(
                    ((units["workshop_id"] == row.workshop_id) & units["question"].isna()).sum()
                ),
            }
            for row in tables["workshops"].itertuples()
        ],
        "n_rows": {name: len(rows) for name, rows in tables.items()},
        "n_units_in_no_theme": len(units) - len(tables["theme_members"]),
        "n_units_awaiting_review": len(set(units["unit_id"]).difference(*coded.values())),
        "n_decisions": len(active),
        "n_decisions_to_review": int((tables["decision_effects"]["state"] == TO_REVIEW).sum()),
        "n_decisions_without_object": int((tables["decision_effects"]["state"] == VOID).sum()),
        "late_effect": next(iter(late), None),
        "rejects": tables["rejects"].to_dict("records"),
    }
