"""However a price is written, it is the same amount."""

import math
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.amounts import read_amounts


def _read(*texts: str | None) -> list[float | None]:
  column = pl.Series("value", texts, dtype=pl.String)
  return read_amounts(column, noun="prices").values.to_list()


@pytest.mark.parametrize(
  ("text", "amount"),
  [
    ("1,42", 1.42),
    ("1.299,00", 1299),
    ("1,299.00", 1299),
    ("€12", 12),
    ("$5.00", 5),
    ("US$ 5", 5),
    ("12 EUR", 12),
    ("12eur", 12),
    ("1 299,00 kr", 1299),
    ("1\u202f299,5 kr.", 1299.5),
    ("CHF 1'299.50", 1299.5),
    ("1.234.567", 1_234_567),
    ("Rs. 1,00,000.5", 100_000.5),
    ("12,-", 12),
    ("R$3,50", 3.5),
    ("5,00 Euro", 5),
    ("1.299.000\u00a0\u20ab", 1_299_000),
    (".5", 0.5),
    ("0", 0),
    ("0,00 €", 0),
    ("1e3", 1000),
    ("-$3,50", -3.5),
    ("$-3.50", -3.5),
    ("inf", math.inf),
    ("12 kg", None),
    ("1,2,3", None),
    ("12 34", None),
    ("1.2.3", None),
    ("\u2014", None),
    ("EUR", None),
    ("free", None),
  ],
)
def test_a_price_alone_says_what_it_is(text, amount):
  assert _read(text) == [amount]


@pytest.mark.parametrize(
  ("texts", "amounts"),
  [
    (["1,299", "5.00"], [1299, 5]),
    (["1,299", "5,00"], [1.299, 5]),
    (["1.299", "5,00"], [1299, 5]),
    (["1.299", "5.00"], [1.299, 5]),
    (["1,299"], [1299]),
    (["1.299"], [1.299]),
    (["0,299"], [0.299]),
  ],
)
def test_one_mark_before_three_digits_is_what_the_column_says(texts, amounts):
  assert _read(*texts) == amounts


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_money_is_read_back_in_every_country(cents):
  amounts = [c / 100 for c in cents]
  english = [f"{a:,.2f}" for a in amounts]
  swapped = str.maketrans(",.", ".,")
  german = [text.translate(swapped) for text in english]
  french = [text.replace(".", " ") + " €" for text in german]
  swiss = ["CHF " + text.replace(",", "'") for text in english]
  for texts in (english, german, french, swiss):
    assert _read(*texts) == amounts


@given(st.lists(st.floats(allow_nan=False), max_size=8))
def test_plain_numbers_stay_what_they_are(numbers):
  texts = [repr(x) for x in numbers]
  assert _read(*texts) == numbers
  # Beside an odd one, too, but for what three digits leave open.
  sure = [t for t in texts if not re.fullmatch(r"-?\d{1,3}\.\d{3}", t)]
  assert _read(*sure, "1,5")[:-1] == [float(text) for text in sure]


@given(st.lists(st.text("0123456789., '-$€EURkr", max_size=12), max_size=6))
def test_no_text_breaks_it(texts):
  column = pl.Series("value", texts, dtype=pl.String)
  values, notes = read_amounts(column, noun="prices")
  assert (values.len(), values.dtype) == (len(texts), pl.Float64)
  assert all("\n" not in note for note in notes)


def test_what_was_assumed_is_said():
  column = pl.Series("value", ["1,42", "9,99 €", "2.500", "10 $", None])
  notes = read_amounts(column, noun="prices").notes
  assert notes == [
    "2 prices have a decimal comma ('1,42' is 1.42).",
    "1 prices have one mark before three digits: '2.500' is 2500, as the "
    "other prices have it.",
    "2 prices have a currency, which is left out: € (1), $ (1); they are "
    "compared as they are, without an exchange rate.",
  ]
  assert read_amounts(pl.Series(["1", "x"]), noun="prices").notes == []
