"""States are kept while there is room, and not longer than they hold."""

import numpy as np

from gr_jax.ranking.ranker import Events
from gr_jax.serving.ranking.user_states import UserStates, joined
from gr_jax.serving.users.history_state import Event


class Sent:
  def __init__(self):
    self.events = {}

  def of(self, user_id):
    return tuple(self.events.get(user_id, ()))


def test_the_least_recently_used_goes_first(run):
  sent = Sent()
  size = run.ranker.encode(run.ranker.events([])).size
  states = UserStates(run.ranker, sent, most=2 * size)
  for user in ("new 1", "new 2", "new 1", "new 3", "new 1", "new 2"):
    states.of(user)
  assert (states.hits, states.misses) == (2, 4)
  assert states.size == 2 * size


def test_an_event_makes_a_state_anew(run):
  sent = Sent()
  states = UserStates(run.ranker, sent, most=10**9)
  item = run.data.catalogue.item_ids[0]
  first = states.of("new")
  sent.events["new"] = [Event("new", item, "click", 1e9)]
  second = states.of("new")
  assert second.places == first.places + 1
  assert second.newest == 10**9
  assert states.of("new") is second
  assert states.size == second.size


def test_what_was_sent_comes_behind_the_log():
  log = Events(np.array([4, 5]), np.array([1, 2]), np.array([10, 20]), user=3)
  sent = Events(np.array([6, 7]), np.array([1, 1]), np.array([5, 30]))
  found = joined(log, sent)
  assert found.items.tolist() == [4, 5, 6, 7]
  assert found.times.tolist() == [10, 20, 20, 30]
  assert found.user == 3
  assert joined(Events(*(np.zeros(0, int),) * 3), sent).times.tolist() == [
    5,
    30,
  ]
