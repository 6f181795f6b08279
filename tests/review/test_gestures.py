"""What the ten most frequent gestures cost in keys and clicks, and how far the main action of a page is by keyboard alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pipeline.study import Study
from support.review_pages import address
from support.review_server import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_MAX_TABS = 3


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    study = new_study()
    with serving(study) as server:
        yield server


class Hand:
    """A person at a page: each key and each click counts one, what she types in a field nothing."""

    def __init__(self, page: Page) -> None:
        self.page, self.n = page, 0

    def press(self, key: str) -> None:
        self.n += 1
        self.page.keyboard.press(key)

    def click(self, what: str | Locator) -> None:
        self.n += 1
        (self.page.locator(what) if isinstance(what, str) else what).click()

    def choose(self, field: str, value: str) -> None:
        """Open a list, and choose in it."""
        self.n += 2
        self.page.select_option(field, value)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)


@dataclass(frozen=True)
class Gesture:
    start: str  # a page of support.review_pages
    most: int
    play: Callable[[Hand], None]
    done: Callable[[Served, Page], None]  # raises unless it is done


def _last(served: Served) -> str:
    return str(served.decisions()["action"].iloc[-1])


def _decided(action: str) -> Callable[[Served, Page], None]:
    def check(served: Served, page: Page) -> None:
        expect(page.locator("#fait")).not_to_be_empty()
        assert _last(served) == action

    return check


def _reject_then_undo(hand: Hand) -> None:
    hand.page.keyboard.press("1")
    expect(hand.page.locator("#annuler")).to_be_enabled()
    hand.press("u")
    expect(hand.page.locator("#fait")).to_contain_text("Annulé")


def _next(hand: Hand) -> None:
    shown = hand.page.locator(".said").get_attribute("data-unit")
    hand.press("j")
    expect(hand.page.locator(".said")).not_to_have_attribute("data-unit", str(shown))


def _add_code(hand: Hand) -> None:
    hand.press("a")
    hand.type("écoconc")
    hand.press("Enter")


def _merge(hand: Hand) -> None:
    page = hand.page
    page.goto(
        f"{page.url.rsplit('/', 1)[0]}/{page.locator('#autre option').nth(2).get_attribute('value')}"
    )
    other = page.locator("#autre option").nth(3)
    hand.choose("#autre", str(other.get_attribute("value")))
    expect(hand.page.locator("#reunis")).to_contain_text("Ensemble, sous le nom")
    expect(hand.page.locator("#reunis strong")).to_contain_text("passages")
    hand.click(hand.page.get_by_role("button", name="Réunir"))


def _find(hand: Hand) -> None:
    hand.press("/")
    hand.type("transport")
    hand.press("Enter")
    hand.click(".found a >> nth=0")


def _rename(hand: Hand) -> None:
    hand.page.locator("#nom").evaluate("field => field.value = ''")  # typed over
    hand.click("#nom")
    hand.type("Venir sans voiture")
    hand.click(hand.page.get_by_role("button", name="Renommer", exact=True))


def _read_priority(hand: Hand) -> None:
    hand.click(".first a >> nth=0")


def _run(hand: Hand) -> None:
    hand.click(".steps a:has-text('Traiter')")
    expect(hand.page.locator("#traiter")).to_be_in_viewport()
    hand.n += 1  # the button itself: a run would take a minute


def _download(hand: Hand) -> None:
    hand.click(".steps a:has-text('Publier')")
    with hand.page.expect_download():
        hand.click("#fichiers ~ * a[href*='rapport.docx'] >> nth=0")


def _at(selector: str, text: str = "") -> Callable[[Served, Page], None]:
    return lambda _served, page: expect(page.locator(selector).first).to_contain_text(text)


def _is_merged(served: Served, page: Page) -> None:
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    assert _last(served) == "merge_theme"


GESTURES = {
    "validate a passage": Gesture(
        "passages", 1, lambda hand: hand.press("v"), _decided("confirm_unit")
    ),
    "reject a code": Gesture("passages", 1, lambda hand: hand.press("1"), _decided("reject_tag")),
    "undo": Gesture("passages", 1, _reject_then_undo, _decided("undo")),
    "next passage": Gesture("passages", 1, _next, _at("#passage-titre")),
    "add a code": Gesture("passages", 2, _add_code, _decided("add_tag")),
    "merge two themes, seeing first what they become": Gesture("theme", 3, _merge, _is_merged),
    "find a passage and open it": Gesture("accueil", 3, _find, _at(".said", "transport")),
    "rename a theme": Gesture("theme", 2, _rename, _at("h1", "Venir sans voiture")),
    "read what a priority is made of": Gesture(
        "accueil", 1, _read_priority, _at(".quotes blockquote")
    ),
    "process what came in": Gesture("accueil", 2, _run, _at("#traiter")),
    "take the report away": Gesture("accueil", 2, _download, _at("h1", "Publier")),
}


@pytest.mark.parametrize("name", GESTURES)
def test_a_frequent_gesture_costs_few_keys_and_clicks(
    served: Served, browser: Browser, name: str
) -> None:
    gesture = GESTURES[name]
    page = served.open(browser, "alix", "", accept_downloads=True)
    page.goto(address(gesture.start, served))
    hand = Hand(page)
    gesture.play(hand)
    gesture.done(served, page)
    assert 0 < hand.n <= gesture.most


MAIN_ACTIONS = {
    "connexion": "[name=username]",
    "depot": "[data-picks=choix-dossier]",
    "traiter": "#traiter",
    "passages": "#valider",
    "theme": ".reading [type=radio]",
    "publier": "#publier",
    "recherche": ".found a",
}

_SKIPS_TO = """([skip, action]) => {
  const target = document.querySelector(skip.getAttribute("href"));
  const wanted = document.querySelector(action);
  return target !== null && target.id !== "contenu" && (target === wanted || target.contains(wanted));
}"""


@pytest.mark.parametrize("name", MAIN_ACTIONS)
def test_the_main_action_is_three_tabs_away_without_single_keys(
    served: Served, browser: Browser, name: str
) -> None:
    account = None if name == "connexion" else "chantal"
    page = served.open(browser, account, "connexion" if account is None else "compte")
    if account:
        page.uncheck("[name=has_keys]")
        page.click("text=Enregistrer")
    page.goto(address(name, served))
    assert _tabs_to(page, MAIN_ACTIONS[name]) <= _MAX_TABS
    if name == "passages":  # and again on the passage that comes next
        page.keyboard.press("Enter")
        expect(page.locator("#passage-titre")).to_be_focused()
        assert _tabs_to(page, MAIN_ACTIONS[name], is_afresh=False) <= _MAX_TABS


def _tabs_to(page: Page, action: str, *, is_afresh: bool = True) -> int:
    """How often Tab is pressed before `action` has the focus, links that skip to it taken."""
    wanted = page.locator(action).first
    if is_afresh and wanted.evaluate("element => element === document.activeElement"):
        return 0
    has_own = page.locator(".skip").evaluate_all(
        f"(skips, action) => skips.some(skip => ({_SKIPS_TO})([skip, action]))", action
    )
    for n in count(1):
        assert n < 60
        page.keyboard.press("Tab")
        focused = page.evaluate_handle("document.activeElement")
        if wanted.evaluate("(element, focused) => element === focused", focused):
            return n
        if not focused.evaluate("element => element.matches('.skip')"):
            continue
        if not has_own or focused.evaluate(
            f"(skip, action) => ({_SKIPS_TO})([skip, action])", action
        ):
            page.keyboard.press("Enter")
            if wanted.evaluate("element => element === document.activeElement"):
                return n
    raise AssertionError
