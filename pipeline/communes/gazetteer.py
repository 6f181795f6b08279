"""Find a commune by what people write, near what is known of their territory; never by the size of a namesake.

In:   a cell's text, a code beside it
Out:  Found: the INSEE code where it is certain, else why not
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rapidfuzz import fuzz, process

from pipeline.communes.names import Written, read_written
from pipeline.communes.tables import Place, by_code, by_postal_code, by_slug
from pipeline.communes.tiers import TIERS, slugs_from

NEAR_KM = 60  # from the nearest commune known to be the territory's
_STRAY_KM = 120  # from the middle of the communes named, over which one is not the territory's (a network's seat)
_MOST_NEAR = 1_000  # communes of a territory that another's distance is taken to; no workshop names as many
_CLOSER = 2.5  # times closer than the next namesake, to be the one meant
_TYPO, _TYPO_FAR, _TYPO_MARGIN, _MIN_TYPO, _MIN_TYPO_FAR = 86, 93, 4, 5, 8
_LARGE = 20_000  # inhabitants of a namesake elsewhere that people may mean too
_SMALL = 5_000  # inhabitants of a commune whose name, elsewhere, may stand for a large one's: Évry, Aix
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

    near: tuple[tuple[float, float], ...] = ()  # latitudes and longitudes of communes known to be the territory's
    own_codes: frozenset[str] = frozenset()  # communes of the territory
    departments: frozenset[str] = field(default=frozenset())

    def find(self, written: str, code: str = "") -> Found:
        """Return the commune that `written` names, `code` being an INSEE or postal code beside it."""
        readings = read_written(f"{code} {written}".strip() if code else written)
        found = [self._find(reading, is_insee=bool(code)) for reading in readings]
        certain = next((one for one in found if one.code), None)
        return certain or (min(found, key=lambda one: one.how) if found else Found(None, None, "blank"))

    def _find(self, written: Written, *, is_insee: bool) -> Found:
        by_number = self._by_number(written, is_insee=is_insee)
        if by_number is not None or not written.slugs:
            return by_number or Found(None, None, "unknown")
        if written.is_area:
            return Found(None, None, "area")
        tiers = {how: _once(place for slug in written.slugs for place in tier(slug) if _fits(place, written)) for how, tier in TIERS}
        chosen = self._settle(tiers)
        if chosen:
            return chosen
        if written.may_be_area:
            return Found(None, None, "area")
        alone = _alone(tiers, is_told=bool(written.departments))
        if alone:
            return alone
        is_short = any(self._km(place) <= NEAR_KM for place in tiers["short"])
        is_ambiguous = is_short or bool(tiers["exact"] or tiers["former"] or (self.near and tiers["article"]))
        return (None if is_ambiguous else self._misspelt(written)) or Found(None, None, "ambiguous" if is_ambiguous else "unknown")

    def _settle(self, tiers: Mapping[str, list[Place]]) -> Found | None:
        """The commune that the territory tells: the most literal, unless one whose name only begins so lies much nearer."""
        is_large = any(place.population >= _LARGE for place in tiers["exact"])
        is_outshone = False
        for how, candidates in tiers.items():
            chosen = None if (is_large and how != "exact") or (is_outshone and how != "short") else self._nearest(candidates)
            if not chosen:
                continue
            if how == "short" or not self._outshines(tiers["short"], chosen, how):
                return Found(chosen.current_code, chosen.code, how)
            is_outshone = True
        return None

    def _outshines(self, longer: Sequence[Place], chosen: Place, how: str) -> bool:
        """True where one of `longer` lies much nearer than a small commune of just this name: people leave a neighbour's name short."""
        km = self._km(chosen)
        is_sure = chosen.current_code in self.own_codes or _inhabitants(chosen) >= _LARGE or (how == "exact" and km <= _LITERAL_KM)
        rivals = [place for place in longer if place.current_code != chosen.current_code and place.slug.startswith(f"{chosen.slug}-")]
        return not is_sure and any(self._km(place) * _CLOSER < km for place in rivals)

    def _by_number(self, written: Written, *, is_insee: bool) -> Found | None:
        """The commune of a code: what the name beside it says, else what lies near, else an INSEE code in a column of such codes."""
        for code in written.codes:
            insee, served = by_code().get(code), by_postal_code().get(code, ())
            meant = [place for place in (insee, *served) if place]
            if written.slugs:
                same = [place for place in meant if place.slug in written.slugs]
                meant = same or [place for place in meant if place.slug.startswith(tuple(f"{slug}-" for slug in written.slugs))]
                chosen = meant[0] if len({place.current_code for place in meant}) == 1 or same else None
                chosen = chosen or (insee if is_insee and insee and (not served or _is_like(insee, written)) else None)
            else:
                is_surely_insee = is_insee or not code.isdigit()
                chosen = self._nearest(meant) or (insee if is_surely_insee else served[0] if len(served) == 1 else None)
            if chosen:
                return Found(chosen.current_code, chosen.code, "code")
        return None

    def _nearest(self, candidates: Sequence[Place]) -> Place | None:
        """The one candidate of the territory, else the one near it, or much nearer than all others near it."""
        own = [place for place in candidates if place.current_code in self.own_codes]
        if len({place.current_code for place in own}) == 1:
            return own[0]
        reach = sorted(((self._km(place), place.code, place) for place in candidates), key=lambda entry: entry[:2])
        near = [(km, place) for km, _, place in reach if km <= NEAR_KM]
        if not near:
            return None
        others = [km for km, place in near if place.current_code != near[0][1].current_code]
        return near[0][1] if not others or near[0][0] * _CLOSER < others[0] else None

    def _misspelt(self, written: Written) -> Found | None:
        """The commune whose name is spelt nearly so: near the territory, or anywhere for a long name spelt like no other."""
        for slug in written.slugs:
            if len(slug) < _MIN_TYPO:
                continue
            alike = process.extract(slug, slugs_from(slug), scorer=fuzz.ratio, score_cutoff=_TYPO, limit=8)
            scored = [(score, place) for name, score, _ in alike for place in by_slug()[name] if _fits(place, written)]
            near = [(score, place) for score, place in scored if self._km(place) <= NEAR_KM]
            far = [(score, place) for score, place in scored if score >= _TYPO_FAR and len(slug) >= _MIN_TYPO_FAR]
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
    points = {code: point for code in sorted({*codes, *owned}) if code in by_code() and (point := by_code()[code].point)}
    if not points:
        return Gazetteer(own_codes=owned)
    settled = [point for code, point in points.items() if code in owned] or list(points.values())
    middle = median(lat for lat, _ in settled), median(lon for _, lon in settled)
    kept = [point for code, point in points.items() if code in owned or distance_km(point, middle) <= _STRAY_KM]
    if len(kept) > _MOST_NEAR:
        kept = sorted(kept, key=lambda point: distance_km(point, middle))[:_MOST_NEAR]
    return Gazetteer(near=tuple(kept), own_codes=owned)


