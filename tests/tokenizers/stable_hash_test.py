"""Hashes of fields are those of every machine and version."""

import os
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.tokenizers.stable_hash import hash_codes, hash_fields

text = st.text("ab1-\n\u00f8", max_size=3)
texts = st.lists(st.none() | text, min_size=1, max_size=4)

# Codes that were given out: a change here makes every ID of an item another.
GOLDEN = {
  ("account 7", "item 42", "purchase"): 7368188425897066333,
  (7, 42, 3): 12056130288613471554,
  ("k\u00f8b", "\u8d2d\u4e70", ""): 12847840901513810739,
  (None, "x"): 18347109237102844873,
  ("",): 14941502581350689899,
}


@pytest.mark.parametrize("fields", GOLDEN)
def test_hashes_are_those_that_were_given_out(fields):
  assert hash_fields(fields) == GOLDEN[fields]


def test_another_process_gives_the_same_hash():
  """With another seed of Python's own hash of texts."""
  program = (
    "from gr_jax.tokenizers.stable_hash import hash_codes\n"
    "print(hash_codes([('a', 1), (None, 'b')], num_codes=1000).tolist())"
  )
  found = subprocess.run(
    [sys.executable, "-c", program],
    env={**os.environ, "PYTHONHASHSEED": "12345"},
    capture_output=True,
    text=True,
    check=True,
  )
  mine = hash_codes([("a", 1), (None, "b")], num_codes=1000).tolist()
  assert found.stdout.strip() == str(mine)


@hypothesis.given(texts, texts)
def test_different_fields_have_different_hashes(first, second):
  """Where one field ends and the next begins is hashed as well."""
  same = hash_fields(first) == hash_fields(second)
  assert same == (first == second)


@pytest.mark.parametrize(
  ("first", "second"),
  [
    (("ab", "c"), ("a", "bc")),
    (("a", ""), ("", "a")),
    (("a", "b"), ("b", "a")),
    ((None,), ("None",)),
    ((None,), ("",)),
    ((None,), ("-",)),
    (("1\na",), ("", "a")),
    (("",), ("", "")),
  ],
)
def test_fields_that_look_alike_are_apart(first, second):
  assert hash_fields(first) != hash_fields(second)


def test_a_number_is_its_text_whatever_its_type():
  assert hash_fields((17,)) == hash_fields(("17",))
  assert hash_fields((np.int32(17),)) == hash_fields((np.int64(17),))
  assert hash_fields((np.int32(17),)) == hash_fields((17,))


@hypothesis.given(
  st.lists(st.tuples(st.integers(), text), max_size=6), st.integers(1, 2**31)
)
def test_a_code_is_the_hash_modulo_the_codes(rows, num_codes):
  codes = hash_codes(rows, num_codes=num_codes)
  assert codes.dtype == np.int32
  assert codes.tolist() == [hash_fields(row) % num_codes for row in rows]


def test_codes_are_spread_evenly():
  """Chi-square of 20,000 numbers over 50 codes: 49 +- 10."""
  codes = hash_codes([(i,) for i in range(20_000)], num_codes=50)
  counts = np.bincount(codes, minlength=50)
  assert np.square(counts - 400).sum() / 400 < 49 + 5 * 10


@pytest.mark.parametrize("wrong", [1.0, True, b"x", np.float32(2)])
def test_a_field_that_is_written_in_several_ways_is_refused(wrong):
  with pytest.raises(ValueError, match=type(wrong).__name__):
    hash_fields((wrong,))


def test_items_have_the_same_fields():
  with pytest.raises(ValueError, match=r"\[1, 2\] fields"):
    hash_codes([("a",), ("a", "b")], num_codes=4)
  with pytest.raises(ValueError, match=r"\[0\] fields"):
    hash_codes([()], num_codes=4)
  for wrong in (0, 2**31 + 1):
    with pytest.raises(ValueError, match=f"num_codes={wrong}"):
      hash_codes([("a",)], num_codes=wrong)
