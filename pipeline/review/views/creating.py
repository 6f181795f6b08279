"""Make a study, and show and change its settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flows.creating import ChangedSinceError, create_study, save_settings, version_of
from pipeline.errors import GridError, StudyError
from pipeline.grid import load_grid
from pipeline.grid.editing import MAX_SENT_BYTES, SENT, sent_file
from pipeline.review import desks, state
from pipeline.review.bounds import MAX_LABEL
from pipeline.review.roles import GET, POST, Role, administers, reads, role_of
from pipeline.review.views import once
from pipeline.settings import Settings, load_settings
from pipeline.settings.form import (
    PERSONAL,
    SettingField,
    read_texts,
    same_text,
    setting_fields,
    setting_sections,
    texts_of,
)
from pipeline.study import Study

REFUSED, IN_CONFLICT = 422, 409


@dataclass(frozen=True)
class SettingRow:
    """A setting as the page shows it.

    `fault` says what is expected, `others_text` what somebody else wrote meanwhile.
    """

    field: SettingField
    text: str
    fault: str = ""
    others_text: str | None = None

    @property
    def input_id(self) -> str:
        """Return an id without dots."""
        return f"reglage-{self.field.key.replace('.', '-')}"

    @property
    def is_usual(self) -> bool:
        """Whether it has its default value."""
        return same_text(self.text) == same_text(self.field.default)

    @property
    def lines(self) -> list[str]:
        """Return the items of a list."""
        return self.text.splitlines()


@dataclass(frozen=True)
class SettingsFormState:
    """What the form of settings holds, and what is said beside its fields."""

    version: str
    texts: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    found: StudyError | None = None


@reads(GET, POST)
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show the settings to all, and let administrators change them."""
    study = state.study()
    version, current = version_of(study.settings_path), load_settings(study.settings_path)
    if request.method != "POST":
        return _settings(request, current, SettingsFormState(version, texts_of(current)))
    if role_of(request.user) < Role.ADMINISTRATOR:
        raise PermissionDenied
    shown, typed = _shown_before(request), _typed(request)
    mine = {key: text for key, text in typed.items() if same_text(text) != shown.get(key)}
    texts, others = texts_of(current), {}
    if request.POST.get("version") != version:
        others = {key: texts[key] for key in mine if same_text(texts[key]) != shown.get(key)}
    values, faults = read_texts(current, mine)
    kept = SettingsFormState(version, texts | mine, faults, others)
    if faults:
        return _settings(request, current, kept, status=REFUSED)
    try:
        save_settings(study, values, version=request.POST.get("version", ""))
    except StudyError as error:
        refused = SettingsFormState(version, texts | mine, {}, others, error)
        return _settings(request, current, refused, status=IN_CONFLICT)
    messages.success(request, _saved(list(values)))
    return redirect("study_settings")


@administers(GET, POST)
@once
def create(request: HttpRequest) -> HttpResponse:
    """Make a study among those of the server's folder, and go there."""
    folder = settings.STUDIES_FOLDER
    if folder is None:
        raise Http404
    typed = {name: request.POST.get(name, "").strip() for name in ("title", "territories")}
    typed["grid"] = "file" if request.POST.get("grid") == "file" else "ours"
    faults: dict[str, str] = {}
    if request.method == "POST":
        study, faults = _create(request, folder, typed)
        if study is not None:
            return redirect(desks.address_of(study.root.name))
    shown = {
        "typed": typed,
        "faults": faults,
        "formats": ",".join(SENT),
        "max_chars": MAX_LABEL,
    }
    return render(request, "review/create.html", shown, status=REFUSED if faults else 200)


def _create(
    request: HttpRequest, folder: Path, typed: Mapping[str, str]
) -> tuple[Study | None, dict[str, str]]:
    """Return the new study, or the fault of each field."""
    values, faults = read_texts(
        Settings(),
        {"etude.title": typed["title"], "etude.territories": typed["territories"]},
    )
    faults = {key.removeprefix("etude."): expected for key, expected in faults.items()}
    if not typed["title"]:
        faults["title"] = "un titre"
    elif len(typed["title"]) > MAX_LABEL:
        faults["title"] = f"{MAX_LABEL} signes au plus"
    sent = request.FILES.get("file") if typed["grid"] == "file" else None
    if typed["grid"] == "file" and sent is None:
        faults["grid"] = "un fichier .yaml ou .qdc"
    names = {"title": typed["title"], "territories": values.get("etude.territories", ())}
    try:
        if sent is None:
            return (None if faults else create_study(folder, **names)), faults
        with sent_file(sent.name or "", sent.read(MAX_SENT_BYTES + 1)) as grid:
            load_grid(grid)  # its fault is said with the others
            return (None if faults else create_study(folder, grid=grid, **names)), faults
    except GridError as error:
        return None, faults | {"grid": f"{error.expected} ; trouvé : {error.found}"}


def _typed(request: HttpRequest) -> dict[str, str]:
    """Return the texts of the inputs; an unticked box sends only the blank before it."""
    return {
        key: request.POST.getlist(key)[-1].replace("\r\n", "\n")
        for key, field in setting_fields().items()
        if key in request.POST and not field.is_of_machine
    }


def _shown_before(request: HttpRequest) -> dict[str, str]:
    """Return the texts that the page showed, so that only what was typed is written."""
    try:
        shown = json.loads(request.POST.get("avant", "{}"))
    except ValueError:
        return {}
    entries = shown.items() if isinstance(shown, dict) else ()
    return {key: same_text(text) for key, text in entries if isinstance(text, str)}


def _saved(keys: list[str]) -> str:
    if not keys:
        return _("Rien n’a changé.")
    fields = setting_fields()
    names = ", ".join(f"« {_(fields[key].label)} »" for key in keys[:5])
    names += "…" if len(keys) > 5 else ""
    sentence = ngettext(
        "Un réglage est enregistré : {names}. Le prochain traitement en tiendra compte.",
        "{n} réglages sont enregistrés : {names}. Le prochain traitement en tiendra compte.",
        len(keys),
    )
    return sentence.format(n=len(keys), names=names)


def _settings(
    request: HttpRequest, current: Settings, form: SettingsFormState, *, status: int = 200
) -> HttpResponse:
    may_change = role_of(request.user) >= Role.ADMINISTRATOR

    def row(field: SettingField) -> SettingRow:
        key = field.key
        return SettingRow(field, form.texts[key], form.faults.get(key, ""), form.others.get(key))

    sections = []
    for section in setting_sections():
        usual, more = ([*map(row, fields)] for fields in (section.usual, section.more))
        sections.append(
            {
                "section": section,
                "id": f"section-{section.key.replace('.', '-')}",
                "usual": usual,
                "more": more,
                "n_own": sum(not each.is_usual for each in more),
                "is_open": any(each.fault or each.others_text is not None for each in more),
            }
        )
    shown = {
        "section": "study_settings",
        "sections": [entry for entry in sections if entry["usual"]],
        "folded": [entry for entry in sections if not entry["usual"]],
        "version": form.version,
        "before": json.dumps(texts_of(current)) if may_change else "",
        "n_faults": len(form.faults),
        "refusal": form.found,
        "is_changed_since": isinstance(form.found, ChangedSinceError),
        "personal": PERSONAL,
    }
    return render(request, "review/settings.html", shown, status=status)
