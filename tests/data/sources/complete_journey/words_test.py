"""Clipped phrases become natural words."""

import polars as pl
import pytest

from gr_jax.data.sources.complete_journey.words import (
  item_texts,
  names_nothing,
  natural_words,
  whole_phrase,
)


@pytest.mark.parametrize(
  ("phrase", "words"),
  [
    ("FRZN ICE", "frozen ice"),
    ("ICE - CRUSHED/CUBED", "ice crushed cubed"),
    ("BREAD:ITALIAN/FRENCH", "bread italian french"),
    ("FLUID MILK WHITE ONLY", "fluid milk white only"),
    ("SW GDS:DONUTS", "sweet goods donuts"),
    ("CHIX: ROTISSERIE (HOT)", "chicken rotisserie hot"),
    ("POTATOES RUSSET (BULK&BAG)", "potatoes russet"),
    ("ISOTONIC DRINKS SINGLE SERVE", "isotonic drinks single serve"),
    ("PNT BTR/JELLY/JAMS", "peanut butter jelly jams"),
    ("COTTON COTTON SWABS", "cotton swabs"),
    ("SFT DRNK 2 LITER BTL CARB", "soft drink liter bottle carbonated"),
    (None, ""),
  ],
)
def test_phrases_become_natural_words(phrase, words):
  assert " ".join(natural_words(phrase)) == words


def test_what_the_column_cut_off_is_dropped():
  assert whole_phrase("SOFT DRINKS 12/18&15PK CAN CAR").endswith("CAN ")
  assert (
    whole_phrase("CANDY BARS (SINGLES)(INCLUDING") == "CANDY BARS (SINGLES)"
  )
  assert whole_phrase("PEANUT BUTTER") == "PEANUT BUTTER"
  assert whole_phrase(None) == ""


def test_a_grade_alone_names_nothing():
  assert names_nothing(("premium",))
  assert not names_nothing(("premium", "bread"))


def test_item_text_says_type_category_department_brand_and_size():
  products = pl.DataFrame(
    {
      "department": ["GROCERY", None],
      "brand": ["Private", None],
      "product_category": ["FRZN ICE", None],
      "product_type": ["ICE - CRUSHED/CUBED", None],
      "package_size": ["22 LB", None],
    }
  )
  assert item_texts(products) == [
    "ice crushed cubed frozen grocery store brand 22 lb",
    "unlisted product",
  ]
