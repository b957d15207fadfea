"""The page as people use it, in a browser without windows."""

import json
import urllib.request

import pytest

from tests.serving.conftest import BEAM
from tests.serving.page.static.conftest import CONTRAST, post, search, texts


def names(page, selector: str = "#beams [role=treeitem]") -> list[str]:
  return [
    each.get_attribute("aria-label") for each in page.locator(selector).all()
  ]


def test_a_query_shows_ranked_items_and_their_codes(opened, server):
  page = opened()
  page.fill("#query", "green plate")
  said = search(page)
  found = post(server, {"query": "green plate", "k": BEAM})
  assert said.startswith(f"{len(found['items'])} items of ")
  assert "“green plate”" in said
  shown = texts(page, "#answers li:visible a")
  assert len(shown) == 10
  assert shown == [item["text"] for item in found["items"][:10]]
  page.get_by_role("button", name="Show all").click()
  assert len(texts(page, "#answers li:visible")) == len(found["items"])


def test_the_beams_are_a_tree_of_codes_with_their_probabilities(opened, server):
  page = opened("q=green+plate")
  page.get_by_role("button", name="Open all").click()
  found = post(server, {"query": "green plate", "k": BEAM})
  shown = texts(page, "#beams [aria-level='1'] > .row .code")
  roots = [node for node in found["prefixes"] if len(node["prefix"]) == 1]
  assert shown == [str(node["prefix"][0]) for node in roots]
  answers = texts(page, "#beams > li > .row .figure:last-child")
  assert sum(map(int, answers)) == len(found["items"])
  steps = texts(page, "#beams > li > .row .figure:nth-last-child(3)")
  assert 99 < sum(float(step[:-1]) for step in steps) < 101
  leaves = page.locator("#beams [role=treeitem]:not([aria-expanded])")
  assert leaves.count() == len(found["items"])
  page.get_by_role("button", name="Close all").click()
  assert page.locator("#beams [role=treeitem]:visible").count() == len(roots)


def test_filters_show_what_they_take_out(opened):
  page = opened("q=green+plate")
  page.click("#filter-box summary")
  page.type("#add-category", "cups")
  page.wait_for_selector("#add-category-options [aria-selected=true]")
  page.press("#add-category", "Enter")
  assert texts(page, "#categories span") == ["KITCHEN > CUPS"]
  assert page.inner_text("#filter-count") == "(1)"
  said = search(page)
  assert "Filters took 30 out, brought 0 in." in said
  assert all("cup" in text for text in texts(page, "#answers a"))
  assert any("was " in text for text in texts(page, "#answers li:visible"))
  page.click("#filtered summary")
  assert all("plate" in text for text in texts(page, "#filtered-out a"))
  assert len(texts(page, "#filtered-out a")) == 30
  page.get_by_role("button", name="Open all").click()
  out = [name for name in names(page) if "filtered out" in name]
  assert sum("plate" in name for name in out) == 30
  assert not any(" cup " in name for name in out)
  page.get_by_role("button", name="Remove KITCHEN > CUPS").click()
  assert "Filters" not in search(page)


def test_a_shopper_is_picked_changed_and_kept_in_the_address(opened):
  page = opened()
  page.select_option("#shopper", "Made up: buys CUPS")
  page.wait_for_selector("#history li", state="attached")
  bought = page.locator("#history li").count()
  page.click("#history-box summary")
  # By keyboard alone: the second of what is found.
  page.type("#add-item", "blue plate")
  page.wait_for_selector("#add-item-options [aria-selected=true]")
  second = texts(page, "#add-item-options span")[1]
  page.press("#add-item", "ArrowDown")
  page.press("#add-item", "Enter")
  assert texts(page, "#history span")[-1] == second
  page.get_by_label(f"Days ago: {second}").fill("30")
  assert page.input_value("#shopper") == "own"
  assert f"the next basket, after {bought + 1} purchases" in search(page)
  shown, history = texts(page, "#answers a"), texts(page, "#history span")
  page.reload()
  page.wait_for_selector("#answers a")
  assert texts(page, "#answers a") == shown
  assert texts(page, "#history span") == history
  assert page.get_by_label(f"Days ago: {second}").input_value() == "30"
  page.click("#history-box summary")
  page.get_by_role("button", name=f"Remove {second}").click()
  assert page.locator("#history li").count() == bought
  page.get_by_role("button", name="Start over").click()
  page.wait_for_selector("#found", state="hidden")
  assert page.locator("#history li").count() == 0


