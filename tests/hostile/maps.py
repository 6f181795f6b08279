"""Hostile maps, made on the spot: what each is and what must become of it."""

from hostile.case import READ, Case
from hostile.xml_attacks import DECLARATION, DTDS, deep
from support.made_files import zipped

_DTD = "DTD|abîmé"
_KML = '<kml xmlns="http://www.opengis.net/kml/2.2">{}</kml>'
_MARK = (
    "<Placemark><name>Le Four</name><Point><coordinates>2.0,44.6</coordinates></Point></Placemark>"
)
_GPX = '<gpx xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
_FEATURES = b'{"type":"FeatureCollection","features":[%b]}'
_FEATURE = b'{"type":"Feature","properties":{"nom":"Le Four"},"geometry":{"type":"Point","coordinates":%b}}'


def _kml(marks: str, dtd: str = "") -> bytes:
    return (DECLARATION + dtd + _KML.format(marks)).encode()


def _polygon(n_points: int) -> str:
    ring = " ".join(f"{n % 360}.{n},{n % 90}.{n},0" for n in range(n_points))
    return f"<Placemark><name>Zone</name><Polygon><outerBoundaryIs><coordinates>{ring}</coordinates></outerBoundaryIs></Polygon></Placemark>"


MAPS = (
    *(Case(f"{name}.kml", lambda dtd=dtd: _kml(_MARK.replace("Le Four", "&e;"), dtd), _DTD) for name, dtd in DTDS.items()),
    Case("rire.gpx", lambda: (DECLARATION + DTDS["billion_laughs"] + _GPX.format('<wpt lat="1" lon="2"><name>&e;</name></wpt>')).encode(), _DTD),
    Case("rire.kmz", lambda: zipped({"doc.kml": _kml(_MARK.replace("Le Four", "&e;"), DTDS["billion_laughs"])}), _DTD),
    Case("bombe.kmz", lambda: zipped({"doc.kml": b" " * 60_000_000}), "bombe"),
    Case("dossiers.kml", lambda: _kml(deep("<Folder>", "</Folder>", _MARK, 50_000)), "imbriqué|abîmé"),
    Case("dossiers 200.kml", lambda: _kml(deep("<Folder>", "</Folder>", _MARK, 200)), READ),
    Case("reperes.kml", lambda: _kml(_MARK * 30_000), "tableau de 30001 lignes"),
    Case("champs.kml", lambda: _kml("".join(_MARK.replace("<Point>", f'<ExtendedData><Data name="c{n}"><value>x</value></Data></ExtendedData><Point>') for n in range(1_500))), READ, is_slow=True),
    Case("trop de champs.kml", lambda: _kml("".join(_MARK.replace("<Point>", f'<ExtendedData><Data name="c{n}"><value>x</value></Data></ExtendedData><Point>') for n in range(10_000))), f"{READ}|démesuré|mémoire|longue|colonnes", is_slow=True),
    Case("contour.kml", lambda: _kml(_polygon(100_000)), READ),
    Case("description.kml", lambda: _kml(_MARK.replace("<Point>", f"<description>{'&lt;' * 100_000}</description><Point>")), READ),
    Case("nombres.kml", lambda: _kml(_MARK.replace("2.0,44.6", f"nan,{'9' * 5000},1e999")), READ),
    Case("vide.kml", lambda: _kml(""), "sans repère"),
    Case("coupe.kml", lambda: _kml(_MARK)[:-40], "abîmé"),
    Case("nombres.gpx", lambda: _GPX.format('<wpt lat="nan" lon="1e999"><name>Le Four</name></wpt><wpt><name>x</name></wpt>').encode(), READ),
    Case("profond.gpx", lambda: _GPX.format(deep("<trk>", "</trk>", "", 50_000)).encode(), "imbriqué|abîmé"),
    Case("ouvert.json", lambda: b"[" * 100_000, "JSON"),
    Case("profond.geojson", lambda: _FEATURES % (b"[" * 100_000 + b"]" * 100_000), "JSON"),
    Case("contour profond.geojson", lambda: _FEATURES % (_FEATURE % (b"[" * 900 + b"1" + b"]" * 900)), f"{READ}|JSON"),
    Case("coordonnees.geojson", lambda: _FEATURES % b",".join(_FEATURE % at for at in (b"[1e999,-1e999]", b"[" + b"9" * 4000 + b",NaN]", b'{"a":1}', b"[]", b'["x",null]')), f"{READ}|JSON"),
    Case("nombres.geojson", lambda: _FEATURES % (b"9" * 100_000), f"JSON|{READ}"),
    Case("repete.geojson", lambda: _FEATURES % b",".join([_FEATURE % b"[2.0,44.6]"] * 30_000), READ),
    Case("types.geojson", lambda: b'{"type":"FeatureCollection","features":{"type":[],"geometry":7,"properties":"x"}}', f"{READ}|JSON|carte"),
)  # fmt: skip
