"""The state of a log is what its changes come to, in far fewer records."""

import json

import hypothesis
import hypothesis.strategies as st

from gr_jax.serving.catalogue.log_state import LogState
from tests.serving.catalogue.log_replay_test import ALSO_UNKNOWN, FACTS

MARKS = "one", "two"
CODES = st.tuples(*[st.integers(0, 3)] * 3)


@st.composite
def records(draw):
  """A change as a log has it, of a service with any tokenizer."""
  record = {"mark": draw(st.sampled_from(MARKS))}
  new = draw(st.lists(FACTS, max_size=3, unique_by=lambda i: i.item_id))
  record["add"] = [
    {k: v for k, v in item._asdict().items() if v is not None}
    | ({"codes": draw(CODES)} if draw(st.booleans()) else {})
    for item in new
  ]
  names = st.lists(ALSO_UNKNOWN, max_size=2, unique=True)
  record["remove"] = draw(names)
  for kind in ("stock", "paused"):
    record[kind] = {name: draw(st.booleans()) for name in draw(names)}
  record["prices"] = {
    name: draw(st.sampled_from([None, 0.0, 2.5])) for name in draw(names)
  }
  if draw(st.integers(0, 4)) == 0:
    record["forget"] = draw(names)
  return json.loads(json.dumps({k: v for k, v in record.items() if v}))


def seen(state: LogState) -> list[str]:
  # As text: vectors may be nan. The order of facts counts, that of stock not.
  found = [*map(state.change, MARKS), list(state.removed)]
  return [json.dumps(each, sort_keys=True) for each in found]


@hypothesis.given(st.lists(records(), max_size=6), records())
def test_its_records_fold_to_it_and_go_on_as_it_does(changes, more):
  state = LogState(changes)
  again = LogState(json.loads(json.dumps(list(state.records()))))
  assert seen(again) == seen(state)
  state.add(more)
  again.add(more)
  assert seen(again) == seen(state)


@hypothesis.given(st.lists(records(), max_size=4), records())
def test_a_copy_stays_as_it_was(changes, more):
  state = LogState(changes)
  copy, before = state.copied(), seen(state)
  state.add(more)
  assert seen(copy) == before


def add(*names: str, codes=(1, 2), mark="one"):
  return {
    "mark": mark,
    "add": [{"item_id": n, "text": n, "codes": codes} for n in names],
  }


def test_removed_items_stand_in_the_order_in_which_they_went():
  state = LogState(
    [add("a", "b", "c"), {"remove": ["c", "shop's own"]}, {"remove": ["a"]}]
  )
  assert list(state.removed) == ["c", "a"]
  state.add(add("c"))
  state.add({"remove": ["b", "c"]})
  assert list(state.removed) == ["a", "b", "c"]


def test_what_is_forgotten_is_a_new_item_when_it_comes_back():
  state = LogState([add("a", codes=(1, 1)), {"remove": ["a"]}])
  state.add(add("a", codes=(2, 2)))
  assert state.change("one").add[0].codes == (1, 1)
  state.add({"remove": ["a"]})
  state.add({"forget": ["a"]})
  assert (state.ids("one"), state.change("one").add) == (0, [])
  # A run that was trained meanwhile must not show it.
  assert state.change("one").remove == ["a"]
  state.add(add("a", codes=(2, 2)))
  assert state.change("one").add[0].codes == (2, 2)
  assert state.change("one").remove == []


def test_many_items_are_several_lines():
  names = [f"i{n}" for n in range(1200)]
  state = LogState([add(*names), {"stock": dict.fromkeys(names, False)}])
  lines = list(state.records())
  assert len(lines) == 6
  assert LogState(lines).change("one") == state.change("one")


def test_it_knows_the_model_that_was_served_last():
  state = LogState([{"model": "0001 abc"}, {"prices": {"a": 1}}])
  assert LogState(state.records()).model == "0001 abc"
