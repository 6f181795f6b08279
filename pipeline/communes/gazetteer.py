"""A commune as people write it: its codes and department apart, abbreviations written out, articles moved to the front.

In:   the text of a cell
Out:  Written: slugs that the name may have, and what narrows it down

The places that a name may stand for, from the most to the least literal reading.

Find a commune by what people write, near what is known of their territory; never by the size of a namesake.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from statistics import median

from rapidfuzz import fuzz, process

from pipeline.communes.tables import (
    Place,
    by_code,
    by_postal_code,
    by_slug,
    department_names,
    places,
    region_names,
    reversed_slugs,
    sorted_slugs,
)
from pipeline.text import fold, lexicon, slug

_CODE = re.compile(r"(?<![\d])(\d{2}\s?\d{3}|2[ABab]\s?\d{3})(?![\d])")
_DEPARTMENT = re.compile(
    r"\((?:d[eé]p(?:t|artement)?\.?\s*)?(\d{1,2}|2[ABab]|9[78]\d)\)|^(\d{2}|2[ABab]|97\d)\s*[-–:]\s*|[\s,–-]+(\d{2}|2[ABab]|97\d)$"
)
_ARTICLE = re.compile(r"^(.*?)\s*\((l[ea]s?|l['’])\)\s*$", re.IGNORECASE)
_ARRONDISSEMENT = re.compile(
    r"(paris|lyon|marseille) (?:0?(\d{1,2})|([ivx]{1,5}))(?:e|er|eme|ieme)?(?: arr\w*)?"
)
_SLASH = re.compile(r"(?<=\w{3})/(?=\w{2})")  # "Nogent/Marne", which may also be a list
_ROMAN = {"i": 1, "v": 5, "x": 10}
_MAX_VARIANTS = 16


@dataclass(frozen=True)
class Written:
    """A name as written: `slugs` that it may stand for, most literal first; `codes` and `departments` beside it."""

    slugs: tuple[str, ...]
    codes: tuple[str, ...] = ()
    departments: frozenset[str] = frozenset()

    @property
    def is_area(self) -> bool:
        """True for a department, a region or words such as "tout le canton"."""
        return any(
            (name in _areas() and name not in by_slug()) or name.split("-")[0] in _words("etendues")
            for name in self.slugs
        )

    @property
    def may_be_area(self) -> bool:
        """True for a department or a region whose name communes bear too, where nothing beside it says that one is meant."""
        return (
            not self.codes and not self.departments and any(name in _areas() for name in self.slugs)
        )


@cache
def read_written(text: str) -> tuple[Written, ...]:
    """Return what `text` may name, the whole first, then its parts where it lists or addresses several places; blank gives none."""
    codes = tuple(re.sub(r"\s", "", code).upper() for code in _CODE.findall(text))
    after = _CODE.split(text)[-1] if codes else text
    rest = after if any(letter.isalpha() for letter in after) else _CODE.sub(" ", text)
    departments, rest = _departments(rest)
    whole = re.sub(r"\bcedex\b.*", " ", rest, flags=re.IGNORECASE)
    parts = [
        part
        for part in re.split(
            r"\s*(?:[;,+|]|\s/\s|(?<!\bs)(?<!\bss)/(?=\s*[A-ZÉ]{1}\w{3})|\bet\b|\n)\s*", whole
        )
        if fold(part)
    ]
    listed = [
        whole,
        *([_SLASH.sub(" sur ", whole)] if _SLASH.search(whole) else []),
        *(parts if len(parts) > 1 else []),
    ]
    named = [Written(slugs, codes, departments) for part in listed if (slugs := _slugs(part))]
    return tuple(named) or ((Written((), codes, departments),) if codes else ())


def _departments(text: str) -> tuple[frozenset[str], str]:
    """The departments that stand beside the name, by number or name, and the text without them."""
    found = _DEPARTMENT.search(text)
    if found and not _is_quarter(text):
        number = next(filter(None, found.groups()))
        return frozenset({number.zfill(2).upper()}), _DEPARTMENT.sub(" ", text, count=1)
    beside = re.fullmatch(r"(.+?)(?:\s*[,–-]\s+|\s*\()([^(),]+)\)?\s*", text)
    code = _department_codes().get(fold(beside[2])) if beside else None
    return (frozenset({code}), beside[1]) if beside and code else (frozenset(), text)


@cache
def _department_codes() -> dict[str, str]:
    named = {fold(name): code for code, name in department_names().items()}
    return {name.removeprefix("la "): code for name, code in named.items()} | named


def _slugs(text: str) -> tuple[str, ...]:
    """The slugs that a name may stand for: "Fontenay s/Bois" is sur or sous; "Seyne (La)" is La Seyne."""
    moved = _ARTICLE.sub(r"\2 \1", text)
    words = [
        word
        for word in fold(re.sub(r"\([^)]*\)", " ", moved)).split()
        if not (word.isdigit() and len(word) > 2)
    ]
    quarter = _quarter(" ".join(words))
    if quarter:
        return (quarter,)
    bare = list(words)
    while len(bare) > 1 and bare[0] in _words("avant"):
        bare.pop(0)
    return tuple(dict.fromkeys([*_written_out(words), *_written_out(bare)]))


def _quarter(folded: str) -> str | None:
    """The slug of a district of Paris, Lyon or Marseille: "paris 14", "lyon 3eme", "marseille ix"."""
    found = _ARRONDISSEMENT.fullmatch(folded)
    if not found:
        return None
    number = int(found[2] or _roman(found[3]))
    return f"{found[1]}-{number}{'er' if number == 1 else 'e'}-arrondissement"


def _is_quarter(text: str) -> bool:
    """True for "Paris 14", which is no Paris of department 14; not for "Marseille 13", of department 13."""
    return any(
        place.department not in text for place in by_slug().get(_quarter(fold(text)) or "", ())
    )


def _roman(numeral: str) -> int:
    """The value of a numeral up to XX."""
    values = [_ROMAN[letter] for letter in numeral]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _written_out(words: Sequence[str]) -> list[str]:
    """The slugs of the words with each abbreviation written out in each of its ways."""
    short = lexicon("territories")["abreviations"]
    choices = [[str(full) for full in short.get(word, [word])] for word in words]
    return (
        ["-".join(chosen) for chosen in islice(product(*choices), _MAX_VARIANTS)] if choices else []
    )


@cache
def _areas() -> frozenset[str]:
    """The slugs of departments and regions, but for those of one commune, such as Paris."""
    sizes = Counter(place.department for place in places() if place.kind == "commune")
    alone = {name for code, name in department_names().items() if sizes[code] <= 1}
    return frozenset(
        slug(name) for name in (*department_names().values(), *region_names()) if name not in alone
    )


@cache
def _words(group: str) -> frozenset[str]:
    return frozenset(str(word) for word in lexicon("territories")[group])


_ARTICLES = ("le-", "la-", "les-", "l-")
_LINKS = (
    "de",
    "du",
    "des",
    "d",
    "en",
    "sur",
    "sous",
    "les",
    "lez",
    "pres",
    "a",
    "au",
    "aux",
)  # before a river, a region or a neighbour


def _exact(slug: str) -> Iterable[Place]:
    named = by_slug().get(slug, ())
    return [place for place in named if place.kind in ("commune", "arrondissement")]


def _with_article(slug: str) -> Iterable[Place]:
    """The communes whose name differs by its article only."""
    bare = next(
        (slug.removeprefix(article) for article in _ARTICLES if slug.startswith(article)), slug
    )
    return [
        place
        for other in (bare, *(f"{article}{bare}" for article in _ARTICLES))
        if other != slug
        for place in _exact(other)
    ]


def _former(slug: str) -> Iterable[Place]:
    return [
        place
        for place in by_slug().get(slug, ())
        if place.kind not in ("commune", "arrondissement")
    ]


def _longer(slug: str) -> Iterable[Place]:
    """The communes whose name begins with these words ("La Seyne"), or with these words cut short ("Villeneuve d'A.")."""
    return [
        place
        for name in _slugs_with(f"{slug}-")
        for place in by_slug()[name]
        if place.kind != "ancienne"
    ] or _cut_short(slug)


def _cut_short(slug: str) -> list[Place]:
    words = slug.split("-")
    if len(words) < 2 or len(words[0]) < 3:
        return []
    names = [name.split("-") for name in _slugs_with(words[0])]
    fitting = [
        name
        for name in names
        if len(name) >= len(words)
        and all(full.startswith(word) for word, full in zip(words, name, strict=False))
    ]
    return [
        place for name in fitting for place in by_slug()["-".join(name)] if place.kind == "commune"
    ]


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


NEAR_KM = 60  # from the nearest commune known to be the territory's
_STRAY_KM = 120  # from the middle of the communes named, over which one is not the territory's (a network's seat)
_MOST_NEAR = (
    1_000  # communes of a territory that another's distance is taken to; no workshop names as many
)
_CLOSER = 2.5  # times closer than the next namesake, to be the one meant
_TYPO, _TYPO_FAR, _TYPO_MARGIN, _MIN_TYPO, _MIN_TYPO_FAR = 86, 93, 4, 5, 8
_LARGE = 20_000  # inhabitants of a namesake elsewhere that people may mean too
_SMALL = (
    5_000  # inhabitants of a commune whose name, elsewhere, may stand for a large one's: Évry, Aix
)
_LITERAL_KM = 20  # from the territory, up to which a commune of just this name is the one meant


@dataclass(frozen=True)
class Found:
    """A commune found: `code` of today's, `place_code` of the part named; without code, `how` says ambiguous, unknown or blank."""

    code: str | None
    place_code: str | None
    how: str


