from gr_jax.evaluation.report import data_sections

SPLIT = {
  "split": "train",
  "requests": 1200,
  "with_query": 1000,
  "without_query": 200,
  "users": 70,
  "targets": 3456,
  "first": None,
  "last": None,
}
FOUND = {
  "items": 68509,
  "users": 99,
  "events": 108_681,
  "queries": 0,
  "splits": [SPLIT, SPLIT | {"split": "test"}],
  "new_items": 0.125,
  "new_users": None,
}
EXAMPLE = {
  "requests": "personalised",
  "group": "best",
  "query": "oat milk",
  "history": ["eggs", "bread"],
  "bought": 9,
  "answers": [
    {"text": "oat milk 1 l", "taken": True},
    {"text": "x" * 99, "taken": False},
  ],
  "taken": ["oat milk 1 l"],
  "targets": 1,
  "rank": 1,
  "of": 100,
}


def _texts(table):
  return [[cell.text for cell in row.cells] for row in table.rows]


def test_every_split_is_a_row_and_the_rest_is_in_words():
  section = data_sections.data(FOUND, [])
  (table,) = section.tables
  assert table.head == [
    "period", "with a query", "without", "users", "items taken"
  ]  # fmt: skip
  assert _texts(table)[0] == ["train", "1,000", "200", "70", "3,456"]
  assert section.notes == [
    "68,509 items, 99 users, 108,681 events.",
    "In the test, 12.5 % of the items that were taken are new: nobody took "
    "them in the training period.",
  ]


def test_requests_of_one_kind_have_one_column():
  alone = SPLIT | {"with_query": 0, "without_query": 1200}
  (table,) = data_sections.data(FOUND | {"splits": [alone]}, []).tables
  assert table.head == ["period", "requests", "users", "items taken"]
  assert _texts(table) == [["train", "1,200", "70", "3,456"]]


def test_days_are_shown_where_there_are_any():
  dated = SPLIT | {"first": "2017-01-01", "last": "2017-12-31"}
  (table,) = data_sections.data(FOUND | {"splits": [dated]}, []).tables
  assert table.head[-2:] == ["first day", "last day"]
  assert _texts(table)[0][-2:] == ["2017-01-01", "2017-12-31"]


def test_an_example_shows_what_was_asked_answered_and_taken():
  section = data_sections.examples([EXAMPLE, EXAMPLE | {"requests": "other"}])
  first, other = section.folds
  assert (first.open, other.open) == (True, False)
  (table,) = first.tables
  which, asked, answers, taken = table.rows[0].cells
  assert (which.text, which.note) == ("best", "found at 1")
  assert asked.text == "oat milk"
  assert asked.note == "after\n• eggs\n• bread\nand 7 more"
  assert answers.text.splitlines()[0] == "1. ✓ oat milk 1 l"
  assert answers.text.endswith("…")
  assert (taken.text, taken.note) == ("oat milk 1 l", "")


def test_a_request_without_a_query_shows_its_history():
  bare = EXAMPLE | {"query": None, "rank": None}
  (table,) = data_sections.examples([bare]).folds[0].tables
  which, asked, *_ = table.rows[0].cells
  assert which.note == "not in 100 answers"
  assert (asked.text, asked.note) == ("", "• eggs\n• bread\nand 7 more")
  assert data_sections.examples([]).is_empty()
