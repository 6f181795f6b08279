"""Find the commune that a written name means, from what is known of the territory.

In:   the text of a cell, and an INSEE or postal code beside it
Out:  CommuneMatch; population never decides between namesakes

Slugs of the text are looked up in tiers, from the most to the least literal.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from math import cos, hypot, radians
from statistics import median

from rapidfuzz import fuzz, process

from pipeline.communes.tables import (
    TIERS,
    NamedCommune,
    by_code,
    by_postal_code,
    by_slug,
    department_names,
    named_communes,
    region_names,
    slugs_with,
)
from pipeline.text import fold, lexicon, lexicon_words, slug

_CODE = re.compile(r"(?<![\d])(\d{2}\s?\d{3}|2[ABab]\s?\d{3})(?![\d])")
_DEPARTMENT = re.compile(
    r"\((?:d[eé]p(?:t|artement)?\.?\s*)?(\d{1,2}|2[ABab]|9[78]\d)\)"
    r"|^(\d{2}|2[ABab]|97\d)\s*[-–:]\s*|[\s,–-]+(\d{2}|2[ABab]|97\d)$"
)
_ARTICLE = re.compile(r"^(.*?)\s*\((l[ea]s?|l['’])\)\s*$", re.IGNORECASE)
_ARRONDISSEMENT = re.compile(
    r"(paris|lyon|marseille) (?:0?(\d{1,2})|([ivx]{1,5}))(?:e|er|eme|ieme)?(?: arr\w*)?"
)
_SLASH = re.compile(r"(?<=\w{3})/(?=\w{2})")  # "Nogent/Marne", which may also be a list
_BETWEEN_PARTS = re.compile(
    r"\s*(?:[;,+|]|\s/\s|(?<!\bs)(?<!\bss)/(?=\s*[A-ZÉ]{1}\w{3})|\bet\b|\n)\s*"
)
_ROMAN = {"i": 1, "v": 5, "x": 10}
_MAX_VARIANTS = 16
NEAR_KM = 60  # from the nearest commune of the territory
# From the middle of the named communes; a farther one is a network's seat.
_STRAY_KM = 120
_MOST_NEAR = 1_000  # bound on the communes measured; no workshop names as many
_CLOSER = 2.5  # times closer than the next namesake
_TYPO, _TYPO_FAR, _TYPO_MARGIN, _MIN_TYPO, _MIN_TYPO_FAR = 86, 93, 4, 5, 8
_LARGE = 20_000  # inhabitants of a namesake that people may mean too
_SMALL = 5_000  # inhabitants; its name may mean a large one: Évry, Aix
_LITERAL_KM = 20  # an exact name this near is the one meant


@dataclass(frozen=True)
class WrittenCommune:
    """The `slugs` a name may stand for, most literal first; `codes` and `departments` beside it."""

    slugs: tuple[str, ...]
    codes: tuple[str, ...] = ()
    departments: frozenset[str] = frozenset()

    @property
    def is_area(self) -> bool:
        """Whether it is a department, a region or "tout le canton"."""
        return any(
            (name in _areas() and name not in by_slug())
            or name.split("-")[0] in lexicon_words("territories", "etendues")
            for name in self.slugs
        )

    @property
    def may_be_area(self) -> bool:
        """Whether it may be an area or a commune of the same name."""
        is_told = bool(self.codes or self.departments)
        return not is_told and any(name in _areas() for name in self.slugs)


@cache
def read_written(text: str) -> tuple[WrittenCommune, ...]:
    """Return what `text` may name: the whole first, then the parts of a list; blank gives none."""
    codes = tuple(re.sub(r"\s", "", code).upper() for code in _CODE.findall(text))
    after = _CODE.split(text)[-1] if codes else text
    rest = after if any(letter.isalpha() for letter in after) else _CODE.sub(" ", text)
    departments, rest = _departments(rest)
    whole = re.sub(r"\bcedex\b.*", " ", rest, flags=re.IGNORECASE)
    texts = [whole]
    if _SLASH.search(whole):
        texts.append(_SLASH.sub(" sur ", whole))
    parts = [part for part in _BETWEEN_PARTS.split(whole) if fold(part)]
    if len(parts) > 1:
        texts += parts
    readings = [
        WrittenCommune(slugs, codes, departments) for part in texts if (slugs := _slugs(part))
    ]
    if codes and not readings:
        return (WrittenCommune((), codes, departments),)
    return tuple(readings)


def _departments(text: str) -> tuple[frozenset[str], str]:
    match = _DEPARTMENT.search(text)
    if match and not _is_quarter(text):
        number = next(filter(None, match.groups()))
        return frozenset({number.zfill(2).upper()}), _DEPARTMENT.sub(" ", text, count=1)
    beside = re.fullmatch(r"(.+?)(?:\s*[,–-]\s+|\s*\()([^(),]+)\)?\s*", text)
    code = _department_codes().get(fold(beside[2])) if beside else None
    return (frozenset({code}), beside[1]) if beside and code else (frozenset(), text)


@cache
def _department_codes() -> dict[str, str]:
    named = {fold(name): code for code, name in department_names().items()}
    return {name.removeprefix("la "): code for name, code in named.items()} | named


def _slugs(text: str) -> tuple[str, ...]:
    """ "Fontenay s/Bois" is sur or sous; "Seyne (La)" is La Seyne."""
    moved = _ARTICLE.sub(r"\2 \1", text)
    folded = fold(re.sub(r"\([^)]*\)", " ", moved))
    words = [word for word in folded.split() if not (word.isdigit() and len(word) > 2)]
    quarter = _quarter(" ".join(words))
    if quarter:
        return (quarter,)
    bare = list(words)
    while len(bare) > 1 and bare[0] in lexicon_words("territories", "avant"):
        bare.pop(0)
    return tuple(dict.fromkeys([*_written_out(words), *_written_out(bare)]))


def _quarter(folded: str) -> str | None:
    """The slug of a district: "paris 14", "lyon 3eme", "marseille ix"."""
    match = _ARRONDISSEMENT.fullmatch(folded)
    if not match:
        return None
    number = int(match[2] or _roman(match[3]))
    return f"{match[1]}-{number}{'er' if number == 1 else 'e'}-arrondissement"


def _is_quarter(text: str) -> bool:
    """Whether it is a district: "Paris 14", but not "Marseille 13", of department 13."""
    quarters = by_slug().get(_quarter(fold(text)) or "", ())
    return any(commune.department not in text for commune in quarters)


def _roman(numeral: str) -> int:
    values = [_ROMAN[letter] for letter in numeral]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _written_out(words: Sequence[str]) -> list[str]:
    short = lexicon("territories")["abreviations"]
    choices = [[str(full) for full in short.get(word, [word])] for word in words]
    if not choices:
        return []
    return ["-".join(chosen) for chosen in islice(product(*choices), _MAX_VARIANTS)]


@cache
def _areas() -> frozenset[str]:
    """The slugs of departments and regions, except those of one commune, such as Paris."""
    sizes = Counter(commune.department for commune in named_communes() if commune.kind == "commune")
    alone = {name for code, name in department_names().items() if sizes[code] <= 1}
    return frozenset(
        slug(name) for name in (*department_names().values(), *region_names()) if name not in alone
    )


@dataclass(frozen=True)
class CommuneMatch:
    """A commune: `code` of today's, `part_code` of the part named.

    Without code, `how` is ambiguous, unknown, area or blank.
    """

    code: str | None
    part_code: str | None
    how: str


@dataclass(frozen=True)
class Gazetteer:
    """The communes seen from a territory; without `near`, only unique names are certain."""

    near: tuple[tuple[float, float], ...] = ()
    own_codes: frozenset[str] = frozenset()
    departments: frozenset[str] = field(default=frozenset())

    def find(self, written: str, code: str = "") -> CommuneMatch:
        """Return the commune that `written` names, beside an INSEE or postal `code`."""
        readings = read_written(f"{code} {written}".strip() if code else written)
        if not readings:
            return CommuneMatch(None, None, "blank")
        matches = [self._find(reading, is_insee=bool(code)) for reading in readings]
        certain = next((match for match in matches if match.code), None)
        return certain or min(matches, key=lambda match: match.how)

    def _find(self, written: WrittenCommune, *, is_insee: bool) -> CommuneMatch:
        by_number = self._by_number(written, is_insee=is_insee)
        if by_number is not None or not written.slugs:
            return by_number or CommuneMatch(None, None, "unknown")
        if written.is_area:
            return CommuneMatch(None, None, "area")
        tiers: dict[str, list[NamedCommune]] = {}
        for how, tier in TIERS:
            communes = dict.fromkeys(commune for slug in written.slugs for commune in tier(slug))
            tiers[how] = [commune for commune in communes if _fits(commune, written)]
        chosen = self._settle(tiers)
        if chosen:
            return chosen
        if written.may_be_area:
            return CommuneMatch(None, None, "area")
        alone = _alone(tiers, is_told=bool(written.departments))
        if alone:
            return alone
        is_literal = tiers["exact"] or tiers["former"] or (self.near and tiers["article"])
        if is_literal or any(self._km(commune) <= NEAR_KM for commune in tiers["short"]):
            return CommuneMatch(None, None, "ambiguous")
        return self._misspelt(written) or CommuneMatch(None, None, "unknown")

    def _settle(self, tiers: Mapping[str, list[NamedCommune]]) -> CommuneMatch | None:
        """The most literal name near, unless a longer one lies much nearer."""
        is_large = any(commune.population >= _LARGE for commune in tiers["exact"])
        is_outshone = False
        for how, candidates in tiers.items():
            if (is_large and how != "exact") or (is_outshone and how != "short"):
                continue
            chosen = self._nearest(candidates)
            if not chosen:
                continue
            if how == "short" or not self._outshines(tiers["short"], chosen, how):
                return CommuneMatch(chosen.current_code, chosen.code, how)
            is_outshone = True
        return None

    def _outshines(self, longer: Sequence[NamedCommune], chosen: NamedCommune, how: str) -> bool:
        """Whether a `longer` name is much nearer than a small namesake, which people shorten."""
        km = self._km(chosen)
        is_sure = (
            chosen.current_code in self.own_codes
            or _inhabitants(chosen) >= _LARGE
            or (how == "exact" and km <= _LITERAL_KM)
        )
        rivals = [
            commune
            for commune in longer
            if commune.current_code != chosen.current_code
            and commune.slug.startswith(f"{chosen.slug}-")
        ]
        return not is_sure and any(self._km(commune) * _CLOSER < km for commune in rivals)

    def _by_number(self, written: WrittenCommune, *, is_insee: bool) -> CommuneMatch | None:
        for code in written.codes:
            if written.slugs:
                chosen = _by_code_and_name(code, written, is_insee=is_insee)
            else:
                chosen = self._by_code_alone(code, is_insee=is_insee or not code.isdigit())
            if chosen:
                return CommuneMatch(chosen.current_code, chosen.code, "code")
        return None

    def _by_code_alone(self, code: str, *, is_insee: bool) -> NamedCommune | None:
        insee, served = by_code().get(code), by_postal_code().get(code, ())
        nearest = self._nearest([commune for commune in (insee, *served) if commune])
        if nearest or is_insee:
            return nearest or insee
        return served[0] if len(served) == 1 else None

    def _nearest(self, candidates: Sequence[NamedCommune]) -> NamedCommune | None:
        """The only candidate near, or much nearer than the others."""
        own = [commune for commune in candidates if commune.current_code in self.own_codes]
        if len({commune.current_code for commune in own}) == 1:
            return own[0]
        distances = [(self._km(commune), commune) for commune in candidates]
        near = sorted(
            (entry for entry in distances if entry[0] <= NEAR_KM),
            key=lambda entry: (entry[0], entry[1].code),
        )
        if not near:
            return None
        km, nearest = near[0]
        others = [other for other, commune in near if commune.current_code != nearest.current_code]
        return nearest if not others or km * _CLOSER < others[0] else None

    def _misspelt(self, written: WrittenCommune) -> CommuneMatch | None:
        """A commune of nearly this name near, or anywhere for a long, unique name."""
        for written_slug in written.slugs:
            if len(written_slug) < _MIN_TYPO:
                continue
            # Same first letter only: typos there are rare, wrong guesses are not.
            names = slugs_with(written_slug[0])
            alike = process.extract(
                written_slug, names, scorer=fuzz.ratio, score_cutoff=_TYPO, limit=8
            )
            scored = [
                (score, commune)
                for name, score, _ in alike
                for commune in by_slug()[name]
                if _fits(commune, written)
            ]
            candidates = [entry for entry in scored if self._km(entry[1]) <= NEAR_KM]
            if not candidates and len(written_slug) >= _MIN_TYPO_FAR:
                candidates = [entry for entry in scored if entry[0] >= _TYPO_FAR]
            best = _best(candidates)
            if best:
                return CommuneMatch(best.current_code, best.code, "typo")
        return None

    def _km(self, commune: NamedCommune) -> float:
        """Kilometres to the territory; infinite without a position."""
        if commune.point is None or not self.near:
            return 0.0 if commune.department in self.departments else float("inf")
        return min(distance_km(commune.point, point) for point in self.near)


def around(codes: Iterable[str], *, own_codes: Iterable[str] = ()) -> Gazetteer:
    """Return the gazetteer seen from `codes`, without distant ones, and from `own_codes`."""
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
    near = [
        point
        for code, point in points.items()
        if code in owned or distance_km(point, middle) <= _STRAY_KM
    ]
    if len(near) > _MOST_NEAR:
        near = sorted(near, key=lambda point: distance_km(point, middle))[:_MOST_NEAR]
    return Gazetteer(near=tuple(near), own_codes=owned)


def distance_km(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the kilometres between two (latitude, longitude), within 1 % in a region."""
    lat = (first[0] - second[0]) * 111.2
    shrink = cos(radians((first[0] + second[0]) / 2))
    return hypot(lat, (first[1] - second[1]) * 111.2 * shrink)


