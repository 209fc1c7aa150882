"""The page in a real browser: layout, contrast, sorting and requests.

Needs Chromium and its driver (Debian: chromium, chromium-driver). Selenium drives it, but never fetches a browser.
"""

import json
import shutil

import pytest

from fmnist_lab.comparison.assess import assess_table
from fmnist_lab.comparison.run_selection import Samples, join
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable
from fmnist_lab.comparison.table_output import write_comparison
from fmnist_lab.comparison.verdict_statistics import Published
from support.made_up_reproduction import NASTY, pretend_records

pytestmark = pytest.mark.promise

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",  # which Chromium needs where the tests run as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = 400, 1400
TABLES = "#tables .scroll table"

# Every text with less contrast than WCAG 2.1 asks of level AA (success criterion 1.4.3): relative luminance of its
# colour and of the nearest background behind it.
FAINT_TEXTS = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const parse = colour => colour.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const background = element => {
  for (let e = element; e; e = e.parentElement) {
    const colour = parse(getComputedStyle(e).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const told = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.checkVisibility();
return [...document.body.querySelectorAll("*")].filter(told).flatMap(e => {
  const style = getComputedStyle(e);
  const [dark, light] = [luminance(parse(style.color)), luminance(background(e))].sort((a, b) => a - b);
  const ratio = (light + 0.05) / (dark + 0.05);
  const large = parseFloat(style.fontSize) >= 24;
  return ratio < (large ? 3 : 4.5) ? [`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 80)}`] : [];
});
"""

# Elements that reach beyond the page's edge, but for those that scroll in a container of their own.
OVERFLOWING = """
const edge = document.documentElement.clientWidth;
const beyond = e => e.checkVisibility() && e.getBoundingClientRect().right > edge + 1 && !e.closest(".scroll");
const found = [...document.body.querySelectorAll("*")].filter(beyond).map(e => e.outerHTML.slice(0, 80));
return [document.documentElement.scrollWidth > edge, found];
"""


@pytest.fixture(scope="module")
def browser(outputs, tmp_path_factory):
    """Open the page once. Tests change the window and reload it, but start no other browser."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium with its driver on the path (Debian: chromium, chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.get((outputs / "paper" / "index.html").as_uri())
    yield driver
    driver.quit()


@pytest.fixture
def show(browser):
    """Return a function that shows the page at a width, in a colour scheme, on screen or in print."""

    def at(width=DESK, scheme="light", media="screen"):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        return browser

    return at


@pytest.fixture
def desk(show):
    """The page reloaded on a wide screen."""
    browser = show()
    for log in ("performance", "browser"):
        browser.get_log(log)  # drop earlier entries
    browser.refresh()
    return browser


def column(browser, heading):
    script = """
    const table = document.querySelector(arguments[0]);
    const at = [...table.rows[0].cells].findIndex(cell => cell.innerText.includes(arguments[1]));
    return [...table.tBodies[0].rows].map(row => row.cells[at].innerText);
    """
    return browser.execute_script(script, TABLES, heading)


def heading(browser, words):
    [found] = [one for one in browser.find_elements("css selector", f"{TABLES}")[0].find_elements("tag name", "th")
               if words in one.text]  # fmt: skip
    return found


def test_the_page_makes_no_request_and_logs_no_error(desk):
    messages = [json.loads(entry["message"])["message"] for entry in desk.get_log("performance")]
    asked = {one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {desk.current_url}
    assert desk.get_log("browser") == []


def test_the_policy_forbids_requests_even_if_one_were_made(show):
    script = """
    const done = arguments[0];
    document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
    new Image().src = "http://127.0.0.1:9/pixel.png";
    """
    assert show().execute_async_script(script) == "img-src"


def test_every_image_loads_and_is_described(show):
    script = "return [...document.images].map(image => [image.complete && image.naturalWidth > 0, image.alt]);"
    images = show().execute_script(script)
    assert len(images) >= 10
    assert all(loaded and alt for loaded, alt in images)


@pytest.mark.parametrize(("width", "media"), [(PHONE, "screen"), (DESK, "screen"), (DESK, "print")])
def test_nothing_overflows(show, width, media):
    overflows, beyond = show(width, media=media).execute_script(OVERFLOWING)
    assert not overflows, beyond
    assert beyond == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_text_has_contrast(show, width, scheme):
    assert show(width, scheme).execute_script(FAINT_TEXTS) == []


def test_the_colour_schemes_differ_and_print_is_light(show):
    script = "return getComputedStyle(document.body).backgroundColor"
    light, dark = show().execute_script(script), show(scheme="dark").execute_script(script)
    assert light != dark
    assert show(scheme="dark", media="print").execute_script(script) == "rgb(255, 255, 255)"


def test_a_column_of_numbers_sorts_both_ways(desk):
    before = [float(text) for text in column(desk, "printed time")]
    button = heading(desk, "printed time").find_element("tag name", "button")
    button.click()
    assert [float(text) for text in column(desk, "printed time")] == sorted(before)
    assert heading(desk, "printed time").get_attribute("aria-sort") == "ascending"
    button.click()
    assert [float(text) for text in column(desk, "printed time")] == sorted(before, reverse=True)
    assert heading(desk, "printed time").get_attribute("aria-sort") == "descending"


def test_only_the_sorted_column_is_marked_as_sorted(desk):
    for words in ("model", "printed time"):
        heading(desk, words).find_element("tag name", "button").click()
    script = "return document.querySelectorAll(`${arguments[0]} [aria-sort]`).length"
    assert desk.execute_script(script, TABLES) == 1


def test_networks_sort_by_their_widths(desk):
    heading(desk, "hidden layers").find_element("tag name", "button").click()
    assert list(dict.fromkeys(column(desk, "hidden layers"))) == ["8-128", "16-128", "64-128", "1024-128"]


def test_sorting_needs_no_mouse(desk):
    from selenium.webdriver.common.keys import Keys

    button = heading(desk, "printed time").find_element("tag name", "button")
    desk.execute_script("arguments[0].focus()", button)
    desk.switch_to.active_element.send_keys(Keys.ENTER)
    times = [float(text) for text in column(desk, "printed time")]
    assert times == sorted(times)


def test_differences_sort_by_sign_and_blanks_stay_last(desk):
    script = """
    const texts = ["+0.50", "", "−1.20", "+10.00", "−0.30"];
    const table = document.querySelector(arguments[0]);
    const at = [...table.rows[0].cells].findIndex(cell => cell.innerText.includes("difference"));
    const rows = [...table.tBodies[0].rows];
    rows.slice(texts.length).forEach(row => row.remove());
    texts.forEach((text, n) => rows[n].cells[at].innerText = text);
    """
    desk.execute_script(script, TABLES)
    button = heading(desk, "difference").find_element("tag name", "button")
    button.click()
    assert column(desk, "difference") == ["−1.20", "−0.30", "+0.50", "+10.00", ""]
    button.click()
    assert column(desk, "difference") == ["+10.00", "+0.50", "−0.30", "−1.20", ""]


def test_cards_on_a_phone_remain_a_table_to_a_screen_reader(show):
    script = """
    const table = document.querySelector("table.cards");
    return [getComputedStyle(table.rows[1]).display, table.getAttribute("role"), table.rows[1].getAttribute("role")];
    """
    assert show(PHONE).execute_script(script) == ["block", "table", "row"]
    assert show(DESK).execute_script(script)[0] == "table-row"


def test_the_page_of_a_table_of_ones_own_has_the_same_properties(show, build, tmp_path, monkeypatch):
    pretend_records(monkeypatch)
    page, browser = own_table(build, tmp_path), show()
    first_url = browser.current_url
    browser.get(page.as_uri())
    try:
        for width in (PHONE, DESK):
            assert show(width).execute_script(OVERFLOWING) == [False, []]
        for scheme in ("light", "dark"):
            assert show(scheme=scheme).execute_script(FAINT_TEXTS) == []
        assert browser.get_log("browser") == []
        assert all(image.get_property("naturalWidth") for image in browser.find_elements("tag name", "img"))
        assert browser.find_element("tag name", "h1").text == " ".join(NASTY.split())
    finally:
        browser.get(first_url)


def own_table(build, outputs):
    """Write the comparison of a table whose text would break an unescaped page; return the page."""
    sweep = build({"lr": [0.01, 0.1], "seed": [0, 1, 2]})
    samples = Samples(join(sweep.results, sweep.settings), sweep.curves, {})
    settings = [{"model": "torch", "lr": 0.1}, {"model": "torch", "lr": 0.01}, None]
    reasons = ("", "", NASTY)
    entries = [
        PublishedEntry({}, Published(0.8), "test_accuracy", name=NASTY, not_testable=reason) for reason in reasons
    ]
    table = PublishedTable("mine.yaml", NASTY, NASTY, tuple(entries), "")
    return write_comparison(table, assess_table(table, samples, settings), samples.runs, ["check", NASTY], outputs)
