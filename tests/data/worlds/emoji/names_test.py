"""Names that captions can count, and their plurals."""

import pytest

from gr_jax.data.worlds.emoji.names import article, is_plain, plural


@pytest.mark.parametrize("name", ["fox", "red apple", "cactus", "dress"])
def test_a_name_of_one_or_two_words_is_plain(name):
  assert is_plain(name)


@pytest.mark.parametrize(
  "name",
  [
    "",
    "ear of rice",
    "fork and knife",
    "left hand",
    "grapes",
    "Fox",
    "jack-o-lantern",
    "keycap 1",
    "two hearts",
    "a  b",
  ],
)
def test_what_cannot_be_counted_or_joined_is_not(name):
  assert not is_plain(name)


@pytest.mark.parametrize(
  ("one", "many"),
  [
    ("a red apple", "red apples"),
    ("an octopus", "octopuses"),
    ("a fox", "foxes"),
    ("a cherry", "cherries"),
    ("a monkey", "monkeys"),
    ("a peach", "peaches"),
    ("a maple leaf", "maple leaves"),
    ("a tropical fish", "tropical fish"),
    ("a mouse", "mice"),
    ("a unicorn", "unicorns"),
    ("an owl", "owls"),
  ],
)
def test_one_and_many(one, many):
  name = one.partition(" ")[2]
  assert one == f"{article(name)} {name}"
  assert plural(name) == many
