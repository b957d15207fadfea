import numpy as np

from gr_jax.generators.prompts.usual_items import UsualItems
from gr_jax.retrieval.prompting import PromptRequest, _log

DAY = 86_400


def log(items, days):
  """One user's events, and a request a day after the last."""
  ages = [DAY * (days[-1] + 1 - day) for day in days]
  history = tuple(zip(items, ages))
  return _log([PromptRequest(history=history)], np.array(items))


def chosen(items, days, *, history, lookback=50):
  made = log(items, days)
  usual = UsualItems(made, history=history, lookback=lookback)
  events, keep = usual(np.zeros(1, int))
  return made.event_item[events[keep]].tolist(), keep


def test_what_is_bought_often_stays_before_what_was_bought_once():
  items, keep = chosen([7, 7, 7, 7, 5, 6], [0, 7, 14, 21, 27, 28], history=2)
  assert items == [7, 6]
  assert keep.all()


def test_the_newest_stands_last_and_empty_places_are_on_the_left():
  items, keep = chosen([3, 9, 3], [0, 1, 2], history=4)
  assert items == [9, 3]
  assert keep[0].tolist() == [False, False, True, True]


def test_only_the_latest_events_are_searched():
  items, _ = chosen([3, 9, 8], [0, 1, 2], history=4, lookback=2)
  assert items == [9, 8]


def test_counts_are_of_the_user_up_to_an_event():
  made = log([3, 9, 3], [0, 1, 2])
  usual = UsualItems(made, history=2, lookback=9)
  assert usual.counts[:3].tolist() == [1, 1, 2]
