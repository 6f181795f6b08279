"""The documentation tells of nothing that is not so: commands, settings, paths, links and tables exist, and the site builds.

Its blocks of commands are run by tests/test_docs_commands.py.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline.cli import make_parser
from pipeline.depot import Inventory
from pipeline.errors import UsageError
from pipeline.ingest.workshop import read_manifest
from pipeline.settings import Settings
from pipeline.tables import TABLES
from pipeline.tables.material import DECISIONS
from support.docs_read import (
    GUIDES,
    PAGES,
    ROOT,
    anchors_of,
    blocks_of,
    paragraphs_of,
    spans_of,
    text_of,
)

NAMES = {page: page.relative_to(ROOT).as_posix() for page in PAGES}
MASKS = {
    "[personne]",
    "[courriel]",
    "[adresse]",
    "[compte]",
}  # what hides names in texts, not sections of settings
MEASURES = {"themes.ami", "themes.left_out"}  # of `ateliers evaluate`, not columns
TOP = ("docs", "pipeline", "models", "flows", "data", "tests")


def on_pages(pages=PAGES):
    return pytest.mark.parametrize("page", pages, ids=lambda page: NAMES[page])


# --- commands ----------------------------------------------------------------------------------------------------------------


def written_out(command: str) -> list[list[str]]:
    """What a command told as `ateliers run ÉTUDE [--yes]` stands for: with and without what is in brackets."""
    command = command.replace("…", "").replace("FORMAT", "csv")
    command = command.replace("qdpx|qdc", "qdpx")
    return [shlex.split(re.sub(r"\[(.*?)\]", kept, command)) for kept in ("", r"\1")]


@on_pages(GUIDES)
def test_every_command_named_in_the_prose_is_one_that_the_program_reads(page):
    told = [
        span
        for span in spans_of(page)
        if span.startswith("ateliers ") and not re.fullmatch(r"ateliers [a-z]+( --[a-z-]+)?", span)
    ]
    refused = [
        span
        for span in told
        for words in written_out(span.replace("[--port N]", "[--port 1]"))
        if not is_read(words[1:])
    ]
    assert not refused


def is_read(words: list[str]) -> bool:
    """Whether the program reads the words of a command."""
    try:
        make_parser().parse_args(words)
    except UsageError:
        return False
    return True


@on_pages(GUIDES)
def test_every_command_and_option_named_alone_exists(page):
    subcommands = next(
        action for action in make_parser()._actions if action.choices and action.metavar
    ).choices
    options = {
        option
        for command in subcommands.values()
        for action in command._actions
        for option in action.option_strings
    }
    for span in spans_of(page):
        if match := re.fullmatch(r"ateliers ([a-z]+)( --[a-z-]+)?", span):
            assert match[1] in subcommands, span
            assert not match[2] or match[2].strip() in options, span
        elif match := re.fullmatch(r"(--[a-z-]+)( [A-Za-zÉ]+)?", span):
            assert match[1] in options | {"--compare", "--base"}, (
                span
            )  # of python -m tools.training.…


@on_pages(GUIDES)
def test_every_make_target_and_python_module_named_exists(page):
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for span in spans_of(page):
        if match := re.fullmatch(r"make ([a-z-]+)", span):
            assert match[1] in targets, span
        elif match := re.match(r"python -m ([\w.]+)", span):
            place = ROOT / match[1].replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), span
        elif match := re.fullmatch(r"(?:\.venv/bin/python -m )?pytest (tests/\S+)", span):
            assert (ROOT / match[1]).exists(), span


@on_pages(GUIDES)
def test_every_deployment_named_is_one_of_our_flows(page):
    flows = set(
        re.findall(
            r'@flow\(name="([a-z_]+)"',
            " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "flows").glob("*.py")),
        )
    )
    for span in spans_of(page):
        if match := re.fullmatch(r"(?:prefect deployment run ')?([a-z]+_[a-z_]+)/[\w…-]+'?", span):
            assert match[1] in flows, f"{NAMES[page]} : {span}"


# --- settings ----------------------------------------------------------------------------------------------------------------


def settings_by_section() -> dict[str, object]:
    found: dict[str, object] = {name: getattr(Settings(), name) for name in Settings.model_fields}
    return found | {"rank.weights": Settings().rank.weights}


def as_told(value: object) -> set[str]:
    """How a default may be written."""
    if isinstance(value, bool):
        return {str(value).lower()}
    if isinstance(value, int | float):
        return {
            str(value),
            f"{value:g}",
            str(value).replace(".", ","),
            f"{value:g}".replace(".", ","),
        }
    return {str(value), f'"{value}"'}


@on_pages(GUIDES)
def test_every_setting_named_exists_with_the_default_that_is_told(page):
    sections = settings_by_section()
    for paragraph in paragraphs_of(page):
        section = None
        for match in re.finditer(
            r"`([^`\n]+)`(?: \((-?[\d.,]+|true|false)(?=[ );,:]| s\)))?", paragraph
        ):
            span, told = re.sub(r"\s+", " ", match[1]), match[2]
            key = span
            if named := re.fullmatch(r"\[([a-z_.]+)\](?: ([a-z_]+))?(?: = .*)?", span):
                if span in MASKS:
                    continue
                section, key = named[1], named[2] or ""
                assert section in sections, span
                assert not key or key in type(sections[section]).model_fields, (
                    f"{NAMES[page]} : {span}"
                )
            if section and told and key in type(sections[section]).model_fields:
                assert told.rstrip(",;:") in as_told(getattr(sections[section], key)), (
                    f"{NAMES[page]} : {span} ({told})"
                )


@on_pages(GUIDES)
def test_what_follows_a_section_and_a_colon_are_its_keys(page):
    sections = settings_by_section()
    for named, listed in re.findall(
        r"`\[([a-z_.]+)\]`(?: dans `etude\.toml`)? : ((?:`[a-z_]+`[^`.]*)+)",
        " ".join(paragraphs_of(page)),
    ):
        for key in re.findall(r"`([a-z_]+)`", listed):
            assert key in type(sections[named]).model_fields, f"{NAMES[page]} : [{named}] {key}"


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "toml"], ids=lambda block: block.lines[0]
)
def test_every_settings_block_is_accepted(block):
    assert Settings.model_validate(tomllib.loads(block.text)) != Settings()


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "yaml"], ids=lambda block: block.lines[0]
)
def test_every_yaml_block_is_a_manifest_or_a_part_of_a_grid(block, tmp_path):
    content = yaml.safe_load(block.text)
    if "axes" in content:
        from pipeline.grid import load_grid

        grid = (ROOT / "data" / "grid" / "grille-ateliers-territoires.yaml").read_text(
            encoding="utf-8"
        )
        (tmp_path / "grille.yaml").write_text(f"{grid}\n{block.text}", encoding="utf-8")
        assert {axis["id"] for axis in content["axes"]} <= {
            axis.axis for axis in load_grid(tmp_path / "grille.yaml").axes
        }
        return
    (tmp_path / "atelier").mkdir()
    (tmp_path / "atelier" / "atelier.yaml").write_text(block.text, encoding="utf-8")
    manifest = read_manifest(Inventory(tmp_path).at("atelier"))
    assert (manifest.rejects, manifest.territory) == ((), content["territoire"])


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.kind == "nginx"],
    ids=lambda block: NAMES[block.page],
)
def test_a_server_block_is_whole_and_leads_to_the_review(block):
    bare = [re.sub(r"\s+#.*", "", line) for line in block.lines]
    assert all(line.endswith(("{", "}", ";")) for line in bare)
    assert sum(line.endswith("{") for line in bare) == bare.count("}")
    port = make_parser().parse_args(["review", "etude"]).port
    assert f"proxy_pass http://127.0.0.1:{port};" in bare
    assert "proxy_set_header X-Forwarded-Proto https;" in bare


# --- paths, links, tables ----------------------------------------------------------------------------------------------------


@on_pages(GUIDES)
def test_every_path_named_exists(page):
    for span in spans_of(page):
        top = span.split("/")[0]
        if (
            top not in TOP
            or "/" not in span
            or not re.fullmatch(r"[\w./*-]+", span)
            or span == "models/"
        ):
            continue
        assert list(ROOT.glob(span.rstrip("/"))) or list(ROOT.glob(f"{span.rstrip('/')}*.md")), (
            f"{NAMES[page]} : {span}"
        )


@on_pages()
def test_every_link_leads_to_a_page_and_to_a_title_of_it(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{NAMES[page]} : {target}"
        assert not anchor or anchor in anchors_of(there), f"{NAMES[page]} : {target}"


def test_no_page_asks_for_anything_from_elsewhere():
    assert not [
        page
        for page in PAGES
        if re.search(r"!\[[^\]]*\]\(https?:|<(script|img|link)\b", text_of(page))
    ]


@on_pages(GUIDES)
def test_every_table_and_column_named_exists(page):
    tables = {**TABLES, "decisions": DECISIONS}
    text = " ".join(paragraphs_of(page))
    listed = re.findall(r"\btables? ((?:`[a-z_]+`(?:, | et )?)+)", text)
    for name in re.findall(r"`([a-z_]+)`", " ".join(listed)):
        assert name in tables, f"{NAMES[page]} : table {name}"
    for span in spans_of(page):
        match = re.fullmatch(r"([a-z_]+)\.([a-z_]+)", span)
        if match and match[1] in tables and span not in MEASURES:
            assert match[2] in {column.name for column in tables[match[1]].columns}, (
                f"{NAMES[page]} : {span}"
            )


@pytest.fixture(scope="module")
def our_words() -> set[str]:
    """Every name that our code, its lexicons or its settings write."""
    sources = [
        path
        for top in ("pipeline", "models", "flows", "tests")
        for path in (ROOT / top).rglob("*.py")
    ]
    sources += [ROOT / "pyproject.toml", *(ROOT / "data" / "lexicon").glob("*.yaml")]
    return set(re.findall(r"\w+", " ".join(path.read_text(encoding="utf-8") for path in sources)))


@on_pages(GUIDES)
def test_every_name_with_an_underscore_is_one_of_ours(page, our_words):
    elsewhere = {"proxy_pass", "AWS_PROFILE"}
    unknown = (
        {span for span in spans_of(page) if re.fullmatch(r"[A-Za-z]+(_[A-Za-z0-9]+)+", span)}
        - our_words
        - elsewhere
    )
    assert {name for name in unknown if not name.startswith("PREFECT_")} == set()


# --- the site ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The guide, built as `make guide` does."""
    folder = tmp_path_factory.mktemp("site")
    options = [
        "-b",
        "html",
        "-c",
        "docs/guide",
        "-d",
        str(folder / "doctrees"),
        "-W",
        "--keep-going",
        "-n",
        "-q",
    ]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(folder / "guide")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "guide"


