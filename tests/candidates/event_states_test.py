import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.candidates.event_states import event_states
from tests.reference.small_logs import logs, requests_of

TAUS = (2.0, 30.0)


@given(logs(), st.integers(0, 2))
def test_states_are_those_of_counting_the_events_so_far(drawn, span):
  requests = requests_of(drawn[0])
  labels = requests.event_item // (span + 1)
  found = event_states(requests, labels, taus=TAUS)
  user, time = requests.event_user, requests.event_time
  for e in range(len(labels)):
    same = (user == user[e]) & (labels == labels[e])
    so_far = np.flatnonzero(same & (np.arange(len(labels)) <= e))
    later = np.flatnonzero(same & (np.arange(len(labels)) > e))
    assert found.following[e] == min(later, default=len(labels))
    assert found.number[e] == len(so_far)
    assert found.first[e] == time[so_far[0]]
    ages = (time[e] - time[so_far])[:, None]
    np.testing.assert_allclose(
      found.decayed[e], np.exp(-ages / np.array(TAUS)).sum(0), rtol=1e-5
    )
