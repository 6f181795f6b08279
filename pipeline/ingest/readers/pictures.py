"""Read what is written on a picture with the model that the extra « ocr » brings (RapidOCR).

Lines written on one paper become one block. Lines that the model is not sure of are set aside as
`meta` blocks: they are listed, and are no passages.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, RawBlock, RawPart, corrupt, no_text
from pipeline.ingest.readers.blocks import Draft, blocks_of_drafts, is_label
from pipeline.ingest.words import bullet_of, clean, has_letters, starts_low

TAKEN_FOR = "photo, lue par machine"
_PACKAGE = "rapidocr"
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_MAX_PIXELS = 100_000_000
_MAX_FRAMES = 50  # of a scan of several pages
# raised by Pillow for bad bytes
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
)
_LONG_SIDE = 2000  # pixels; a larger picture is no better read
_MIN_CONFIDENCE = 0.8  # of a line, 0..1
_FOREIGN = re.compile(r"[\u0370-\u1fff\u2e80-\ud7ff\uf900-\ufaff]")  # letters that are not Latin
# Chinese punctuation as the model writes it
_SIGNS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3002: ".", 0x3001: ","}
_GAP = 0.75  # of a line's height: more space below it ends the paragraph
_SPACE = 1.5  # likewise, between two pieces of one line
_HEIGHTS = (0.55, 1.8)  # of a line to the one above
_LARGE = 1.25  # times the usual height: a title
_COLOURED = 0.06  # distance to grey of a coloured paper
_SAME_HUE = 0.035
_SAME_LIGHT = (0.5, 2.0)  # a shadow may fall between two lines
_HOLE = "[…]"  # for a line that is not sure
_Thing = TypeVar("_Thing")

Corners = NDArray[np.float64]  # (4, 2): upper left, upper right, lower right, lower left
Pixels = NDArray[np.uint8]  # (height, width, 3)
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class WrittenLine:
    """A line of a picture, and the colour of the paper around it."""

    text: str
    confidence: float  # 0..1
    corners: Corners
    paper: NDArray[np.float64]

    @property
    def height(self) -> float:
        """Return the height of its letters, in pixels."""
        left = np.linalg.norm(self.corners[3] - self.corners[0])
        right = np.linalg.norm(self.corners[2] - self.corners[1])
        return max(float(left + right) / 2, 1.0)

    @property
    def is_sure(self) -> bool:
        """Whether the model is sure of it, and it is in Latin letters."""
        return self.confidence >= _MIN_CONFIDENCE and not _FOREIGN.search(self.text)

    def box_of(self, other: Corners) -> Box:
        """Return the box of `other` as seen along this line, which may be tilted."""
        along = self.corners[1] - self.corners[0]
        along = along / max(float(np.linalg.norm(along)), 1.0)
        across = np.array([-along[1], along[0]])
        xs, ys = (other - self.corners[0]) @ along, (other - self.corners[0]) @ across
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())


LineReader = Callable[[Pixels], list[WrittenLine]]


def ocr_version() -> str | None:
    """Return the version of the package that reads pictures, None where it is not installed."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return None


def load_line_reader() -> LineReader | None:
    """Load the model; None where the extra is not installed. It runs on one thread."""
    if ocr_version() is None:
        return None
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(
        params={
            **threads,
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.text_score": 0.0,
        }
    )

    def read(pixels: Pixels) -> list[WrittenLine]:
        found: Any = engine(np.ascontiguousarray(pixels[..., ::-1]))  # in BGR, as OpenCV does
        if found.txts is None:
            return []
        lines = zip(found.txts, found.scores, found.boxes, strict=True)
        return [
            WrittenLine(
                text.translate(_SIGNS).strip(),
                float(score),
                np.asarray(corners, dtype=np.float64),
                colour_of(pixels, np.asarray(corners, dtype=np.float64)),
            )
            for text, score, corners in lines
            if text.strip()
        ]

    read(np.full((64, 256, 3), 255, np.uint8))  # what is imported late is imported now
    return read


