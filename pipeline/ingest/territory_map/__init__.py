"""Read maps of the territory: where structures are and how far they reach.

In:   GeoJSON features (uMap's exports too), or the rows of a sheet of structures
Out:  one Pin a structure as written, with its point, zone or radius; catchments
"""

from pipeline.ingest.territory_map.catchments import build_catchments
from pipeline.ingest.territory_map.features import is_geojson, read_features
from pipeline.ingest.territory_map.outlines import lighten_zones
from pipeline.ingest.territory_map.pins import Pin, name_zones, read_km, read_map_rows

__all__ = ["Pin", "build_catchments", "is_geojson", "lighten_zones", "name_zones", "read_features", "read_km", "read_map_rows"]