def distance_km(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Kilometres between two points (latitude, longitude), on a plane that is right to 1 % within a region."""
    lat = (first[0] - second[0]) * 111.2
    shrink = 1 - ((first[0] + second[0]) / 2 * 0.0174533) ** 2 / 2 + ((first[0] + second[0]) / 2 * 0.0174533) ** 4 / 24
    return float((lat**2 + ((first[1] - second[1]) * 111.2 * shrink) ** 2) ** 0.5)


def _alone(tiers: Mapping[str, list[Place]], *, is_told: bool) -> Found | None:
    """The one commune of France of this name, or formerly so, where no large one's name may be meant; of a department told, any tier's."""
    hows = ("exact", "former", "article", "short") if is_told else ("exact", "former")
    how = next((how for how in hows if tiers[how]), None)
    if how is None or len({place.current_code for place in tiers[how]}) > 1:
        return None
    place = tiers[how][0]
    longer = [other for other in tiers["short"] if other.slug.startswith(f"{place.slug}-")]
    others = [other for other in (*tiers["former"], *tiers["article"], *longer) if other.current_code != place.current_code]
    is_doubtful = _inhabitants(place) < _SMALL and any(_inhabitants(other) >= _LARGE for other in others)
    return None if is_doubtful else Found(place.current_code, place.code, how)


def _inhabitants(place: Place) -> int:
    return by_code()[place.current_code].population


def _is_like(place: Place, written: Written) -> bool:
    """True where the name is nearly that of the place: what tells an INSEE code from a postal code that is another's INSEE code."""
    return any(fuzz.ratio(place.slug, slug) >= _TYPO for slug in written.slugs)


def _fits(place: Place, written: Written) -> bool:
    """False where the codes or the department beside the name say that it lies elsewhere."""
    told = written.departments | {code[:3] if code[:2] in ("97", "98") else code[:2] for code in written.codes}
    is_corsican = place.department in ("2A", "2B") and "20" in told
    return not told or place.department in told or is_corsican


def _best(scored: Sequence[tuple[float, Place]]) -> Place | None:
    """The best scored place, where no other commune scores nearly as well."""
    ranked = sorted(scored, key=lambda entry: (-entry[0], entry[1].code))
    others = [score for score, place in ranked if place.current_code != ranked[0][1].current_code]
    return ranked[0][1] if ranked and (not others or ranked[0][0] - others[0] >= _TYPO_MARGIN) else None


def _once(places: Iterable[Place]) -> list[Place]:
    return list(dict.fromkeys(places))
