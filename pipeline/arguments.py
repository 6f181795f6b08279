"""The commands of `ateliers` and their arguments, in the order of the README; a mistake is one line in French."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipeline import __version__
from pipeline.errors import UsageError
from pipeline.i18n import _

Command = Callable[[argparse.Namespace], None]
EXPORTS = ("xlsx", "csv", "parquet", "geojson", "qdpx", "qdc", "iramuteq", "relecture")
DOUBTS = "doutes"


def make_parser(calls: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return a parser whose `call` is what `calls` holds for the command, by its name.

    It raises `UsageError` for what it does not know.
    """
    parser = _Parser(prog="ateliers", description=_("Des notes d'ateliers territoriaux aux thèmes, aux priorités et au rapport."))
    parser.add_argument("--version", action="version", version=f"ateliers {__version__}", help=_("montrer la version"))
    commands = parser.add_subparsers(required=True, metavar=_("COMMANDE"), title=_("commandes"), parser_class=_Parser)
    study = (("study", {"type": Path, "metavar": _("ÉTUDE"), "help": _("dossier de l'étude")}),)
    as_json = (("--json", {"action": "store_true", "help": _("pour une machine")}),)
    workshop = (("--workshop", {"metavar": _("NOM"), "help": _("ne reprendre que cet atelier")}),)
    gold = {"type": Path, "metavar": _("DOSSIER"), "help": _("étiquettes de référence")}
    folder = (("dir", {"type": Path, "nargs": "?", "default": Path("demo"), "metavar": _("DOSSIER"), "help": _("où la copier (demo)")}),)
    formats = (
        ("--format", {"choices": (*EXPORTS, DOUBTS), "required": True, "help": ", ".join((*EXPORTS, DOUBTS)), "metavar": "FORMAT"}),
        ("-o", {"dest": "output", "type": Path, "metavar": _("CHEMIN"), "help": _("où écrire : un fichier, ou un dossier")}),
        ("--by", {"choices": ("document", "table"), "metavar": _("DÉCOUPE"), "help": _("iramuteq : un texte par document, ou par table")}),
    )
    _add(commands, calls, "demo", _("copier l'étude d'exemple et la traiter"), folder + as_json)
    _add(
        commands,
        calls,
        "init",
        _("créer une étude"),
        (*study, ("--grid", {"type": Path, "metavar": _("FICHIER"), "help": _("grille de codes")})),
    )
    agreed = (
        ("--yes", {"action": "store_true", "help": _("envoyer au second codeur sans demander")}),
        ("--accept-lost-decisions", {"action": "store_true", "help": _("continuer bien que des décisions aient disparu")}),
    )
    _add(commands, calls, "run", _("traiter ce qui est nouveau ou changé"), study + workshop + agreed + as_json)
    _add(commands, calls, "status", _("où en est l'étude"), study + as_json)
    served = (
        ("--port", {"type": int, "default": 8010, "metavar": _("PORT"), "help": _("port de cette machine (8010)")}),
        ("--no-browser", {"action": "store_true", "help": _("ne pas ouvrir le navigateur")}),
        ("--invite", {"metavar": _("NOM"), "help": _("rouvrir l'accès de ce compte : donne une adresse qui sert une fois")}),
    )
    _add(commands, calls, "review", _("relire, corriger et décider dans un navigateur"), study + served)
    _add(commands, calls, "compare", _("comparer les territoires"), study + as_json)
    _add(commands, calls, "publish", _("remettre à jour avec les décisions, puis publier le tout"), study + agreed + as_json)
    _add(
        commands,
        calls,
        "evaluate",
        _("mesurer contre des étiquettes de référence"),
        (*study, ("--gold", gold | {"required": True}), *as_json),
    )
    _add(commands, calls, "train", _("réapprendre l'étiquetage sur les décisions et des références"), (*study, ("--gold", gold), *as_json))
    studies = (("studies", {"type": Path, "nargs": "+", "metavar": _("ÉTUDE"), "help": _("dossier d'une étude")}),)
    open_server = (
        (
            "--allow-open-server",
            {
                "action": "store_true",
                "help": _(
                    "servir même si le serveur Prefect est sans mot de passe ou ouvert à toute"
                    " page web : qui l'atteint commande alors ce service"
                ),
            },
        ),
    )
    serving = _("traiter par soi-même, à heures fixes et à chaque dépôt (Prefect)")
    _add(commands, calls, "serve", serving, studies + open_server)
    _add(commands, calls, "fetch-mail", _("lire une fois la boîte de mails de l'étude, dans le dépôt"), study + as_json)
    _add(commands, calls, "export", _("écrire l'étude pour d'autres outils"), study + formats)
    decided = (
        ("file", {"type": Path, "metavar": _("FICHIER"), "help": _("projet .qdpx, feuille de relecture, liste doutes, grille .qdc")}),
        ("--author", {"metavar": _("NOM"), "help": _("qui a décidé, si le fichier ne le dit pas")}),
    )
    _add(commands, calls, "import", _("reprendre ce qui a été décidé dans un autre outil"), study + decided + as_json)
    saved = (("-o", {"dest": "output", "type": Path, "metavar": _("FICHIER"), "help": _("où l'écrire (à côté de l'étude)")}),)
    _add(commands, calls, "backup", _("sauvegarder l'étude entière, coffre compris, dans un fichier"), study + saved + as_json)
    source = (("file", {"type": Path, "metavar": _("FICHIER"), "help": _("sauvegarde faite par ateliers backup")}),)
    _add(commands, calls, "restore", _("remettre une étude sauvegardée, telle qu'elle était"), source + study + as_json)
    person = (
        ("person", {"metavar": _("PERSONNE"), "help": _("nom, courriel, téléphone ou identifiant (personne-12)")}),
        ("--with-words", {"action": "store_true", "help": _("effacer aussi ses propos")}),
        ("--dry-run", {"action": "store_true", "help": _("dire ce qui serait effacé, sans rien changer")}),
    )
    _add(commands, calls, "forget", _("effacer une personne de l'étude"), study + person + as_json)
    return parser


def _add(commands: Any, calls: Mapping[str, Command], name: str, summary: str, arguments: Sequence[tuple[str, dict[str, Any]]]) -> None:
    command = commands.add_parser(name, help=summary, description=summary)
    for argument, details in arguments:
        command.add_argument(argument, **details)
    command.set_defaults(call=calls[name], workshop=None)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line, in French, exit 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **options)
        self.add_argument("-h", "--help", action="help", help=_("montrer cette aide"))
        self._positionals.title, self._optionals.title = _("arguments"), _("options")

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())  # in one line, however many options
        raise UsageError(_in_french(message), usage, f"{self.prog} --help")


def _in_french(message: str) -> str:
    """argparse's own words, for the mistakes that this command line allows."""
    for english, french in (
        ("the following arguments are required:", "il manque"),
        ("unrecognized arguments:", "argument inconnu :"),
        ("invalid choice:", "valeur inconnue"),
        ("expected one argument", "il manque une valeur"),
        ("argument ", "argument "),
    ):
        message = message.replace(english, french)
    return message.split(" (choose from")[0]
