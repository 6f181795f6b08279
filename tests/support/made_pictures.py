"""Draw pictures of what people write in a workshop, with the words that are on them.

Hand-writing is imitated with Debian's free fonts (`FONTS`), each word with its own slant and height;
where none is installed, Pillow's own font is used.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_FOLDER = Path("/usr/share/fonts")
# Debian's fonts-comic-neue, -dkg-handwriting, -breip, -dancingscript, -ecolier-court,
# -opendyslexic, -kristi, -liberation and -dejavu-core
MARKERS = (
    "opentype/comic-neue/ComicNeue-Bold.otf",
    "truetype/fifthhorseman/dkgBd.ttf",
    "truetype/breip/Breip.ttf",
    "opentype/opendyslexic/OpenDyslexic-Bold.otf",
)
PENS = (
    "opentype/dancingscript/DancingScript-Regular.otf",
    "truetype/ecolier-court/Ecolier-court.ttf",
    "opentype/comic-neue/ComicNeue-LightItalic.otf",
    "truetype/fifthhorseman/dkg.ttf",
    "truetype/kristi/Kristi.ttf",
)
TYPED = (
    "truetype/liberation/LiberationSerif-Regular.ttf",
    "truetype/liberation/LiberationSans-Regular.ttf",
    "truetype/dejavu/DejaVuSans.ttf",
)
PAPERS = ("#fff27a", "#ffb3c7", "#a8e6a1", "#9fd8f5", "#ffc98a", "#f7f7f2")
INKS = ("#1a1a1a", "#1b2a6b", "#222244", "#7a1020")

NOTES = (
    "Plus de bus le soir et le week-end",
    "Créer une épicerie solidaire à Séverac",
    "Les jeunes partent faute de logements",
    "Manque de médecins généralistes",
    "Partager les salles entre associations",
    "Un tiers-lieu au coeur du bourg",
    "Former les bénévoles à la comptabilité",
    "Trop de dossiers de subvention",
    "Réseau d'entraide entre voisins très fort",
    "Covoiturage pour aller aux marchés",
    "Friche de l'ancienne gare à réutiliser",
    "Difficile de trouver des trésoriers",
    "Accueillir les nouveaux arrivants",
    "Mutualiser les achats des crèches",
    "Peur de la fermeture de l'école",
    "Recyclerie : où stocker les meubles ?",
    "Aînés isolés pendant l'hiver",
    "Numérique : besoin d'un conseiller itinérant",
    "La monnaie locale marche bien",
    "Financements trop courts, un an seulement",
    "Garder les terres agricoles près des villages",
    "Repas à domicile, côté plateau",
    "Un atelier vélo à Châteauneuf",
    "On ne connaît pas les élus",
    "Salariés épuisés, équipes à bout",
    "Une ressourcerie gérée par les habitants",
    "Le café associatif crée du lien",
    "Prêter un minibus aux clubs",
    "Événements communs l'été prochain",
    "Où sont les personnes handicapées ?",
)
HEADINGS = (
    "Table 3 : ce qui marche",
    "Nos idées",
    "Freins",
    "Propositions",
    "Besoins du territoire",
)
MINUTES = (
    "La réunion s'ouvre à neuf heures trente en présence des associations du canton.",
    "Les participants regrettent la fermeture de la ligne de bus qui reliait le plateau à la gare.",
    "Plusieurs structures proposent de mettre en commun un véhicule et un carnet de chauffeurs.",
    "Le trésorier rappelle que les subventions annuelles empêchent d'embaucher durablement.",
    "Une épicerie itinérante desservirait les hameaux isolés deux fois par semaine.",
    "Il est décidé de rencontrer la communauté de communes avant la fin du mois de février.",
    "Les bénévoles souhaitent une formation à la gestion et à l'accueil des personnes âgées.",
    "La ressourcerie cherche un local chauffé pour stocker les meubles et les vélos.",
    "L'école a perdu une classe à la rentrée, ce qui inquiète les familles installées récemment.",
    "Les élus présents s'engagent à prêter la salle des fêtes pendant l'été.",
)


@dataclass(frozen=True)
class Picture:
    """An image, the kind of picture it is, and what is written on each of its papers."""

    kind: str
    content: bytes
    papers: tuple[str, ...]
    extension: str = ".png"


def font_of(path: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Debian's font, else Pillow's own."""
    file = _FOLDER / path
    return ImageFont.truetype(str(file), size) if file.exists() else ImageFont.load_default(size)


