"""A new item has the ID that the tokenizer of the run would have given it."""

import dataclasses

import numpy as np
import pytest

from gr_jax.retrieval.load import load_artefacts
from gr_jax.serving.catalogue.encoding import ItemEncoder
from gr_jax.serving.catalogue.items import NewItem, catalogue_items
from gr_jax.serving.requests import Invalid
from gr_jax.text.encoder import WordLlamaEncoder
from gr_jax.tokenizers import build
from gr_jax.tokenizers.given_ids import GivenIds
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.suffix import append_suffix

CUPS, PLATES = "KITCHEN > CUPS", "KITCHEN > PLATES"


@pytest.fixture(scope="module")
def artefacts(run):
  return load_artefacts(run)


@pytest.fixture(scope="module")
def encoder(artefacts):
  return ItemEncoder(artefacts)


@pytest.fixture(scope="module")
def items(artefacts):
  return catalogue_items(artefacts.catalogue, artefacts.semantic_ids)


@pytest.fixture(scope="module")
def known(run, artefacts):
  """The run's own items, as if they were new."""
  vectors = np.load(run / "vectors" / "items.npy")
  catalogue = artefacts.catalogue
  names = catalogue.category_names[1]
  return [
    NewItem(f"N{i}", "no word", names[row], vector=tuple(vector.tolist()))
    for i, (row, vector) in enumerate(zip(catalogue.categories[:, 1], vectors))
  ]


def test_items_of_the_run_have_the_ids_that_append_gives(encoder, items, known):
  ids = items.semantic_ids
  appended = append_suffix(ids, ids.codes[:, :-1])
  found = encoder.codes(known, items)
  np.testing.assert_array_equal(found, appended.codes[len(ids) :])
  together = ids.append(found)
  assert together.num_ids == len(together) == 120


def test_more_items_than_one_pass_holds_are_coded_as_one_by_one(
  encoder, items, known
):
  place = dataclasses.replace(items, semantic_ids=roomy(items.semantic_ids))
  many = [known[i % 7] for i in range(150)]
  alone = [encoder.codes([item], place)[0, :-1] for item in known[:7]]
  found = encoder.codes(many, place)
  wanted = [alone[i % 7] for i in range(150)]
  np.testing.assert_array_equal(found[:, :-1], wanted)


def roomy(ids: SemanticIds) -> SemanticIds:
  """With room for any number of suffixes."""
  return SemanticIds(ids.codes, (*ids.level_sizes[:-1], 1000))


def test_a_text_is_a_vector_that_nobody_bought(encoder, items, artefacts):
  texts = ["red cup 1", "a teapot of tin", ""]
  vectors = np.zeros((3, artefacts.vector_width), np.float32)
  text = WordLlamaEncoder().encode(texts)
  vectors[:, : text.shape[1]] = artefacts.text_weight * text
  written = [NewItem(f"N{i}", text, CUPS) for i, text in enumerate(texts)]
  given = [
    item._replace(text="no", vector=tuple(vector.tolist()))
    for item, vector in zip(written, vectors)
  ]
  np.testing.assert_array_equal(
    encoder.codes(written, items), encoder.codes(given, items)
  )


def test_where_vectors_are_the_users_own_a_new_item_brings_its_vector(
  artefacts, encoder, items, known
):
  stored = artefacts.manifests["vectors"]
  stored = stored | {"section": stored["section"] | {"path": "mine.parquet"}}
  own = ItemEncoder(
    dataclasses.replace(
      artefacts, manifests=artefacts.manifests | {"vectors": stored}
    )
  )
  np.testing.assert_array_equal(
    own.codes(known[:3], items), encoder.codes(known[:3], items)
  )
  with pytest.raises(Invalid, match=r"item 'N' has no vector.* brings its \d+"):
    own.codes([known[0], NewItem("N", "red cup")], items)


def test_a_category_is_the_first_code(encoder, items):
  codes = items.semantic_ids.codes
  for category, row in ((CUPS, 0), (PLATES, 1)):
    found = encoder.codes([NewItem("N", "tea", category)], items)
    assert found[0, 0] == codes[row, 0]
  assert codes[0, 0] != codes[1, 0]


def test_without_a_category_of_that_depth_the_tokenizer_chooses(encoder, items):
  for text in ("red cup 1", "blue plate"):
    none, above = encoder.codes(
      [NewItem("N", text), NewItem("M", text, "KITCHEN")], items
    )
    assert none[:-1].tolist() == above[:-1].tolist()


def test_a_category_without_a_code_is_coded_as_the_neighbours_are(
  encoder, items
):
  codes = items.semantic_ids.codes
  new = [NewItem("N", "red cup", "GARDEN"), NewItem("M", "red plate", "A > B")]
  found = encoder.codes(new, items)
  assert found[:, 0].tolist() == [codes[0, 0], codes[1, 0]]


def test_the_neighbours_give_a_category_where_none_is_given(encoder, items):
  new = [
    NewItem("N", "red cup 6"),
    NewItem("M", "red cup 6", PLATES),
    NewItem("O", "blue plate"),
    NewItem("P", "!"),
  ]
  cup, given, plate, silent = encoder.with_categories(new, items)
  assert (cup.category, plate.category) == (CUPS, PLATES)
  assert 0 < plate.category_share <= 1
  assert given == new[1]
  assert silent.category is None or silent.category_share


def test_items_of_one_place_get_ids_of_their_own(encoder, items, known):
  twins = [known[3], known[3]._replace(item_id="twin")]
  one, other = encoder.codes(twins, items)
  assert one[:-1].tolist() == other[:-1].tolist()
  assert other[-1] == one[-1] + 1


def test_a_full_level_raises_with_the_items_that_it_would_hold(
  encoder, items, known
):
  with pytest.raises(ValueError, match="its suffix level only"):
    encoder.codes([known[3]] * 200, items)


@pytest.mark.parametrize(
  ("item", "said"),
  [
    (NewItem("N", "cup", vector=(1.0, 2.0)), "'N' has a vector of 2 numbers"),
    (NewItem("N", "cup", "A > B > C"), "'N' has category 'A > B > C'; give"),
  ],
)
def test_what_cannot_be_coded_is_refused_by_its_id(
  encoder, items, known, item, said
):
  with pytest.raises(Invalid, match=said):
    encoder.codes([known[0], item], items)


def test_ids_of_a_table_are_for_its_items_alone(artefacts, items, monkeypatch):
  monkeypatch.setattr(
    build, "load_tokenizer", lambda *_: GivenIds(items.semantic_ids.level_sizes)
  )
  encoder = ItemEncoder(artefacts)
  encoder.prepare()
  with pytest.raises(Invalid, match="'N1': the IDs of this run come from"):
    encoder.codes([NewItem("N1", "a red cup", CUPS)], items)


def test_a_damaged_tokenizer_is_refused_before_anything_is_served(copied):
  artefacts = load_artefacts(copied)
  folder = copied / "tokenizer"
  read = [path for path in folder.iterdir() if path.suffix == ".msgpack"]
  for path in read:
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], None):
      path.write_bytes(damage) if damage else path.unlink()
      with pytest.raises(ValueError, match="run the same config again"):
        ItemEncoder(artefacts)
      path.write_bytes(whole)
  assert read