@dataclass(frozen=True)
class Gazetteer:
    """The communes of France seen from one territory; without `near`, only names borne once are certain."""

    near: tuple[
        tuple[float, float], ...
    ] = ()  # latitudes and longitudes of communes known to be the territory's
    own_codes: frozenset[str] = frozenset()  # communes of the territory
    departments: frozenset[str] = field(default=frozenset())

    def find(self, written: str, code: str = "") -> Found:
        """Return the commune that `written` names, `code` being an INSEE or postal code beside it."""
        readings = read_written(f"{code} {written}".strip() if code else written)
        found = [self._find(reading, is_insee=bool(code)) for reading in readings]
        certain = next((one for one in found if one.code), None)
        return certain or (
            min(found, key=lambda one: one.how) if found else Found(None, None, "blank")
        )

    def _find(self, written: Written, *, is_insee: bool) -> Found:
        by_number = self._by_number(written, is_insee=is_insee)
        if by_number is not None or not written.slugs:
            return by_number or Found(None, None, "unknown")
        if written.is_area:
            return Found(None, None, "area")
        tiers = {
            how: _once(
                place for slug in written.slugs for place in tier(slug) if _fits(place, written)
            )
            for how, tier in TIERS
        }
        chosen = self._settle(tiers)
        if chosen:
            return chosen
        if written.may_be_area:
            return Found(None, None, "area")
        alone = _alone(tiers, is_told=bool(written.departments))
        if alone:
            return alone
        is_short = any(self._km(place) <= NEAR_KM for place in tiers["short"])
        is_ambiguous = is_short or bool(
            tiers["exact"] or tiers["former"] or (self.near and tiers["article"])
        )
        return (None if is_ambiguous else self._misspelt(written)) or Found(
            None, None, "ambiguous" if is_ambiguous else "unknown"
        )

    def _settle(self, tiers: Mapping[str, list[Place]]) -> Found | None:
        """The commune that the territory tells: the most literal, unless one whose name only begins so lies much nearer."""
        is_large = any(place.population >= _LARGE for place in tiers["exact"])
        is_outshone = False
        for how, candidates in tiers.items():
            chosen = (
                None
                if (is_large and how != "exact") or (is_outshone and how != "short")
                else self._nearest(candidates)
            )
            if not chosen:
                continue
            if how == "short" or not self._outshines(tiers["short"], chosen, how):
                return Found(chosen.current_code, chosen.code, how)
            is_outshone = True
        return None

    def _outshines(self, longer: Sequence[Place], chosen: Place, how: str) -> bool:
        """True where one of `longer` lies much nearer than a small commune of just this name: people leave a neighbour's name short."""
        km = self._km(chosen)
        is_sure = (
            chosen.current_code in self.own_codes
            or _inhabitants(chosen) >= _LARGE
            or (how == "exact" and km <= _LITERAL_KM)
        )
        rivals = [
            place
            for place in longer
            if place.current_code != chosen.current_code
            and place.slug.startswith(f"{chosen.slug}-")
        ]
        return not is_sure and any(self._km(place) * _CLOSER < km for place in rivals)

    def _by_number(self, written: Written, *, is_insee: bool) -> Found | None:
        """The commune of a code: what the name beside it says, else what lies near, else an INSEE code in a column of such codes."""
        for code in written.codes:
            insee, served = by_code().get(code), by_postal_code().get(code, ())
            meant = [place for place in (insee, *served) if place]
            if written.slugs:
                same = [place for place in meant if place.slug in written.slugs]
                meant = same or [
                    place
                    for place in meant
                    if place.slug.startswith(tuple(f"{slug}-" for slug in written.slugs))
                ]
                chosen = (
                    meant[0] if len({place.current_code for place in meant}) == 1 or same else None
                )
                chosen = chosen or (
                    insee
                    if is_insee and insee and (not served or _is_like(insee, written))
                    else None
                )
            else:
                is_surely_insee = is_insee or not code.isdigit()
                chosen = self._nearest(meant) or (
                    insee if is_surely_insee else served[0] if len(served) == 1 else None
                )
            if chosen:
                return Found(chosen.current_code, chosen.code, "code")
        return None

    def _nearest(self, candidates: Sequence[Place]) -> Place | None:
        """The one candidate of the territory, else the one near it, or much nearer than all others near it."""
        own = [place for place in candidates if place.current_code in self.own_codes]
        if len({place.current_code for place in own}) == 1:
            return own[0]
        reach = sorted(
            ((self._km(place), place.code, place) for place in candidates),
            key=lambda entry: entry[:2],
        )
        near = [(km, place) for km, _, place in reach if km <= NEAR_KM]
        if not near:
            return None
        others = [km for km, place in near if place.current_code != near[0][1].current_code]
        return near[0][1] if not others or near[0][0] * _CLOSER < others[0] else None

    def _misspelt(self, written: Written) -> Found | None:
        """The commune whose name is spelt nearly so: near the territory, or anywhere for a long name spelt like no other."""
        for written_slug in written.slugs:
            if len(written_slug) < _MIN_TYPO:
                continue
            alike = process.extract(
                written_slug,
                slugs_from(written_slug),
                scorer=fuzz.ratio,
                score_cutoff=_TYPO,
                limit=8,
            )
            scored = [
                (score, place)
                for name, score, _ in alike
                for place in by_slug()[name]
                if _fits(place, written)
            ]
            near = [(score, place) for score, place in scored if self._km(place) <= NEAR_KM]
            far = [
                (score, place)
                for score, place in scored
                if score >= _TYPO_FAR and len(written_slug) >= _MIN_TYPO_FAR
            ]
            best = _best(near) or (None if near else _best(far))
            if best:
                return Found(best.current_code, best.code, "typo")
        return None

    def _km(self, place: Place) -> float:
        """Kilometres to the nearest commune of the territory; infinite where either is not placed."""
        if place.point is None or not self.near:
            return 0.0 if place.department in self.departments else float("inf")
        return min(distance_km(place.point, point) for point in self.near)


