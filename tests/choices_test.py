import pytest

from gr_jax.choices import choose


def test_a_name_gives_its_option():
  assert choose("a.b", "two", {"one": 1, "two": 2}) == 2


def test_an_unknown_name_is_told_with_its_key_and_the_options():
  with pytest.raises(ValueError, match=r"a\.b is 'six'; use one of one, two\."):
    choose("a.b", "six", {"one": 1, "two": 2})
