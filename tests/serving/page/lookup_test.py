from gr_jax.serving.page.lookup import find_categories, find_items
from tests.serving.page.browse_test import shop

CODES = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 1), (2, 0, 0)]
PATHS = [["food", "milk"], ["food", "milk"], ["food", "tea"], ["soap"], []]


def named(snapshot, *texts):
  snapshot.items.texts[:] = texts
  return snapshot


def ids(found):
  return [item["id"] for item in found]


def test_items_hold_every_word_beginnings_first_then_the_popular():
  snapshot = named(
    shop(CODES, gone=[4]), "Whole Milk", "milk whole", "oat", "milk", "milk"
  )
  assert ids(find_items(snapshot, "  whole MILK ", limit=9)) == ["0", "1"]
  assert ids(find_items(snapshot, "milk", limit=9)) == ["3", "1", "0"]
  assert ids(find_items(snapshot, "milk", limit=1)) == ["3"]
  assert ids(find_items(snapshot, "tea", limit=9)) == []


def test_the_item_of_an_id_comes_first():
  snapshot = named(shop(CODES), "b", "a", "c 1", "1 d", "1 e")
  assert ids(find_items(snapshot, "1", limit=9)) == ["1", "4", "3", "2"]


def test_categories_hold_every_word_short_ones_first():
  snapshot = shop(CODES, categories=PATHS)
  assert find_categories(snapshot, "FOOD", limit=2) == ["food", "food > tea"]
  assert find_categories(snapshot, "milk food", limit=9) == ["food > milk"]
