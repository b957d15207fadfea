import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_logs import IDS, cut, logs, popularity

SIZES = (3, 4, 2)
ALPHA = 0.5


@st.composite
def catalogues(draw):
  """IDs of any lengths, several items to an ID, and their counts."""
  ends = draw(st.booleans())
  row = [st.integers(-(ends and l > 0), c - 1) for l, c in enumerate(SIZES)]
  rows = draw(st.lists(st.tuples(*row), min_size=1, max_size=20))
  codes = np.array(rows, np.int32)
  codes[:, 2][codes[:, 1] < 0] = -1
  counts = draw(
    st.lists(st.integers(0, 9), min_size=len(codes), max_size=len(codes))
  )
  return SemanticIds(codes, SIZES), np.array(counts)


def share(ids, counts, prefix, code):
  """By looking at every item."""
  depth = len(prefix)
  under = (ids.codes[:, :depth] == prefix).all(axis=1)
  chosen = under & (ids.codes[:, depth] == code)
  mass = counts + ALPHA
  return mass[chosen].sum() / mass[under].sum()


@given(catalogues())
def test_shares_are_those_of_counting_every_item(catalogue):
  ids, counts = catalogue
  table = count_catalogue(ids, counts, alpha=ALPHA)
  for item in ids.codes:
    node = np.zeros(1, np.int32)
    for level, code in enumerate(item):
      row = np.asarray(table.rows(level, node))[0]
      assert row.sum() == pytest.approx(1, abs=1e-5)
      column = SIZES[level] if code < 0 else code
      assert row[column] == pytest.approx(
        share(ids, counts, item[:level], code), abs=1e-5
      )
      node = table.step(level, node, np.array([code]))
      if code < 0:
        break


@given(catalogues())
def test_prefixes_that_the_catalogue_lacks_have_no_children(catalogue):
  ids, counts = catalogue
  table = count_catalogue(ids, counts, alpha=ALPHA)
  known = {tuple(row[:1]) for row in ids.codes}
  for code in range(SIZES[0]):
    node = table.step(0, np.zeros(1, np.int32), np.array([code]))
    assert (np.asarray(table.rows(1, node)).sum() > 0) == ((code,) in known)
    for later in range(SIZES[1]):
      gone = table.step(1, node, np.array([later]))
      if not (ids.codes[:, :2] == (code, later)).all(axis=1).any():
        assert not np.asarray(table.rows(2, gone)).any()


@given(catalogues())
def test_room_for_more_changes_no_share(catalogue):
  ids, counts = catalogue
  exact = count_catalogue(ids, counts, alpha=ALPHA)
  roomy = count_catalogue(ids, counts, alpha=ALPHA, capacity=30)
  nodes = np.zeros(1, np.int32), np.zeros(1, np.int32)
  for level, code in enumerate(ids.codes[0]):
    a, b = (t.rows(level, n) for t, n in zip((exact, roomy), nodes))
    np.testing.assert_array_equal(a, b)
    steps = exact.step, roomy.step
    nodes = tuple(step(level, n, code[None]) for step, n in zip(steps, nodes))


def test_more_ids_keep_every_shape():
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, c, 12) for c in SIZES], axis=1)
  shapes = [
    jax.tree.map(
      lambda x: x.shape,
      count_catalogue(
        SemanticIds(codes[:n], SIZES), np.ones(n), alpha=1.0, capacity=24
      ),
    )
    for n in (3, 12)
  ]
  assert shapes[0] == shapes[1]


@given(logs())
def test_left_out_events_are_as_if_they_were_not_counted(log):
  sequences, user, end = log
  table = count_catalogue(IDS, popularity(sequences), alpha=ALPHA)
  anew = count_catalogue(
    IDS, popularity(cut(sequences, user, end)), alpha=ALPHA
  )
  # The second row leaves nothing out; each has all items as its prefixes.
  events = np.full((2, 9), -1, np.int32)
  gone = IDS.id_of_item[sequences[user][end:]]
  events[0, : len(gone)] = gone
  left = table.without(LeftOut(events))
  codes, many = np.tile(IDS.codes, (2, 1)), len(IDS)
  nodes = np.zeros(2 * many, np.int32)
  for level in range(3):
    rows = np.asarray(left.rows(level, nodes))
    children = table.step(level, nodes, codes[:, level])
    shares = np.asarray(left.share(level, nodes, children))
    for part, other in ((slice(many), anew), (slice(many, None), table)):
      np.testing.assert_allclose(
        rows[part], other.rows(level, nodes[part]), atol=1e-6
      )
      np.testing.assert_allclose(
        shares[part],
        other.share(level, nodes[part], children[part]),
        atol=1e-6,
      )
    nodes = children


def test_leaving_out_keeps_the_pseudo_counts():
  ids = SemanticIds(np.array([[0], [1]]), (2,))
  table = count_catalogue(ids, np.array([1, 2]), alpha=0.5)
  left = table.without(LeftOut(np.array([[0, 1], [1, -1]], np.int32)))
  found = left.rows(0, np.zeros(2, np.int32))
  np.testing.assert_allclose(found, [[0.25, 0.75], [0.5, 0.5]], atol=1e-6)


def test_alpha_must_leave_every_prefix_some_mass():
  with pytest.raises(ValueError, match="alpha must be above 0; got 0"):
    count_catalogue(SemanticIds(np.zeros((1, 3)), SIZES), np.ones(1), alpha=0)
