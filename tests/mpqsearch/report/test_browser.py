# SPDX-License-Identifier: Apache-2.0
"""The report in a real browser: it opens, shows, answers a pointer and a finger, and fits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.mpqsearch.report.conftest import Written
from tests.mpqsearch.report.made_up import contents, records

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1280, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
FRONT = "#front-accuracy-latency"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, in a container, chromium has no sandbox to offer.
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def opened(browser: Browser, path: Path, screen: dict[str, object]) -> Iterator[Page]:
    """The page opened from disk; nothing may be asked of a network, or complained of."""
    context = browser.new_context(**screen)  # type: ignore[arg-type]
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert said == [path.as_uri()]
    context.close()


def drawn(page: Page, figure: str) -> None:
    page.locator(figure).scroll_into_view_if_needed()
    page.wait_for_selector(f"{figure} .main-svg")


def front_point(page: Page, number: int) -> tuple[float, float]:
    """Where a member of the front is on the screen."""
    x, y = page.locator(FRONT).evaluate(
        """(place, number) => {
            const front = place.data.find((trace) => trace.name === "front");
            const { xaxis, yaxis } = place._fullLayout;
            const { x, y } = place.getBoundingClientRect();
            return [
                x + xaxis._offset + xaxis.d2p(front.x[number]),
                y + yaxis._offset + yaxis.d2p(front.y[number]),
            ];
        }""",
        number,
    )
    return x, y


def test_it_opens_from_disk_and_draws_every_figure(browser: Browser, written: Written) -> None:
    """Without a network and without a word in the console; figures that are far wait."""
    found = contents(records(60))
    with opened(browser, written(found), WIDE) as page:
        drawn(page, FRONT)
        figures = page.locator(".plot")
        assert figures.count() >= 12
        page.locator("details").first.evaluate("folded => { folded.open = true; }")
        for number in range(figures.count()):
            figures.nth(number).scroll_into_view_if_needed()
            figures.nth(number).locator(".main-svg").first.wait_for()
        shown = page.locator(f"{FRONT} .scatterlayer path.point").count()
        assert shown > len(found.front)
        assert page.locator("table.front tbody tr").count() >= len(found.front)


def test_a_pointer_over_a_member_names_it(browser: Browser, written: Written) -> None:
    """Its length and bits, and its costs."""
    found = contents(records(60))
    with opened(browser, written(found), WIDE) as page:
        drawn(page, FRONT)
        page.mouse.move(*front_point(page, len(found.front) - 1))
        text = page.locator(f"{FRONT} .hoverlayer .hovertext").first.text_content(timeout=5000)
        assert text is not None
        assert str(found.front[-1].candidate) in text
        assert "µJ" in text


def test_a_click_gives_the_command_that_exports_it(browser: Browser, written: Written) -> None:
    """Rings mark it in every pair, Copy copies the command, and Escape puts it away."""
    found = contents(records(60), runs_option=" --runs 'my runs'")
    cheap = found.front[-1].candidate
    with opened(browser, written(found), WIDE) as page:
        drawn(page, FRONT)
        assert page.locator("#selected").is_hidden()
        page.mouse.click(*front_point(page, len(found.front) - 1))
        command = page.locator("#selected code").text_content(timeout=5000)
        assert command == (
            "mpqsearch export --study 'made up' --runs 'my runs'"
            f" --length {cheap.input_length} --bits {cheap.bits_text}"
        )
        page.locator("#selected .copy").click()
        page.wait_for_function("document.querySelector('#selected .copy').textContent != 'Copy'")
        for pair in ("latency", "energy", "size"):
            ring = page.locator(f"#front-accuracy-{pair} .scatterlayer .trace").last
            assert ring.locator("path.point").count() == 1
        page.keyboard.press("Escape")
        assert page.locator("#selected").is_hidden()


def test_a_row_of_the_table_selects_too(browser: Browser, written: Written) -> None:
    """By the keyboard as well; one that was stopped early says that it is trained to its end."""
    found = contents(records(60))
    with opened(browser, written(found), WIDE) as page:
        last = page.locator("table.front .select").nth(1)
        last.focus()
        page.keyboard.press("Enter")
        assert found.front[1].candidate.bits_text in page.locator("#selected code").inner_text()


@pytest.mark.parametrize("count", [60, 1])
def test_a_phone_shows_it_without_scrolling_sideways(
    browser: Browser, written: Written, count: int
) -> None:
    """390 pixels hold the whole page, and a finger selects."""
    found = contents(records(count))
    with opened(browser, written(found), PHONE) as page:
        drawn(page, FRONT)
        for figure in page.locator(".plot:visible").all():
            figure.scroll_into_view_if_needed()
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1] == 390
        page.locator(FRONT).scroll_into_view_if_needed()
        page.locator("table.picks .select").first.tap()
        assert page.locator("#selected code").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_ten_thousand_candidates_are_shown(browser: Browser, written: Written) -> None:
    """In a page of a few megabytes, which answers a click."""
    found = contents(records(10_000))
    path = written(found)
    assert path.stat().st_size < 6_000_000
    with opened(browser, path, WIDE) as page:
        drawn(page, FRONT)
        page.locator("table.picks .select").first.click()
        page.wait_for_selector("#selected:not([hidden])")


def test_no_button_sends_data_anywhere(browser: Browser, written: Written) -> None:
    """A figure can be zoomed, moved, put back and saved; nothing else."""
    with opened(browser, written(contents(records(20))), WIDE) as page:
        drawn(page, FRONT)
        titles = page.locator(f"{FRONT} .modebar-btn").evaluate_all(
            "buttons => buttons.map((button) => button.dataset.title)"
        )
        assert len(titles) == 4
        assert not [title for title in titles if "cloud" in title.lower()]
