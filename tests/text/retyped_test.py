import numpy as np
import pytest

from gr_jax.text import retyped
from gr_jax.text.encoder import unit_rows
from gr_jax.text.retyped import Retyped

WORDS = ("milk", "cream", "soap", "shampoo", "plates")
QUERY = ["chocolate", "milk", "plates"]


@pytest.fixture(scope="module")
def typist() -> Retyped:
  vectors = [[1, 0.1], [1, 0], [0.1, 1], [-1, 1], [0, 0]]
  return Retyped(WORDS, unit_rows(np.array(vectors)))


def rngs():
  return map(np.random.default_rng, range(200))


def forms(change) -> set[str]:
  return {" ".join(change(list(QUERY), rng)) for rng in rngs()}


def test_a_slip_is_one_edit_of_one_word_behind_its_first_letter():
  for form in forms(retyped._slip):
    wrong = [(a, b) for a, b in zip(form.split(), QUERY) if a != b]
    assert len(wrong) <= 1  # Two equal letters may be swapped.
    for word, meant in wrong:
      assert word[0] == meant[0]
      assert abs(len(word) - len(meant)) <= 1
  assert retyped._slip(["tea"], np.random.default_rng(0)) == ["tea"]


def test_other_changes_are_what_their_names_say():
  assert forms(retyped._number) == {
    "chocolates milk plates",
    "chocolate milks plates",
    "chocolate milk plate",
  }
  assert forms(retyped._join) == {
    "chocolatemilk plates",
    "chocolate milkplates",
  }
  assert forms(retyped._drop) == {
    "milk plates",
    "chocolate plates",
    "chocolate milk",
  }
  assert len(forms(retyped._order)) == 6
  one = ["milk"]
  for change in (retyped._join, retyped._drop, retyped._order):
    assert change(one, np.random.default_rng(0)) == one


def test_a_near_word_is_one_of_a_positive_cosine(typist):
  # "plates" has no vector, "chocolate" is unknown.
  assert forms(typist._near) == {
    " ".join(QUERY),
    *(f"chocolate {word} plates" for word in ("cream", "soap")),
  }


def test_an_added_word_is_a_known_one(typist):
  for form in forms(typist._add):
    words = form.split()
    assert len(words) == 4
    assert any(
      words[:at] + words[at + 1 :] == QUERY and words[at] in WORDS
      for at in range(4)
    )


def test_a_query_is_changed_and_keeps_a_word(typist):
  found = [typist(" ".join(QUERY), rng) for rng in rngs()]
  assert all(map(str.split, found))
  assert np.mean([form == " ".join(QUERY) for form in found]) < 0.2
  assert typist("!", np.random.default_rng(0)) == "!"