def focused(page) -> str:
  return page.evaluate("document.activeElement.ariaLabel")


def test_the_tree_obeys_the_keyboard(opened):
  page = opened("view=browse")
  page.wait_for_selector("#tree [tabindex='0']")
  page.focus("#tree [tabindex='0']")
  items = "#tree [role=treeitem]:visible"
  roots = names(page, items)
  page.keyboard.press("End")
  assert focused(page) == roots[-1]
  page.keyboard.press("Home")
  assert focused(page) == roots[0]
  page.keyboard.press("ArrowRight")
  page.wait_for_selector("#tree [aria-level='2']")
  assert len(names(page, items)) > len(roots)
  page.keyboard.press("ArrowRight")
  assert focused(page) == names(page, items)[1]
  page.keyboard.press("ArrowDown")
  assert focused(page) == names(page, items)[2]
  page.keyboard.press("ArrowUp")
  page.keyboard.press("ArrowLeft")
  page.keyboard.press("ArrowLeft")
  page.keyboard.press("ArrowLeft")
  assert focused(page) == roots[0]
  assert page.locator("#tree [tabindex='0']").count() == 1


def test_a_branch_leads_to_an_item_and_its_neighbours(opened, server):
  page = opened("view=browse")
  deepest = "#tree [role=treeitem]:visible:not([aria-expanded=true])"
  for _ in range(8):
    last = page.locator(deepest).first
    if last.get_attribute("aria-expanded") is None:
      break
    level = int(last.get_attribute("aria-level"))
    last.locator(".row").click()
    page.wait_for_selector(f"#tree [aria-level='{level + 1}']")
  chosen = last.inner_text().split("\n")[0]
  last.locator(".row").click()
  page.wait_for_selector("#item-body h3")
  assert page.inner_text("#item-title") == chosen
  assert page.evaluate("document.activeElement.id") == "item-title"
  item = page.inner_text("#item dd >> nth=1")
  with urllib.request.urlopen(f"{server}/items/{item}/neighbours") as response:
    groups = json.loads(response.read())["neighbours"]
  near = [each["text"] for group in groups for each in group["answers"]]
  assert texts(page, ".neighbours a") == near
  page.click(".neighbours a >> nth=0")
  page.wait_for_function(
    "text => document.getElementById('item-title').textContent === text",
    arg=near[0],
  )
  page.go_back()
  page.wait_for_function(
    "text => document.getElementById('item-title').textContent === text",
    arg=chosen,
  )


def test_a_code_of_an_item_opens_its_place_in_the_tree(opened):
  page = opened("view=browse&item=B1")
  page.wait_for_selector("#item-body .code")
  codes = texts(page, "#item-body .code")
  page.click("#item-body .code >> nth=1")
  page.wait_for_selector(f"#path [aria-current]:text-is('{codes[1]}')")
  assert texts(page, "#path p > *") == ["All", *codes[:2]]
  page.click("#path a >> nth=0")
  page.wait_for_selector("#path [aria-current]:has-text('All')")


def test_what_was_found_goes_to_the_shopper(opened):
  page = opened("q=green+plate")
  page.wait_for_selector("#answers a")
  first = texts(page, "#answers a")[0]
  page.get_by_role("button", name=f"Bought: {first}", exact=True).click()
  assert texts(page, "#history span") == [first]
  page.click("#answers a >> nth=1")
  page.wait_for_selector("#item-body h3")
  page.get_by_role("button", name="Bought: add to the shopper").click()
  page.wait_for_selector("#search:visible")
  assert len(texts(page, "#history span")) == 2
  assert "after 2 purchases" in search(page)


