"""A run whose kernels are in four bits answers as those kernels do."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.quantization.qtensor import QTensor
from gr_jax.retrieval.item_search import ItemSearch, load
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.weights import quantize_weights, summary
from tests.reference import trained_run
from tests.reference.small_world import shop

MODEL = {
  **{"layers": 2, "width": 64, "heads": 2, "kv_heads": 1},
  **{"head_size": 32, "feed_forward": 64},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  trained_run.make(directory, model=MODEL)
  return directory


def is_quantized(x):
  return isinstance(x, QTensor)


def test_only_kernels_of_the_network_are_quantized(run):
  found = load_artefacts(run, weights="nvfp4")
  quantized = [each for each in found.quantized if each.reason is None]
  assert quantized
  assert all("blocks" in e.path and "kernel" in e.path for e in quantized)
  leaves = jax.tree.leaves(found.params, is_leaf=is_quantized)
  assert sum(map(is_quantized, leaves)) == len(quantized)
  assert len(leaves) == len(found.quantized)


def test_a_weight_takes_no_more_than_57_hundredths_of_a_byte(run):
  found = load_artefacts(run, weights="nvfp4")
  tensors = filter(
    is_quantized, jax.tree.leaves(found.params, is_leaf=is_quantized)
  )
  for tensor in tensors:
    assert tensor.nbytes <= 0.57 * tensor.size
  text = summary(found.quantized)
  assert f"of {len(found.quantized)} arrays" in text


def test_a_search_reads_the_kernels_as_they_are_dequantized(run):
  artefacts, trained = load_artefacts(run, weights="nvfp4"), load_artefacts(run)
  whole = dataclasses.replace(trained, params=nn.unbox(artefacts.params))
  found, same, other = map(search, (artefacts, whole, trained))
  assert [item for item, _ in found] == [item for item, _ in same]
  scores = [np.array([score for _, score in x]) for x in (found, same, other)]
  np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)
  assert not np.allclose(scores[0], scores[2], rtol=1e-5)


def search(artefacts):
  query = shop().requests.queries[0]
  found = ItemSearch(artefacts, beam=16).search(query, k=8)
  return [(item.item_id, item.log_prob) for item in found]


def test_without_a_format_nothing_changes(run):
  variables = load_artefacts(run).params
  found, made = quantize_weights(variables, "")
  assert found is variables
  assert made == []


def test_kernels_that_are_no_whole_blocks_are_refused():
  kernels = {"params": {"kernel": np.ones((72, 200), np.float32)}}
  with pytest.raises(ValueError, match="whole blocks of rows"):
    quantize_weights(kernels, "nvfp4")


def test_a_format_that_does_not_exist_is_refused(run):
  with pytest.raises(ValueError, match=r"'fp3'.*nvfp4"):
    load(run, weights="fp3")


def test_a_run_without_a_wide_kernel_is_refused(tmp_path):
  trained_run.make(tmp_path)
  with pytest.raises(ValueError, match="nothing would change"):
    load(tmp_path, weights="nvfp4")
