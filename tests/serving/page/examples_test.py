from gr_jax.serving.page.examples import example_queries, example_shoppers
from tests.serving.page.browse_test import shop
from tests.serving.page.lookup_test import CODES, PATHS, named


def queries(*texts, words, count=9, **options):
  """Of five items, each bought as often as its place says."""
  snapshot = named(shop(CODES, **options), *texts)
  return example_queries(snapshot, words, count=count)


def test_a_query_begins_with_a_typed_word_and_takes_a_neighbour_of_it():
  texts = "old tea", "green tea", "oat milk", "Whole Milk", "whole milk"
  typed = ["milk", "tea", "green", "oat", "whole"]
  found = queries(*texts, words=typed)
  # Oat has no word beside it that no query before it has.
  assert found == ["whole milk", "green tea"]
  assert queries(*texts, words=typed, count=1) == ["whole milk"]
  assert queries(*texts, words=["tea"]) == ["tea"]


def test_words_that_say_nothing_or_that_no_item_has_begin_no_query():
  texts = "the 12 x tea", "for me", "12", "x", "tea 12"
  assert queries(*texts, words=["the", "12", "x", "me", "soap"]) == []
  assert queries(*texts, words=["the", "12", "tea"]) == ["tea"]


def test_items_that_are_gone_give_no_query():
  texts = "soap", "tea", "tea", "tea", "milk"
  assert queries(*texts, words=["milk", "soap"], gone=[4]) == ["soap"]


def test_parts_of_a_script_without_blanks_are_no_two_words():
  texts = "\u82f9\u679c\u6c41", "a", "a", "a", "a"
  words = ["\u82f9\u679c", "\u679c\u6c41"]
  assert queries(*texts, words=words) == words


def test_a_run_without_queries_has_no_example_of_one():
  assert queries("a", "b", "c", "d", "e", words=[]) == []


def test_example_shoppers_buy_the_best_of_a_department_once_a_code():
  snapshot = shop(CODES, categories=PATHS, gone=[1])
  food, soap = example_shoppers(snapshot, count=5, purchases=6)
  assert (food["name"], soap["name"]) == ("soap", "food")
  food, soap = soap, food
  assert food["history"] == [
    {"id": "0", "text": "item 0", "days_ago": 14},
    {"id": "2", "text": "item 2", "days_ago": 7},
  ]
  assert soap["history"] == [{"id": "3", "text": "item 3", "days_ago": 7}]


def test_where_all_are_of_one_department_those_below_it_are_taken():
  paths = [["shop", *path] for path in PATHS]
  found = example_shoppers(shop(CODES, categories=paths), count=5, purchases=6)
  assert [each["name"] for each in found] == ["shop > food", "shop > soap"]


def test_without_categories_the_first_code_is_the_department():
  found = example_shoppers(shop(CODES), count=2, purchases=1)
  assert [each["name"] for each in found] == ["code 1", "code 2"]
  assert [each["history"][0]["id"] for each in found] == ["3", "4"]


def test_an_empty_catalogue_has_no_shoppers():
  assert (
    example_shoppers(shop(CODES, gone=range(5)), count=2, purchases=1) == []
  )
