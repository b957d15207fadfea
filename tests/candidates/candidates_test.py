import jax
import numpy as np

from gr_jax.candidates.candidates import KINDS, Candidates
from gr_jax.data.requests import TEST
from tests.reference import candidate_log


def written(*, shown: bool) -> tuple[np.ndarray, Candidates]:
  requests = candidate_log.log().requests
  rows = np.flatnonzero(requests.split == TEST)
  writer = candidate_log.writer()
  return rows, writer(rows[:, None], shown=np.full(len(rows), shown))


def test_kinds_say_whether_there_is_a_query_and_whether_the_user_is_known():
  requests = candidate_log.log().requests
  for shown in (True, False):
    rows, found = written(shown=shown)
    past = (
      requests.history_end[rows]
      > requests.user_offsets[:-1][requests.user[rows]]
    )
    for row, known, kind in zip(rows, past & shown, found.kind[:, 0]):
      if requests.query[row] < 0:
        assert KINDS[kind] == "next_basket"
      else:
        assert KINDS[kind] == ("personalised" if known else "semantic")


def test_arrays_have_one_entry_a_candidate_and_zeros_where_there_is_none():
  rows, found = written(shown=False)
  B, P, R = found.mask.shape
  assert (B, P) == (len(rows), 1) == found.kind.shape
  assert found.codes.shape[:3] == found.features.shape[:3] == (B, P, R)
  assert (found.codes[~found.mask] == -1).all()
  assert (found.features[~found.mask] == 0).all()
  assert (found.codes[found.mask][:, 0] >= 0).all()


def test_candidates_are_a_tree_of_their_arrays():
  _, found = written(shown=True)
  leaves = jax.tree.leaves(found)
  assert [leaf.shape for leaf in leaves] == [
    found.codes.shape,
    found.features.shape,
    found.mask.shape,
    found.kind.shape,
  ]
  first = jax.tree.map(lambda x: x[:1], found)
  assert isinstance(first, Candidates)
  np.testing.assert_array_equal(first.codes, found.codes[:1])
