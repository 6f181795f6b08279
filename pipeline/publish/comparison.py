"""The charts of the comparison of territories, each as a specification and drawn.

In:   Report
Out:  name of the file → (specification, SVG, PNG)
"""

from pipeline.publish.charts import Spec, draw_png, draw_svg
from pipeline.publish.report.content import Report
from pipeline.publish.territory_charts import map_spec, plane_spec, tree_spec
from pipeline.words import slug


def draw_comparison(report: Report) -> dict[str, tuple[Spec, str, bytes]]:
    """Return each chart with its drawings."""
    return {name: (spec, draw_svg(spec), draw_png(spec)) for name, spec in comparison_specs(report).items()}


def comparison_specs(report: Report) -> dict[str, Spec]:
    """Return the factor planes, the tree where there are two joinings or more, and the maps, by name of file."""
    reading = report.reading
    specs = {f"plan-{plane.analysis}": plane_spec(plane) for plane in reading.planes}
    if len(reading.tree) > 1:
        specs["arbre"] = tree_spec(reading.tree)
    return specs | {f"carte-{slug(shown.name)}": map_spec(shown) for shown in reading.maps}
