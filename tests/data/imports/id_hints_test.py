"""Ids that are the same but for their spelling are told apart from others."""

import polars as pl
import pytest

from gr_jax.data.imports.id_hints import id_hint


@pytest.mark.parametrize(
  ("unknown", "known", "said"),
  [
    (["7", "42"], ["007", "042"], "leading zeros ('7' and '007')"),
    (["0042"], ["42"], "leading zeros ('0042' and '42')"),
    (["42.0", "7.0"], ["42", "7"], "'.0' at the end ('42.0' and '42')"),
    (["b1"], ["B1"], "upper and lower case ('b1' and 'B1')"),
    (["gid://shop/Product/42"], ["42"], "a prefix"),
    (["42"], ["item_42"], "a prefix ('42' and 'item_42')"),
  ],
)
def test_a_difference_of_spelling_is_named(unknown, known, said):
  hint = id_hint(pl.Series(unknown), pl.Series([*known, "x"]))
  assert said in hint


def test_other_ids_are_not_explained():
  assert id_hint(pl.Series(["a", "b"]), pl.Series(["c", "d"])) == ""
  assert id_hint(pl.Series([], dtype=pl.String), pl.Series(["c"])) == ""
  assert id_hint(pl.Series(["a1", "a2"]), pl.Series(["b1", "b2"])) == ""
  # One of three is chance.
  assert id_hint(pl.Series(["A", "q", "r"]), pl.Series(["a"])) == ""
