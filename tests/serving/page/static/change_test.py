"""Items are added, changed and removed on the page."""

from tests.serving.page.static.conftest import texts


def facts(page) -> dict[str, str]:
  names, values = (texts(page, f"#item-body {tag}") for tag in ("dt", "dd"))
  return dict(zip(names, values, strict=True))


def news(page) -> str:
  page.wait_for_selector("#changed:not(:empty)")
  return page.inner_text("#changed")


def test_an_item_comes_changes_goes_and_comes_again(opened, server):
  page = opened("view=browse")
  text = "yellow <b>cup</b>"
  page.click("#add")
  assert page.evaluate("document.activeElement.id") == "change-id"
  page.keyboard.type("N 1/2")
  page.fill("#change-text", text)
  page.fill("#change-price", "2.5")
  page.click("#change-send")
  assert news(page).startswith("The item is added, in KITCHEN > CUPS, where ")
  assert page.inner_text("#item-title") == text
  assert (facts(page)["Item"], facts(page)["Price"]) == ("N 1/2", "2.50")
  assert page.inner_text("#about").startswith("61 items")
  assert page.evaluate("document.activeElement.id") == "item-title"

  page.click("#item-body >> text=Change")
  assert page.get_attribute("#change-id", "readonly") is not None
  page.uncheck("#change-stock")
  page.click("#change summary")
  # Nothing but what differs is sent.
  assert page.inner_text("#change-curl pre").endswith(
    """-d '{"stock":{"N 1/2":false}}'"""
  )
  page.click("#change-send")
  page.get_by_text("The item is changed").wait_for()
  assert facts(page)["In stock"] == "no"

  for again in (True, False):
    page.click("#item-body >> text=Remove")
    assert page.evaluate("document.activeElement.id") == "remove-cancel"
    page.click("#remove-send")
    page.get_by_text("The item is removed").wait_for()
    assert page.inner_text("#item-title") == f"Removed: {text}"
    assert page.inner_text("#about").startswith("60 items")
    if again:
      page.get_by_role("button", name="Add it again").click()
      page.click("#change-send")
      page.get_by_text("The item is added").wait_for()
      assert facts(page)["Item"] == "N 1/2"
  assert page.locator("b:text('cup')").count() == 0


def test_a_known_id_is_not_overwritten_by_a_new_item(opened):
  page = opened("view=browse")
  page.click("#add")
  page.fill("#change-id", "B3")
  page.fill("#change-text", "other")
  page.click("#change-send")
  page.wait_for_selector("#change-error:visible")
  assert "has this id already" in page.inner_text("#change-error")
  page.keyboard.press("Escape")
  page.wait_for_selector("#change", state="hidden")
  assert page.evaluate("document.activeElement.id") == "add"


def test_what_the_server_refuses_stays_in_the_form(browser, server):
  page = browser.new_page()
  page.goto(f"{server}/#view=browse&item=B5")
  page.wait_for_selector("#item-body h3")
  page.click("#item-body >> text=Change")
  page.fill("#change-category", "A > B > C")
  page.click("#change-send")
  page.wait_for_selector("#change-error:visible")
  assert page.inner_text("#change-error") == (
    "\u201cA > B > C\u201d is no category; give a full path of 1 to 2 names, "
    "or none."
  )
  assert page.input_value("#change-category") == "A > B > C"
  page.close()


def test_a_category_is_picked_by_its_words(opened):
  page = opened("view=browse&item=B5")
  page.wait_for_selector("#item-body h3")
  page.click("#item-body >> text=Change")
  page.focus("#change-category")
  page.keyboard.type("cups")
  page.wait_for_selector("#change-category-options [aria-selected=true]")
  # The list alone closes, the form stays.
  page.keyboard.press("Escape")
  assert page.is_visible("#change")
  page.keyboard.press("ArrowDown")
  page.wait_for_selector("#change-category-options [aria-selected=true]")
  page.keyboard.press("Enter")
  assert page.input_value("#change-category") == "KITCHEN > CUPS"
  assert '"category":"KITCHEN > CUPS"' in page.text_content("#change-curl pre")


def test_who_may_only_read_finds_no_button_but_a_way_to_another_token(
  browser, server
):
  page = browser.new_page()

  def may_not(route):
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"may_change": False})

  page.route("**/catalogue*", may_not)
  page.add_init_script("sessionStorage.setItem('token', 'r3ad')")
  page.goto(f"{server}/#view=browse&item=B1")
  page.wait_for_selector("#item-body h3")
  for name in ("Add an item", "Change", "Remove"):
    assert not page.get_by_role("button", name=name, exact=True).count()
  page.get_by_role("button", name="Another token").click()
  assert page.evaluate("document.activeElement.id") == "token"
  assert not page.is_visible("#token-wrong")
  page.get_by_role("button", name="Back").click()
  assert page.is_visible("#item-body h3")
  page.close()
