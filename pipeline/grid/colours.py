"""Name the colours that a code may have, each told from the page in light and in dark."""

from collections.abc import Mapping

# at least 3 to 1 against the pages' backgrounds, the light and the dark ones
PALETTE: Mapping[str, str] = {
    "bleu": "#2f74c8",
    "azur": "#0e86b4",
    "turquoise": "#0f8a7e",
    "vert": "#3a8a3e",
    "olive": "#7a7f1c",
    "ocre": "#a8741a",
    "orange": "#c9611a",
    "rouge": "#cf4444",
    "rose": "#d1508f",
    "violet": "#8f62cf",
    "brun": "#96694a",
    "gris": "#737d87",
}
