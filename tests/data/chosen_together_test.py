"""Visits are what all requests of a user at one time led to."""

import dataclasses
from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.chosen_together import training_visits
from gr_jax.data.training_period import page_mask
from tests.data.requests_test import small_requests

SMALL = small_requests()
COUNT = len(SMALL)


@given(st.lists(st.integers(0, 3), min_size=COUNT, max_size=COUNT))
def test_visits_are_those_of_a_dictionary(times):
  time = np.sort(np.array(times, np.int64)) + int(SMALL.event_time.max()) + 1
  requests = dataclasses.replace(SMALL, time=time)
  visits = defaultdict(set)
  for line in np.flatnonzero(page_mask(requests)):
    request = requests.page_request[line]
    place = int(requests.user[request]), int(time[request])
    visits[place].add(int(requests.page_item[line]))
  single = sum(len(items) == 1 for items in visits.values())
  assert training_visits(requests) == (single, len(visits))