def read_picture(file: FileContent) -> tuple[RawPart, ...]:
    """Return what is written on a picture, as one part.

    Raises `ReadError` for a damaged, oversized or blank picture. Needs `file.read_lines`.
    """
    assert file.read_lines is not None
    blocks = [
        block for pixels in _frames(file) for block in blocks_of_picture(pixels, file.read_lines)
    ]
    if not blocks:
        raise no_text("image ou photo")
    return (RawPart(tuple(blocks), taken_for=TAKEN_FOR, is_machine_read=True),)


def blocks_of_picture(pixels: Pixels, read_lines: LineReader) -> list[RawBlock]:
    """Return a block for each paper, paragraph or bullet of a picture, in reading order.

    Lines that the model is not sure of come last.
    """
    papers = _papers(read_lines(pixels), pixels)
    aside = [
        RawBlock(clean(line.text), "meta", reason="unsure reading")
        for paper in papers
        for line in paper
        if not (line.is_sure and _is_kept(paper))
    ]
    kept = list(filter(_is_kept, papers))
    return [*_blocks(kept), *(block for block in aside if block.text)]


def _frames(file: FileContent) -> Iterator[Pixels]:
    from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

    Image.init()
    try:
        with Image.open(io.BytesIO(file.content), formats=_FORMATS) as image:
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number and image.format != "TIFF":  # of an animation, the first is enough
                    return
                if frame.width * frame.height > _MAX_PIXELS or number >= _MAX_FRAMES:
                    raise _too_large()
                if max(frame.size) > 2 * _LONG_SIDE:
                    frame.draft("RGB", (_LONG_SIDE, _LONG_SIDE))
                yield _pixels(ImageOps.exif_transpose(frame))
    except UnidentifiedImageError as error:
        raise ReadError(
            "image d'un format non lu (photo .heic d'iPhone, dessin)",
            "une image .jpg, .png, .webp, .tif ou .bmp",
            "l'ouvrir, l'enregistrer en .jpg puis la redéposer",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _DAMAGED as error:
        raise corrupt("le fichier de l'image") from error


def _too_large() -> ReadError:
    return ReadError(
        "image démesurée",
        f"{_MAX_PIXELS // 1_000_000} millions de points et {_MAX_FRAMES} pages au plus",
        "la réduire ou la découper, puis la redéposer",
    )


def _pixels(image: Any) -> Pixels:
    """Return the pixels on white, at most `_LONG_SIDE` long."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(layer, mask=layer)
    image = image.convert("RGB")
    side = max(image.size)
    if side > _LONG_SIDE:
        share = _LONG_SIDE / side
        size = (max(round(image.width * share), 1), max(round(image.height * share), 1))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image)


def colour_of(pixels: Pixels, corners: Corners) -> NDArray[np.float64]:
    """Return the median colour of the four-sided area `corners`: the paper's, not the ink's."""
    across, down = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 8))
    across, down = across[..., None], down[..., None]
    top = corners[0] * (1 - across) + corners[1] * across
    bottom = corners[3] * (1 - across) + corners[2] * across
    points = np.rint(top * (1 - down) + bottom * down).astype(int).reshape(-1, 2)
    xs = points[:, 0].clip(0, pixels.shape[1] - 1)
    ys = points[:, 1].clip(0, pixels.shape[0] - 1)
    colour: NDArray[np.float64] = np.median(pixels[ys, xs].astype(np.float64), axis=0)
    return colour


def _hue(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    hue: NDArray[np.float64] = (colour + 1) / (colour + 1).sum()
    return hue


def _is_same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    light = (float(one.sum()) + 3) / (float(other.sum()) + 3)
    distance = float(np.linalg.norm(_hue(one) - _hue(other)))
    return distance <= _SAME_HUE and _SAME_LIGHT[0] <= light <= _SAME_LIGHT[1]


def _is_coloured(line: WrittenLine) -> bool:
    return float(np.linalg.norm(_hue(line.paper) - 1 / 3)) >= _COLOURED


def _papers(lines: Sequence[WrittenLine], pixels: Pixels) -> list[list[WrittenLine]]:
    """Return the lines of each paper or paragraph, both in reading order."""
    groups = list(range(len(lines)))
    for i, line in enumerate(lines):
        for j, other in enumerate(lines):
            if groups[i] != groups[j] and _goes_on(line, other, pixels):
                groups = [groups[i] if group == groups[j] else group for group in groups]
    papers = []
    for group in dict.fromkeys(groups):
        own = [line for line, its in zip(lines, groups, strict=True) if its == group]
        papers.append(_in_order(own, [own[0].box_of(line.corners) for line in own]))
    return _in_order(papers, [_box_of_paper(paper) for paper in papers])


def _goes_on(line: WrittenLine, other: WrittenLine, pixels: Pixels) -> bool:
    """Whether `other` is the next line, or the next piece of this line, on the same paper."""
    left, top, right, bottom = line.box_of(other.corners)
    height, width = line.height, line.box_of(line.corners)[2]
    if not _HEIGHTS[0] <= other.height / height <= _HEIGHTS[1]:
        return False
    if not _is_same(line.paper, other.paper):
        return False
    low = min(height, other.height)
    if abs((top + bottom) / 2 - height / 2) < low / 2:  # beside it
        if not -low < left - width <= _SPACE * low:
            return False
        between = (line.corners[1], other.corners[0], other.corners[3], line.corners[2])
        return left <= width or _is_same(line.paper, colour_of(pixels, np.array(between)))
    overlap = min(right, width) - max(left, 0.0)
    if (top + bottom) / 2 < height / 2 or overlap < 0.3 * min(right - left, width):
        return False
    if bullet_of(other.text) or top - height > _GAP * low:
        return False
    between = (line.corners[3], line.corners[2], other.corners[1], other.corners[0])
    return top <= height or _is_same(line.paper, colour_of(pixels, np.array(between)))


def _box_of_paper(paper: Sequence[WrittenLine]) -> Box:
    corners = np.concatenate([line.corners for line in paper])
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _in_order(things: Sequence[_Thing], boxes: Sequence[Box]) -> list[_Thing]:
    """Return `things` row by row, each from left to right.

    Things are in one row where the middle of one is beside the first or the other way round.
    """
    middles = [(top + bottom) / 2 for _, top, _, bottom in boxes]
    left_over = sorted(range(len(things)), key=lambda i: middles[i])
    ordered: list[_Thing] = []
    while left_over:
        first = left_over[0]
        row = [
            i
            for i in left_over
            if boxes[first][1] <= middles[i] <= boxes[first][3]
            or boxes[i][1] <= middles[first] <= boxes[i][3]
        ]
        ordered += [things[i] for i in sorted(row, key=lambda i: boxes[i][0])]
        left_over = [i for i in left_over if i not in row]
    return ordered


def _blocks(papers: Sequence[Sequence[WrittenLine]]) -> list[RawBlock]:
    """Return the blocks of papers, with « […] » for lines that are not sure.

    On coloured papers nothing is a title but a label such as « Table 3 », and each is a post-it.
    """
    lines = [line for paper in papers for line in paper]
    if not lines:
        return []
    usual = median(line.height for line in lines)
    are_post_its = sum(map(_is_coloured, lines)) * 2 > len(lines)
    drafts = []
    for paper in papers:
        large = median(line.height for line in paper) > _LARGE * usual
        drafts.append(Draft(_joined(paper), is_start=True, is_strong=large and not are_post_its))
    if not are_post_its:
        return blocks_of_drafts(drafts)
    blocks = blocks_of_drafts(drafts, has_headings=False)
    return [_post_it(block) for block in blocks]


def _post_it(block: RawBlock) -> RawBlock:
    if is_label(block.text):
        return replace(block, kind="heading", level=3)
    return replace(block, channel="postit")


def _is_kept(paper: Sequence[WrittenLine]) -> bool:
    """Whether most of a paper is sure, and says something."""
    sure = [line.text for line in paper if line.is_sure]
    n_sure, n_all = sum(map(len, sure)), sum(len(line.text) for line in paper)
    return 2 * n_sure >= n_all and any(map(has_letters, sure))


def _joined(paper: Sequence[WrittenLine]) -> str:
    """Return the lines in one, words cut at a line's end joined again."""
    text = ""
    for line in paper:
        piece = line.text if line.is_sure else _HOLE
        if piece == _HOLE and (text.endswith(_HOLE) or not has_letters(line.text)):
            continue
        is_cut = bool(re.search(r"[^\W\d_]-$", text)) and starts_low(piece)
        text = text[:-1] + piece if is_cut else f"{text} {piece}".strip()
    return text
