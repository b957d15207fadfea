"""Values live for their time, under their stamp, within their bytes."""

import collections

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.engine.result_cache import ResultCache


@pytest.fixture
def made():
  """A cache of 10 s, its clock and its events."""
  now, events = [0.0], collections.Counter()
  cache = ResultCache(
    seconds=10.0,
    most=1500,
    on_event=lambda event: events.update([event]),
    clock=lambda: now[0],
  )
  assert cache.find(1, b"") is None
  events.clear()
  return cache, now, events


def test_a_value_is_found_until_its_time_is_up(made):
  cache, now, events = made
  cache.keep(1, b"a", b"value")
  now[0] = 9.9
  assert cache.find(1, b"a") == b"value"
  now[0] = 10.0
  assert cache.find(1, b"a") is None
  assert len(cache) == cache.size == 0
  assert events == {"hit": 1, "miss": 1, "expired": 1}


def test_a_read_does_not_make_a_value_live_longer(made):
  cache, now, _ = made
  cache.keep(1, b"a", b"value")
  for now[0] in range(10):
    assert cache.find(1, b"a")
  now[0] = 10.0
  assert cache.find(1, b"a") is None


def test_another_stamp_finds_nothing_and_brings_nothing_back(made):
  cache, _, _ = made
  cache.keep(1, b"a", b"value")
  assert cache.find(2, b"a") is None
  assert cache.size == 0
  assert cache.find(1, b"a") is None


def test_an_answer_of_an_older_stamp_is_not_kept(made):
  cache, _, _ = made
  cache.find(2, b"a")
  cache.keep(1, b"a", b"old")
  assert len(cache) == 0
  assert cache.find(2, b"a") is None


def test_the_first_key_that_has_a_value_is_found(made):
  cache, _, events = made
  for key in (b"b", b"c"):
    cache.keep(1, key, key * 2)
  assert cache.find(1, b"a", b"c", b"b") == b"cc"
  assert cache.find(1, b"x", b"y") is None
  assert cache.find(1) is None
  assert events == {"hit": 1, "miss": 2}


def test_who_was_not_read_for_longest_makes_room(made):
  cache, _, events = made
  for key in (b"a", b"b", b"c"):
    cache.keep(1, key, b"x")
  cache.find(1, b"a")
  cache.keep(1, b"d", b"x")
  assert cache.find(1, b"b") is None
  assert all(cache.find(1, key) for key in (b"a", b"c", b"d"))
  assert events["evicted"] == 1
  cache.keep(1, b"e", b"x" * 2000)
  assert cache.find(1, b"e") is None
  assert events["evicted"] == 1


@hypothesis.given(
  st.lists(st.tuples(st.integers(0, 9), st.integers(0, 900)), max_size=60)
)
def test_bytes_are_counted_and_bounded(steps):
  cache, expected = ResultCache(seconds=1e9, most=4000), {}
  cache.find("stamp", b"")
  for key, size in steps:
    name = b"%d" % key
    cache.keep("stamp", name, bytes(size))
    expected[name] = bytes(size)
    assert cache.find("stamp", name) == bytes(size)
    assert 0 < cache.size <= 4000
  for name, value in expected.items():
    assert cache.find("stamp", name) in (None, value)
  assert (cache.size == 0) == (len(cache) == 0)
