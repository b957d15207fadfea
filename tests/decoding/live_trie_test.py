import functools

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import stateful

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.live_trie import make_live_trie
from tests.reference import dictionary_trie
from tests.reference.hashed_generator import HashedGenerator
from tests.reference.random_ids import random_ids

GENERATOR = HashedGenerator((3, 40, 4), has_ends=True)
SIZES = GENERATOR.level_sizes
VALUES = np.uint32(1 << 16)
CAPACITY, BATCH, EXCLUDED = 48, 2, 4
# One width that holds every prefix, and a schedule that does not.
WIDTHS = ((CAPACITY,) * 3, (2, 5, 3))
SEEDS = st.integers(0, 2**32 - 1)


@functools.partial(jax.jit, static_argnames=("beam_size", "filtered"))
@chex.assert_max_traces(n=2 * len(WIDTHS))
def search(prompt, trie, excluded, allowed, *, beam_size, filtered):
  filters = {"excluded": excluded, "allowed": allowed} if filtered else {}
  return beam_search(
    GENERATOR,
    VALUES,
    prompt,
    trie,
    beam_size=beam_size,
    **filters,
  )


def check_search(live, table, seed, widths, filtered):
  """What the search of `live` returns is right for the set `table`."""
  rng = np.random.default_rng(seed)
  prompt = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
  excluded = rng.integers(-1, len(table) + 1, (BATCH, EXCLUDED), np.int32)
  allowed = rng.random((BATCH, CAPACITY)) < 0.7
  result = jax.device_get(
    search(
      prompt,
      live.trie,
      excluded,
      allowed,
      beam_size=widths,
      filtered=filtered,
    )
  )
  for b in range(BATCH):
    rows = set(range(len(table)))
    if filtered:
      rows = {r for r in rows - set(excluded[b].tolist()) if allowed[b, r]}
    next_log_probs = GENERATOR.next_log_probs(VALUES, prompt[b])
    expected = dictionary_trie.beam_search(
      dictionary_trie.build(table, rows) if rows else {}, next_log_probs, widths
    )
    found = result.valid[b]
    assert result.ids[b][found].tolist() == [row for row, _, _ in expected]
    assert result.log_probs[b][found].tolist() == [s for _, s, _ in expected]
    assert [tuple(c) for c in result.codes[b][found].tolist()] == [
      codes for _, _, codes in expected
    ]
    if widths == WIDTHS[0]:
      everything = dictionary_trie.enumerate_ids(table, rows, next_log_probs)
      assert {row: score for row, score, _ in expected} == everything


def as_table(ids):
  return np.array(sorted(ids), np.int32).reshape(-1, len(SIZES))


