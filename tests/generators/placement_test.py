"""Parameters lie by the names of their axes, tables of neighbours by rows."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from gr_jax.generators import placement
from gr_jax.generators.build import initializer
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference import small_policy
from tests.reference.sharded import learned, parts


def place(model, variables, mesh):
  shardings = placement.search_shardings(model, variables, mesh)
  return placement.place_for_search(variables, mesh, shardings)


def test_heads_and_vocabulary_that_do_not_divide_are_refused_in_one_line():
  model = parts().model
  placement.check_mesh(model, make_mesh(MeshConfig(model=4)))
  with pytest.raises(ValueError, match=r"mesh.model=8 .* model.heads=4"):
    placement.check_mesh(model, make_mesh(MeshConfig(model=8)))
  other = small_policy.model().clone(prompt_size=101, level_sizes=(4, 4))
  with pytest.raises(ValueError, match=r"vocabulary of 109 rows: .* by 1, "):
    placement.check_mesh(other, make_mesh(MeshConfig(model=2)))


def test_rows_of_neighbours_are_split_and_trees_are_whole():
  mesh = make_mesh(MeshConfig(model=4))
  counts = parts("counted").counts()
  placed = placement.place_counts(counts, mesh)["counts"]
  for name in ("neighbours", "weights"):
    before = getattr(counts["counts"]["transitions"], name)
    after = getattr(placed["transitions"], name)
    assert after.sharding.spec == P("model")
    assert after.shape[0] == -(-len(before) // 4) * 4
    np.testing.assert_array_equal(after[: len(before)], before)
  for array in jax.tree.leaves(placed["catalogue"]):
    assert array.sharding.is_fully_replicated
  assert placement.place_counts({}, mesh) == {}


def test_a_search_keeps_embed_whole_and_splits_the_vocabulary():
  mesh = make_mesh(MeshConfig(fsdp=2, model=2))
  given = parts("counted")
  counts = given.counts()
  boxed = jax.jit(given.initializer(counts))(jax.random.key(0))
  variables = nn.unbox(boxed) | counts
  placed = place(given.model, variables, mesh)
  assert placed["params"]["token_embedding"].sharding.spec == P("model")
  assert set(placed) == {"params", "counts"}


def test_a_search_keeps_a_vocabulary_whole_that_does_not_divide():
  mesh = make_mesh(MeshConfig(data=4, model=2))
  model = small_policy.model()
  size = placement.vocabulary_of(model)
  model = model.clone(prompt_size=model.prompt_size + 1 - size % 2)
  params = nn.unbox(jax.jit(initializer(model, {}))(jax.random.key(0)))
  placed = place(model, params, mesh)
  assert placed["params"]["token_embedding"].sharding.is_fully_replicated
  attention = placed["params"]["transformer"]["blocks"]["attention"]
  assert attention["qkv"]["dense"]["kernel"].sharding.spec[-1] == "model"


@pytest.mark.slow
def test_a_decoder_is_split_by_the_names_of_its_axes():
  mesh = make_mesh(MeshConfig(data=4, model=2))
  name = "pretrained_pages"
  placed = place(parts(name).model, learned(name)[2], mesh)["params"]
  assert placed["token_embedding"].sharding.spec == P("model")
  assert placed["head"]["dense"]["kernel"].sharding.spec == P(None, "model")
  assert placed["new_embedding"].sharding.is_fully_replicated


def test_a_generator_without_named_axes_is_whole_everywhere():
  mesh = make_mesh(MeshConfig(model=2))
  placed = place(object(), {"params": {"w": np.ones(4)}}, mesh)
  assert placed["params"]["w"].sharding.is_fully_replicated