def write_words(
    image: Image.Image,
    text: str,
    *,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    ink: str,
    corner: tuple[int, int],
    width: int,
    random: Random | None = None,
    spacing: float = 1.25,
) -> int:
    """Write `text` in lines no wider than `width` and return the y below; `random` jitters words."""
    draw = ImageDraw.Draw(image)
    left, y = corner
    height = round(sum(font.getmetrics()) * spacing * 0.8)
    space = draw.textlength(" ", font=font)
    x = float(left)
    for word in text.split():
        length = draw.textlength(word, font=font)
        if x > left and x + length > left + width:
            x, y = float(left), y + height
        if random is None:
            draw.text((x, y), word, font=font, fill=ink)
        else:
            _write_slanted(image, word, font, ink, (round(x), y), random)
        x += length + space * (random.uniform(0.9, 1.5) if random else 1)
    return y + height


def _write_slanted(image, word, font, ink, corner, random) -> None:
    size = font.getmetrics()[0]
    margin = size
    length = round(font.getlength(word))
    layer = Image.new("L", (length + 2 * margin, 3 * size), 0)
    ImageDraw.Draw(layer).text((margin, size), word, font=font, fill=255)
    layer = layer.rotate(random.uniform(-2.5, 2.5), resample=Image.Resampling.BICUBIC)
    at = (corner[0] - margin, corner[1] - size + round(random.uniform(-0.05, 0.05) * size))
    image.paste(Image.new("RGB", layer.size, ink), at, layer)


