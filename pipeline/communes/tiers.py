"""The places that a name may stand for, from the most to the least literal reading.

In:   a slug
Out:  places: of just this name, formerly of it, but for the article, beginning so, ending so
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from pipeline.communes.tables import Place, by_slug, reversed_slugs, sorted_slugs

_ARTICLES = ("le-", "la-", "les-", "l-")
_LINKS = ("de", "du", "des", "d", "en", "sur", "sous", "les", "lez", "pres", "a", "au", "aux")  # before a river, a region or a neighbour


def _exact(slug: str) -> Iterable[Place]:
    named = by_slug().get(slug, ())
    return [place for place in named if place.kind in ("commune", "arrondissement")]


def _with_article(slug: str) -> Iterable[Place]:
    """The communes whose name differs by its article only."""
    bare = next((slug.removeprefix(article) for article in _ARTICLES if slug.startswith(article)), slug)
    return [place for other in (bare, *(f"{article}{bare}" for article in _ARTICLES)) if other != slug for place in _exact(other)]


def _former(slug: str) -> Iterable[Place]:
    return [place for place in by_slug().get(slug, ()) if place.kind not in ("commune", "arrondissement")]


def _longer(slug: str) -> Iterable[Place]:
    """The communes whose name begins with these words ("La Seyne"), or with these words cut short ("Villeneuve d'A.")."""
    return [place for name in _slugs_with(f"{slug}-") for place in by_slug()[name] if place.kind != "ancienne"] or _cut_short(slug)


def _cut_short(slug: str) -> list[Place]:
    words = slug.split("-")
    if len(words) < 2 or len(words[0]) < 3:
        return []
    names = [name.split("-") for name in _slugs_with(words[0])]
    fitting = [
        name for name in names if len(name) >= len(words) and all(full.startswith(word) for word, full in zip(words, name, strict=False))
    ]
    return [place for name in fitting for place in by_slug()["-".join(name)] if place.kind == "commune"]


def _within(slug: str) -> Iterable[Place]:
    """The communes whose name ends with these words ("Ménehould"), but for those that name what lies near ("Aubry-du-Hainaut")."""
    ending = f"-{slug}"
    named = sorted(backwards[::-1] for backwards in _beginning(reversed_slugs(), ending[::-1]))
    names = [name for name in named if name.removesuffix(ending).split("-")[-1] not in _LINKS]
    return [place for name in names for place in by_slug()[name] if place.kind == "commune"]


TIERS: tuple[tuple[str, Callable[[str], Iterable[Place]]], ...] = (
    ("exact", _exact),
    ("former", _former),
    ("article", _with_article),
    ("short", _longer),
    ("part", _within),
)


def _slugs_with(beginning: str) -> Sequence[str]:
    return _beginning(sorted_slugs(), beginning)


def _beginning(texts: Sequence[str], letters: str) -> Sequence[str]:
    """Those of sorted `texts` that begin with `letters`."""
    return texts[bisect_left(texts, letters) : bisect_left(texts, f"{letters}\uffff")]


def slugs_from(slug: str) -> Sequence[str]:
    """The names that begin with the same letter: a typo there is rare and costs wrong guesses."""
    return _slugs_with(slug[0])
