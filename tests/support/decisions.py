"""The column `value` of decisions, as tests write and read rows by hand."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.decisions.kinds import Code, SaveWeighting
from pipeline.decisions.sign_off import SignOffTheme
from pipeline.decisions.tags import ConfirmUnit, RejectTag


def confirmation(codes: Iterable[Code]) -> str:
    """The `value` of a confirmation of `codes`."""
    return str(ConfirmUnit("u", tuple((axis, code) for axis, code in codes)).row()["value"])


def confirmed_codes(value: object) -> tuple[Code, ...] | None:
    """The codes that the `value` of a confirmation lists, None where it does not read."""
    return ConfirmUnit.read({"value": value}).codes


def arbitration(first: str, second: str) -> str:
    """The `value` of a decision on a code that settles what two coders disagree on."""
    return str(RejectTag("u", "axis", "code", (first, second)).row()["value"])


def arbitrated(value: object) -> tuple[str, ...]:
    """The coders between whom a decision on a code arbitrates."""
    return RejectTag.read({"value": value}).between


def weighting_value(name: str, weights: Mapping[str, float]) -> str:
    """The `value` that saves weights under a name."""
    return str(SaveWeighting.named(name, weights).row()["value"])


def sign_off(
    theme_id: str,
    accepted: Iterable[str],
    refused: Iterable[str] = (),
    *,
    title: str = "Venir sans voiture",
    statement: str | None = "Le soir, plus aucun car ne passe.",
) -> dict[str, Any]:
    """The row of a theme's sign-off."""
    return SignOffTheme.of(theme_id, title, statement, accepted, refused).row()


class FrenchNames:
    """Words as they are written."""

    def say(self, sentence: str, **words: str) -> str:
        return sentence.format(**words)

    def quoted(self, text: str | None) -> str:
        return f"« {text} »"

    def joined(self, texts: list[str]) -> str:
        return ", ".join(texts)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)
