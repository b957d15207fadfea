"""What the page offers, says and asks before and beside the answers."""

import json
import shlex

import pytest

from tests.serving.conftest import BEAM
from tests.serving.page.static.conftest import post, search, texts


def test_at_first_sight_there_are_queries_and_shoppers_to_click(opened):
  page = opened()
  assert page.evaluate("document.activeElement.id") == "query"
  first = texts(page, "#example-queries a")[0]
  page.click("#example-queries a >> nth=0")
  page.wait_for_selector("#answers a")
  assert page.input_value("#query") == first
  assert not page.is_visible("#examples")
  page.go_back()
  page.wait_for_selector("#examples:visible")
  page.click("#example-shoppers a >> nth=0")
  page.wait_for_selector("#answers a")
  assert page.input_value("#shopper") == "0"
  assert "the next basket, after" in page.inner_text("#status")
  page.get_by_role("button", name="Start over").click()
  page.wait_for_selector("#examples:visible")


def test_beams_stand_beside_the_answers_where_there_is_room(opened):
  places = {}
  for width in (1280, 390):
    page = opened("q=plate", viewport={"width": width, "height": 844})
    page.wait_for_selector("#answers a")
    answers, beams = (
      page.locator(f"section[aria-labelledby={name}-title]").bounding_box()
      for name in ("answers", "beams")
    )
    places[width] = beams["x"] > answers["x"], beams["y"] > answers["y"]
  assert places == {1280: (True, False), 390: (False, True)}


def test_every_fact_of_an_answer_has_a_label(opened):
  page = opened()
  more = {
    "category": "KITCHEN > <b>CUPS",
    "value": 0.25,
    "attributes": {
      "brand": "<i>Best",
      "url": "https://shop.test/1",
      "image": "javascript:alert(1)",
    },
  }

  def add(route):
    answer = route.fetch()
    found = answer.json()
    found["items"][0] |= more | {"in_stock": False, "price": 1.5}
    route.fulfill(response=answer, json=found)

  page.route("**/explain", add)
  page.fill("#query", "plate")
  search(page)
  first = "#answers li:first-child"
  facts = dict(
    zip(texts(page, f"{first} dt"), texts(page, f"{first} dd"), strict=True)
  )
  codes = facts.pop("Semantic ID").split(" \u00b7 ")
  assert all(map(str.isdigit, codes))
  assert facts == {
    "Category": "KITCHEN \u203a <b>CUPS",
    "Price": "1.50",
    "In stock": "no",
    "Predicted value": "0.250",
    "Brand": "<i>Best",
    "Url": "https://shop.test/1",
    "Image": "javascript:alert(1)",
  }
  links = page.locator(f"{first} dd a")
  assert links.count() == 1
  assert links.get_attribute("href") == "https://shop.test/1"


def test_a_query_that_is_read_otherwise_says_how(opened):
  page = opened()
  page.fill("#query", "plat xyzzy")
  search(page)
  assert page.inner_text("#read-as") == (
    "Read \u201cplat\u201d as \u201cplate\u201d; nothing is known of "
    "\u201cxyzzy\u201d."
  )
  page.fill("#query", "plate")
  search(page)
  assert not page.is_visible("#read-as")


def test_a_server_that_starts_is_waited_for(browser, server):
  page = browser.new_page()
  calls = []

  def starting(route):
    calls.append(route)
    if len(calls) > 1:
      return route.continue_()
    body = {"error": "the server is starting."}
    return route.fulfill(status=503, json=body, headers={"retry-after": "1"})

  page.route("**/explain", starting)
  page.goto(f"{server}/#q=cup")
  page.wait_for_selector("#answers a")
  assert len(calls) == 2
  assert not page.is_visible("#error")
  page.close()


@pytest.mark.parametrize("place", ["q=it%27s+a+plate&low=2", "q="])
def test_the_command_gives_the_answers_that_one_sees(opened, server, place):
  page = opened(place)
  page.context.grant_permissions(["clipboard-read", "clipboard-write"])
  page.wait_for_selector("#answers a")
  page.click("#search summary >> text=As a command")
  page.locator("#search-curl").get_by_role("button", name="Copy").click()
  page.get_by_text("Copied.").wait_for()
  command = page.evaluate("navigator.clipboard.readText()")
  words = shlex.split(command.replace("\\\n", " "))
  assert words[:4] == ["curl", words[1], "-H", "content-type: application/json"]
  path = words[1].removeprefix(f"{server}/")
  assert path == ("search" if "low" in place else "recommend")
  body = json.loads(words[words.index("-d") + 1])
  assert body["k"] == BEAM
  items = post(server, body, path)["items"]
  page.get_by_role("button", name="Show all").click()
  assert [item["text"] for item in items] == texts(page, "#answers a")


def test_a_price_range_that_is_none_is_refused_in_the_words_of_the_page(
  browser, server
):
  page = browser.new_page()
  page.goto(f"{server}/#q=cup&low=5&high=2")
  page.wait_for_selector("#error:visible")
  assert page.inner_text("#error") == (
    "No price is from 5 to 2: the first must be the lower one."
  )
  assert page.is_visible("#low")  # Where it can be mended.
  page.close()


def test_a_token_is_needed_once(browser, server):
  context = browser.new_context()
  page = context.new_page()

  def answer(route):
    if route.request.headers.get("authorization") == "Bearer s3cret":
      route.continue_()
    else:
      route.fulfill(status=401, json={"error": "the bearer token is missing."})

  page.route("**/catalogue*", answer)
  page.goto(server)
  page.wait_for_selector("#token-form:visible")
  # Nothing is wrong before anything is typed.
  assert not page.is_visible("[role=alert]")
  assert not page.is_visible("[role=tabpanel], [role=tablist]")
  page.keyboard.type("wrong")
  page.keyboard.press("Enter")
  page.wait_for_selector("#token-wrong:visible")
  page.keyboard.type("s3cret")
  page.keyboard.press("Enter")
  page.wait_for_selector("#about:not(:empty)")
  page.reload()
  page.wait_for_selector("#about:not(:empty)")
  assert not page.is_visible("#token-form")
  context.close()