def around(codes: Iterable[str], *, own_codes: Iterable[str] = ()) -> Gazetteer:
    """Return the gazetteer seen from the communes `codes`, those that lie far from most of them left out, and from `own_codes`."""
    owned = frozenset(code for code in own_codes if code in by_code())
    points = {
        code: point
        for code in sorted({*codes, *owned})
        if code in by_code() and (point := by_code()[code].point)
    }
    if not points:
        return Gazetteer(own_codes=owned)
    settled = [point for code, point in points.items() if code in owned] or list(points.values())
    middle = median(lat for lat, _ in settled), median(lon for _, lon in settled)
    kept = [
        point
        for code, point in points.items()
        if code in owned or distance_km(point, middle) <= _STRAY_KM
    ]
    if len(kept) > _MOST_NEAR:
        kept = sorted(kept, key=lambda point: distance_km(point, middle))[:_MOST_NEAR]
    return Gazetteer(near=tuple(kept), own_codes=owned)


def distance_km(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Kilometres between two points (latitude, longitude), on a plane that is right to 1 % within a region."""
    lat = (first[0] - second[0]) * 111.2
    shrink = (
        1
        - ((first[0] + second[0]) / 2 * 0.0174533) ** 2 / 2
        + ((first[0] + second[0]) / 2 * 0.0174533) ** 4 / 24
    )
    return float((lat**2 + ((first[1] - second[1]) * 111.2 * shrink) ** 2) ** 0.5)


def _alone(tiers: Mapping[str, list[Place]], *, is_told: bool) -> Found | None:
    """The one commune of France of this name, or formerly so, where no large one's name may be meant; of a department told, any tier's."""
    hows = ("exact", "former", "article", "short") if is_told else ("exact", "former")
    how = next((how for how in hows if tiers[how]), None)
    if how is None or len({place.current_code for place in tiers[how]}) > 1:
        return None
    place = tiers[how][0]
    longer = [other for other in tiers["short"] if other.slug.startswith(f"{place.slug}-")]
    others = [
        other
        for other in (*tiers["former"], *tiers["article"], *longer)
        if other.current_code != place.current_code
    ]
    is_doubtful = _inhabitants(place) < _SMALL and any(
        _inhabitants(other) >= _LARGE for other in others
    )
    return None if is_doubtful else Found(place.current_code, place.code, how)


def _inhabitants(place: Place) -> int:
    return by_code()[place.current_code].population


def _is_like(place: Place, written: Written) -> bool:
    """True where the name is nearly that of the place: what tells an INSEE code from a postal code that is another's INSEE code."""
    return any(fuzz.ratio(place.slug, slug) >= _TYPO for slug in written.slugs)


def _fits(place: Place, written: Written) -> bool:
    """False where the codes or the department beside the name say that it lies elsewhere."""
    told = written.departments | {
        code[:3] if code[:2] in ("97", "98") else code[:2] for code in written.codes
    }
    is_corsican = place.department in ("2A", "2B") and "20" in told
    return not told or place.department in told or is_corsican


def _best(scored: Sequence[tuple[float, Place]]) -> Place | None:
    """The best scored place, where no other commune scores nearly as well."""
    ranked = sorted(scored, key=lambda entry: (-entry[0], entry[1].code))
    others = [score for score, place in ranked if place.current_code != ranked[0][1].current_code]
    return (
        ranked[0][1]
        if ranked and (not others or ranked[0][0] - others[0] >= _TYPO_MARGIN)
        else None
    )


def _once(places: Iterable[Place]) -> list[Place]:
    return list(dict.fromkeys(places))