@pytest.mark.slow
def test_the_guide_holds_every_page_and_fetches_nothing(site):
    pages = {page.relative_to(site).with_suffix("").as_posix() for page in site.rglob("*.html")}
    assert {NAMES[page].removesuffix(".md") for page in PAGES if page.name != "README.md"} <= pages
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+href="([^"]+)"',
            page.read_text(encoding="utf-8"),
        )
        assert not [
            address for pair in loaded for address in pair if re.match(r"(https?:)?//", address)
        ], page
    for style in site.rglob("*.css"):
        assert not re.search(
            r"@import|url\(['\"]?(https?:)?//", style.read_text(encoding="utf-8")
        ), style


def test_the_guide_speaks_french(site):
    english = re.compile(
        r"Skip to content|Back to top|On this page|Toggle |Light mode|Dark mode|Auto light|>Next<|>Previous<|Made with|Search"
    )
    for name in ("docs/index", "docs/analyste", "search"):
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        words = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
        assert not english.findall(re.sub(r'(?:src|href|id|class|name)="[^"]*"', "", words)), name
        assert 'lang="fr"' in page


def test_the_page_that_a_browser_opens_first_leads_to_the_guide(site):
    assert "url=docs/index.html" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.browser
def test_the_search_works_from_a_folder_without_accents_either(site):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for words in ("priorités", "priorites"):
            page.goto(f"{(site / 'search.html').as_uri()}?q={words}")
            found = page.locator("#search-results ul.search li a", has_text="Note de méthode")
            found.first.wait_for(timeout=120_000)  # results come in one after the other
        browser.close()
    assert {address.split(":")[0] for address in asked} <= {"file", "data"}