class Catalogue(stateful.RuleBasedStateMachine):
  """A live trie beside a dictionary from IDs to numbers."""

  @stateful.initialize(seed=SEEDS, count=st.integers(0, 30))
  def begin(self, seed, count):
    rng = np.random.default_rng(seed)
    ids = random_ids(rng, SIZES, max(count, 1), has_ends=True)[:count]
    self.live = make_live_trie(ids, SIZES, capacity=CAPACITY, has_ends=True)
    self.numbers = {tuple(row): i for i, row in enumerate(ids.tolist())}
    self.given = len(ids)
    self.old = []

  @stateful.rule(seed=SEEDS, count=st.integers(0, 12))
  def add(self, seed, count):
    rng = np.random.default_rng(seed)
    codes = random_ids(rng, SIZES, max(count, 1), has_ends=True)[:count]
    codes = rng.permutation(np.concatenate((codes, codes[:2])))
    wanted = dict.fromkeys(map(tuple, codes.tolist()))
    new = [row for row in wanted if row not in self.numbers]
    self.old.append((self.live, as_table(self.numbers)))
    if len(self.numbers) + len(new) > CAPACITY:
      with pytest.raises(ValueError, match="do not fit a capacity of 48"):
        self.live.add(codes)
      return
    version = self.live.version
    self.live = self.live.add(codes)
    assert self.live.version == version + bool(new)
    for row in new:
      self.numbers[row] = self.given
      self.given += 1

  @stateful.rule(seed=SEEDS, share=st.floats(0, 1))
  def remove(self, seed, share):
    rng = np.random.default_rng(seed)
    table = as_table(self.numbers)
    codes = rng.permutation(table[rng.random(len(table)) < share])
    absent = random_ids(rng, SIZES, 3, has_ends=True)
    self.old.append((self.live, table))
    self.live = self.live.remove(np.concatenate((codes, absent)))
    for row in (*codes.tolist(), *absent.tolist()):
      self.numbers.pop(tuple(row), None)

  @stateful.rule(
    seed=SEEDS,
    widths=st.sampled_from(WIDTHS),
    filtered=st.booleans(),
  )
  def search(self, seed, widths, filtered):
    check_search(
      self.live, as_table(self.numbers), seed, widths, filtered=filtered
    )

  @stateful.precondition(lambda self: self.old)
  @stateful.rule(seed=SEEDS, widths=st.sampled_from(WIDTHS))
  def search_an_old_version(self, seed, widths):
    live, table = self.old[seed % len(self.old)]
    check_search(live, table, seed, widths, filtered=False)

  @stateful.invariant()
  def tables_and_numbers_are_those_of_the_set(self):
    if not hasattr(self, "live"):
      return
    table = as_table(self.numbers)
    np.testing.assert_array_equal(self.live.ids, table)
    np.testing.assert_array_equal(
      self.live.numbers, [self.numbers[tuple(row)] for row in table.tolist()]
    )
    np.testing.assert_array_equal(
      self.live.rows_of(table), np.arange(len(table))
    )
    assert self.live.next_number == self.given


TestEveryVersionIsSearchedExactly = Catalogue.TestCase
TestEveryVersionIsSearchedExactly.settings = hypothesis.settings(
  max_examples=12, stateful_step_count=10
)


@hypothesis.given(SEEDS, st.booleans())
def test_arrays_after_changes_are_those_of_a_new_build(seed, has_ends):
  rng = np.random.default_rng(seed)
  table = random_ids(rng, SIZES, 40, has_ends=has_ends)
  first, second = rng.random((2, len(table))) < 0.5
  options = {"capacity": CAPACITY, "has_ends": has_ends}
  live = make_live_trie(table[first], SIZES, **options)
  live = live.add(rng.permutation(table)).remove(table[second])
  new = make_live_trie(table[~second], SIZES, **options)
  chex.assert_trees_all_equal(live.arrays, new.arrays)
  chex.assert_trees_all_equal_shapes_and_dtypes(live.trie, new.trie)
  assert jax.tree.structure(live.trie) == jax.tree.structure(new.trie)


def test_rows_of_what_is_not_there_are_minus_one():
  table = random_ids(np.random.default_rng(0), SIZES, 40, has_ends=True)
  live = make_live_trie(table[::2], SIZES, capacity=CAPACITY)
  expected = np.where(np.arange(len(table)) % 2, -1, np.arange(len(table)) // 2)
  np.testing.assert_array_equal(live.rows_of(table), expected)


@pytest.mark.parametrize(
  ("codes", "message"),
  [
    ([[0, 0]], r"must be \[n, 3\]; got \(1, 2\)"),
    ([[0, 0, 0], [0, 40, 0]], r"\[0, 40, 0\] of row 1 does not fit"),
    ([[-1, 0, 0]], "does not fit"),
    ([[0, -1, -1]], "has_ends=True would allow -1"),
  ],
)
def test_codes_that_do_not_fit_are_refused(codes, message):
  live = make_live_trie(np.zeros((1, 3)), SIZES, capacity=CAPACITY)
  for change in (live.add, live.remove, live.rows_of):
    with pytest.raises(ValueError, match=message):
      change(np.array(codes))


def test_a_code_after_an_end_is_refused():
  live = make_live_trie(
    np.zeros((1, 3)), SIZES, capacity=CAPACITY, has_ends=True
  )
  with pytest.raises(ValueError, match=r"\[0, -1, 2\] of row 0 does not fit"):
    live.add(np.array([[0, -1, 2]]))
