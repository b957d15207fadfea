import re

from gr_jax.evaluation.report import page_style, svg


def test_light_and_dark_define_the_colours_that_pictures_use():
  light, dark = re.findall(r":root \{(.*?)\}", page_style.CSS, re.DOTALL)
  names = set(re.findall(r"(--[\w-]+):", light))
  assert names == set(re.findall(r"(--[\w-]+):", dark))
  assert set(svg.VARIABLES.values()) <= names


def test_the_style_needs_nothing_from_outside():
  assert not re.search(r"url\(|@import|http", page_style.CSS)