def test_text_of_a_catalogue_is_never_markup(opened):
  page = opened("q=red+cup")
  page.wait_for_selector("#answers a")
  page.get_by_role("button", name="Show all").click()
  assert any(
    text.startswith("<img src=x") for text in texts(page, "#answers a")
  )
  page.click("#browse-tab")
  page.type("#find", "onerror")
  page.wait_for_selector("#find-options [aria-selected=true]")
  page.press("#find", "Enter")
  page.wait_for_selector("#item-body h3")
  assert page.inner_text("#item-title").startswith("<img src=x")
  assert page.locator("img").count() == 0


def test_an_error_of_the_server_is_shown(browser, server):
  context = browser.new_context()
  page = context.new_page()
  page.goto(f'{server}/#q=cup&categories=["nothing"]')
  page.wait_for_selector("#error:visible")
  said = page.inner_text("#error")
  assert said.startswith("The catalogue has no category “nothing”.")
  assert page.inner_text("#status") == "No answer."
  context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(opened, scheme):
  page = opened('q=plate&categories=["KITCHEN > CUPS"]', color_scheme=scheme)
  page.wait_for_selector("#answers a")
  page.click("#filtered summary")
  page.get_by_role("button", name="Open all").click()
  for box in ("history", "filter", "profile"):
    page.click(f"#{box}-box summary")
  seen = page.evaluate(CONTRAST)
  page.click("#answers a >> nth=0")
  page.wait_for_selector("#item-body h3")
  page.click("#item-body >> text=Change")
  page.click("#change summary")
  seen += page.evaluate(CONTRAST)
  assert len(seen) > 300
  assert min(seen)[0] >= 4.5, min(seen)


def test_everything_that_can_be_used_has_a_name(opened):
  page = opened("q=plate")
  page.wait_for_selector("#answers a")
  for box in ("history", "filter", "profile"):
    page.click(f"#{box}-box summary")
  session = page.context.new_cdp_session(page)
  roles = {"button", "combobox", "textbox", "searchbox", "treeitem", "tree"}
  roles |= {"link", "tab", "checkbox", "spinbutton", "tabpanel", "dialog"}

  def named() -> list[tuple[str, str]]:
    return [
      (node["role"]["value"], node["name"]["value"])
      for node in session.send("Accessibility.getFullAXTree")["nodes"]
      if not node["ignored"] and node["role"]["value"] in roles
    ]

  found = named()
  page.click("#answers a >> nth=0")
  page.wait_for_selector("#item-body h3")
  for button in ("Remove", "Change"):
    page.keyboard.press("Escape")
    page.click(f"#item-body >> text={button}")
    found += named()
  assert {"button", "tree", "treeitem", "tab", "dialog"} <= {
    role for role, _ in found
  }
  assert not [role for role, name in found if not name]


def test_a_phone_shows_all_without_scrolling_sideways(opened):
  phone = {"width": 360, "height": 740}
  page = opened('q=plate&categories=["KITCHEN > CUPS"]', viewport=phone)
  page.wait_for_selector("#answers a")
  page.get_by_role("button", name="Open all").click()
  wide = "document.documentElement.scrollWidth"
  for box in ("history", "filter", "profile"):
    page.click(f"#{box}-box summary")
  assert page.evaluate(wide) == 360
  page.click("#answers a >> nth=0")
  page.wait_for_selector("#item-body h3")
  assert page.evaluate(wide) == 360
  page.click("#item-body >> text=Change")
  page.click("#change summary")
  box = page.locator("#change").bounding_box()
  assert 0 <= box["x"] <= box["x"] + box["width"] <= 360