def _alone(tiers: Mapping[str, list[NamedCommune]], *, is_told: bool) -> CommuneMatch | None:
    """The only commune of this name, or formerly so, in France or the department given."""
    hows = ("exact", "former", "article", "short") if is_told else ("exact", "former")
    how = next((how for how in hows if tiers[how]), None)
    if how is None or len({commune.current_code for commune in tiers[how]}) > 1:
        return None
    commune = tiers[how][0]
    longer = [other for other in tiers["short"] if other.slug.startswith(f"{commune.slug}-")]
    others = [
        other
        for other in (*tiers["former"], *tiers["article"], *longer)
        if other.current_code != commune.current_code
    ]
    has_large_one = any(_inhabitants(other) >= _LARGE for other in others)
    is_doubtful = _inhabitants(commune) < _SMALL and has_large_one
    return None if is_doubtful else CommuneMatch(commune.current_code, commune.code, how)


def _inhabitants(commune: NamedCommune) -> int:
    return by_code()[commune.current_code].population


def _by_code_and_name(code: str, written: WrittenCommune, *, is_insee: bool) -> NamedCommune | None:
    insee, served = by_code().get(code), by_postal_code().get(code, ())
    candidates = [commune for commune in (insee, *served) if commune]
    same = [commune for commune in candidates if commune.slug in written.slugs]
    if same:
        return same[0]
    beginnings = tuple(f"{slug}-" for slug in written.slugs)
    longer = [commune for commune in candidates if commune.slug.startswith(beginnings)]
    if len({commune.current_code for commune in longer}) == 1:
        return longer[0]
    # A postal code may be another commune's INSEE code: the name decides.
    if is_insee and insee and (not served or _is_like(insee, written)):
        return insee
    return None


def _is_like(commune: NamedCommune, written: WrittenCommune) -> bool:
    return any(fuzz.ratio(commune.slug, slug) >= _TYPO for slug in written.slugs)


def _fits(commune: NamedCommune, written: WrittenCommune) -> bool:
    departments = written.departments | {
        code[:3] if code[:2] in ("97", "98") else code[:2] for code in written.codes
    }
    is_corsican = commune.department in ("2A", "2B") and "20" in departments
    return not departments or commune.department in departments or is_corsican


def _best(scored: Sequence[tuple[float, NamedCommune]]) -> NamedCommune | None:
    if not scored:
        return None
    ranked = sorted(scored, key=lambda entry: (-entry[0], entry[1].code))
    best_score, best = ranked[0]
    others = [score for score, commune in ranked if commune.current_code != best.current_code]
    return best if not others or best_score - others[0] >= _TYPO_MARGIN else None
