"""Put coordinates in degrees, WGS 84, longitude and latitude: from French projections, and the right way round.

In:   two numbers, and the code of their system where it is declared
Out:  (longitude, latitude), None and None where they lie nowhere on the globe
"""

import logging
import math

log = logging.getLogger(__name__)

Pair = tuple[float, float]

# Latitudes and longitudes around metropolitan France, the West Indies, Guiana, Réunion, Mayotte, Saint-Pierre and the Pacific.
_FRANCE = (
    (41.0, 51.6, -5.6, 10.0),
    (14.2, 18.3, -63.4, -60.6),
    (2.0, 6.0, -54.8, -51.4),
    (-21.6, -20.7, 55.0, 56.0),
    (-13.2, -12.4, 44.8, 45.5),
    (46.6, 47.3, -56.6, -56.0),
    (-23.2, -19.3, 163.0, 169.0),
    (-28.0, -7.5, -155.0, -134.0),
    (-14.6, -13.0, -178.4, -176.0),
)
_DEGREES = frozenset({4326, 84, 4171, 4258, 4627, 4979})
_MERCATOR = frozenset({3857, 900913, 3785})
_UTM = {32630: 30, 32631: 31, 32632: 32, 25830: 30, 25831: 31, 25832: 32, 32620: 20, 5490: 20, 32622: 22, 2972: 22, 2975: -40, 4471: -38}
_RADIUS, _FLATTENING = 6378137.0, 1 / 298.257222101  # of the ellipsoid GRS 80
_ECCENTRICITY = math.sqrt(_FLATTENING * (2 - _FLATTENING))
_LAMBERT_93 = (46.5, 44.0, 49.0, 700_000.0, 6_600_000.0)  # latitude of origin, parallels, false easting and northing
_L93_X, _L93_Y = (0.0, 1_350_000.0), (5_990_000.0, 7_200_000.0)


def place(x: float | None, y: float | None, epsg: int | None = None) -> tuple[float | None, float | None]:
    """Return (longitude, latitude) of two numbers in the system `epsg`; undeclared, Lambert 93 is known by its size.

    A pair that lies in France only the other way round is turned, and logged.
    """
    if x is None or y is None or not (math.isfinite(x) and math.isfinite(y)):
        return None, None
    lon, lat = _degrees(x, y, epsg)
    if abs(lat) <= 180 and abs(lon) <= 90 and not is_in_france(lon, lat) and is_in_france(lat, lon):
        log.info("map: a point with latitude and longitude swapped")
        lon, lat = lat, lon
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else (None, None)


def is_in_france(lon: float, lat: float) -> bool:
    """True within the boxes around France and its overseas territories."""
    return any(south <= lat <= north and west <= lon <= east for south, north, west, east in _FRANCE)


def _degrees(x: float, y: float, epsg: int | None) -> Pair:
    if epsg == 2154 or (epsg in (None, *_DEGREES) and _L93_X[0] <= x <= _L93_X[1] and _L93_Y[0] <= y <= _L93_Y[1]):
        return _from_lambert(x, y, *_LAMBERT_93)
    if epsg is not None and 3942 <= epsg <= 3950:
        middle = epsg - 3900
        return _from_lambert(x, y, middle, middle - 0.75, middle + 0.75, 1_700_000.0, (middle - 41) * 1_000_000.0 + 200_000.0)
    if epsg in _MERCATOR:
        return _rounded(math.degrees(x / _RADIUS), math.degrees(2 * math.atan(math.exp(y / _RADIUS)) - math.pi / 2))
    if epsg in _UTM:
        return _from_utm(x, y, _UTM[epsg])
    return x, y


def _from_lambert(x: float, y: float, origin: float, south: float, north: float, x0: float, y0: float) -> Pair:
    """Inverse of Lambert's conformal conic projection with two parallels, central meridian 3° E (IGN, NT/G 71)."""
    n = math.log(_parallel(north) / _parallel(south)) / (_isometric(south) - _isometric(north))
    c = _parallel(south) * math.exp(n * _isometric(south)) / n
    pole = y0 + c * math.exp(-n * _isometric(origin))
    radius, angle = math.hypot(x - x0, y - pole), math.atan2(x - x0, pole - y)
    return _rounded(3 + math.degrees(angle / n), _latitude(-math.log(radius / c) / n))


def _parallel(latitude: float) -> float:
    """The radius of a parallel, in metres."""
    sine = math.sin(math.radians(latitude))
    return _RADIUS * math.cos(math.radians(latitude)) / math.sqrt(1 - (_ECCENTRICITY * sine) ** 2)


def _isometric(latitude: float) -> float:
    sine = math.sin(math.radians(latitude))
    return math.atanh(sine) - _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine)


def _latitude(isometric: float) -> float:
    """The latitude, in degrees, of an isometric latitude; six rounds give a tenth of a millimetre."""
    sine = math.tanh(isometric)
    for _ in range(6):
        sine = math.tanh(isometric + _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine))
    return math.degrees(math.asin(sine))


def _from_utm(x: float, y: float, zone: int) -> Pair:
    """Inverse of the universal transverse Mercator projection; a negative zone lies south (Krüger's series, to a millimetre)."""
    n = _FLATTENING / (2 - _FLATTENING)
    scale = 0.9996 * _RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    northing = y - (10_000_000.0 if zone < 0 else 0.0)
    xi, eta = northing / scale, (x - 500_000.0) / scale
    betas = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    xi0 = xi - sum(beta * math.sin(2 * k * xi) * math.cosh(2 * k * eta) for k, beta in enumerate(betas, 1))
    eta0 = eta - sum(beta * math.cos(2 * k * xi) * math.sinh(2 * k * eta) for k, beta in enumerate(betas, 1))
    chi = math.asin(math.sin(xi0) / math.cosh(eta0))
    middle = (abs(zone) - 1) * 6 - 180 + 3
    return _rounded(middle + math.degrees(math.atan2(math.sinh(eta0), math.cos(xi0))), _latitude(math.atanh(math.sin(chi))))


def _rounded(lon: float, lat: float) -> Pair:
    return round(lon, 6), round(lat, 6)