def post_it(text: str, random: Random, fonts: Sequence[str], side: int = 380) -> Image.Image:
    """Return a square paper with `text` written by hand."""
    paper = Image.new("RGB", (side, side), random.choice(PAPERS))
    size = random.choice((44, 50, 56)) * side // 380
    path, ink, words = random.choice(fonts), random.choice(INKS), text.split()
    while True:  # smaller until the text fits
        font, written = font_of(path, size), paper.copy()
        bottom = write_words(
            written,
            text,
            font=font,
            ink=ink,
            corner=(side // 14, side // 8),
            width=side - side // 6,
            random=random,
        )
        if bottom <= side * 0.95 and max(map(font.getlength, words)) <= side * 0.8:
            return written
        size -= 3


def wall(
    random: Random, n_papers: int, fonts: Sequence[str]
) -> tuple[Image.Image, tuple[str, ...]]:
    """Return post-its on a wall, each turned by up to 8 degrees."""
    n_columns = math.ceil(math.sqrt(n_papers))
    n_rows = math.ceil(n_papers / n_columns)
    step = 440
    image = Image.new("RGB", (n_columns * step + 60, n_rows * step + 60), "#d9d5cc")
    texts = tuple(random.sample(NOTES, n_papers))
    for i, text in enumerate(texts):
        paper = post_it(text, random, fonts).convert("RGBA")
        turned = paper.rotate(random.uniform(-8, 8), expand=True, resample=Image.Resampling.BICUBIC)
        x = 50 + i % n_columns * step + random.randint(-12, 12)
        y = 50 + i // n_columns * step + random.randint(-12, 12)
        image.paste(turned, (x, y), turned)
    return image, texts


def flip_chart(random: Random, fonts: Sequence[str]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a photographed sheet with a heading and a list."""
    image = Image.new("RGB", (1150, 2400), "#f4f3ef")
    font, ink = random.choice(fonts), random.choice(INKS)
    heading = random.choice(HEADINGS)
    texts = random.sample(NOTES, 6)
    y = write_words(
        image,
        heading,
        font=font_of(font, 84),
        ink=ink,
        corner=(90, 90),
        width=1000,
        random=random,
    )
    for text in texts:
        y = write_words(
            image,
            f"- {text}",
            font=font_of(font, 62),
            ink=ink,
            corner=(90, y + 45),
            width=980,
            random=random,
        )
    return image.crop((0, 0, image.width, y + 120)), (heading, *texts)


def minutes(random: Random) -> tuple[Image.Image, tuple[str, ...]]:
    """Return an A4 page of typed minutes at 150 dots an inch."""
    image = Image.new("RGB", (1240, 1754), "white")
    font = font_of(random.choice(TYPED), 27)
    paragraphs = tuple(" ".join(random.sample(MINUTES, 3)) for _ in range(3))
    y = 160
    for text in paragraphs:
        y = write_words(image, text, font=font, ink="#111111", corner=(150, y), width=940) + 45
    return image, paragraphs


def warped(image: Image.Image, random: Random, share: float = 0.06) -> Image.Image:
    """Return `image` seen from aside: each corner moves by up to `share` of the sides."""
    width, height = image.size
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    moved = [
        (x + random.uniform(-1, 1) * share * width, y + random.uniform(-1, 1) * share * height)
        for x, y in corners
    ]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    weights = np.linalg.solve(np.array(rows), np.array(values))
    return image.transform(
        image.size,
        Image.Transform.PERSPECTIVE,
        tuple(weights),
        resample=Image.Resampling.BICUBIC,
        fillcolor="#8d8880",
    )


def shadowed(image: Image.Image, random: Random) -> Image.Image:
    """Return `image` darker towards one side, with the photographer's shadow."""
    width, height = image.size
    xs, ys = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    angle = random.uniform(0, 2 * math.pi)
    slope = (xs - 0.5) * math.cos(angle) + (ys - 0.5) * math.sin(angle)
    light = 0.8 + 0.4 * slope
    light = np.where(slope < random.uniform(-0.2, 0.0), light * 0.7, light)
    pixels = np.asarray(image, dtype=np.float64) * light[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def noisy(image: Image.Image, random: Random, strength: float) -> Image.Image:
    """Return `image` with the grain of a sensor."""
    noise = np.random.default_rng(random.randrange(2**32)).normal(
        0, strength, (*image.size[::-1], 3)
    )
    pixels = np.asarray(image, dtype=np.float64) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def shrunk(image: Image.Image, share: float) -> Image.Image:
    """Return `image` at a lower resolution."""
    size = (round(image.width * share), round(image.height * share))
    return image.resize(size, Image.Resampling.BILINEAR)


def encoded(image: Image.Image, extension: str = ".png", quality: int = 88) -> bytes:
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".bmp": "BMP"}
    image.save(buffer, kind[extension], quality=quality)
    return buffer.getvalue()


Drawing = tuple[Image.Image, tuple[str, ...]]


def _one(random: Random) -> Drawing:
    text = random.choice(NOTES)
    image = Image.new("RGB", (520, 520), "#d9d5cc")
    image.paste(post_it(text, random, MARKERS), (70, 70))
    return image, (text,)


def _angled(random: Random) -> Drawing:
    image, texts = wall(random, random.choice((4, 6)), MARKERS)
    return noisy(shadowed(warped(image, random), random), random, 4), texts


def _poor(random: Random) -> Drawing:
    image, texts = wall(random, random.choice((4, 6)), MARKERS)
    return noisy(shrunk(image, 0.45).filter(ImageFilter.GaussianBlur(0.9)), random, 6), texts


def _chart(random: Random) -> Drawing:
    image, texts = flip_chart(random, MARKERS)
    return shadowed(warped(image, random, 0.04), random), texts


def _cursive_chart(random: Random) -> Drawing:
    image, texts = flip_chart(random, PENS)
    return noisy(warped(image, random, 0.03), random, 4), texts


def _scan(random: Random) -> Drawing:
    image, texts = minutes(random)
    turned = image.rotate(
        random.uniform(-1.5, 1.5), resample=Image.Resampling.BICUBIC, fillcolor="white"
    )
    return noisy(turned, random, 8), texts


def _pale_scan(random: Random) -> Drawing:
    image, texts = minutes(random)
    pale = Image.blend(shrunk(image, 0.6), Image.new("RGB", (744, 1052), "#e8e4da"), 0.55)
    return noisy(pale.filter(ImageFilter.GaussianBlur(0.5)), random, 5), texts


KINDS: dict[str, tuple[Callable[[Random], Drawing], str, int]] = {
    "un post-it": (_one, ".png", 90),
    "mur de post-its": (lambda random: wall(random, random.choice((4, 6, 9)), MARKERS), ".jpg", 88),
    "mur de biais, à l'ombre": (_angled, ".jpg", 80),
    "petite photo floue": (_poor, ".jpg", 40),
    "post-its au stylo": (lambda random: wall(random, 4, PENS), ".webp", 85),
    "paperboard": (_chart, ".jpg", 80),
    "paperboard en cursive": (_cursive_chart, ".jpg", 80),
    "compte rendu scanné": (_scan, ".tif", 90),
    "compte rendu pâle": (_pale_scan, ".jpg", 60),
}


def made_pictures(n_each: int = 5, *, seed: int = 7) -> list[Picture]:
    """Return `n_each` pictures of each kind, the same for the same seed."""
    pictures = []
    for kind, (draw, extension, quality) in KINDS.items():
        for i in range(n_each):
            image, texts = draw(Random(f"{seed} {kind} {i}"))
            pictures.append(Picture(kind, encoded(image, extension, quality), texts, extension))
    return pictures
