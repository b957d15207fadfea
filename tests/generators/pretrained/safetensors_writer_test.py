"""Shards hold what was read, and the public reader reads them."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from gr_jax.generators.pretrained.safetensors_file import find_tensors
from gr_jax.generators.pretrained.safetensors_writer import write_safetensors
from gr_jax.generators.pretrained.weights import Tensor

SHAPES = {"table": (7, 5), "norm": (5,), "head": (5, 7)}
WANTED = [
  Tensor(name, shape, (name,), (0,) * len(shape))
  for name, shape in SHAPES.items()
]
VALUES = {
  name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)
  for name, shape in SHAPES.items()
}


def rows(tensor):
  """Two rows at a time."""
  whole = VALUES[tensor.name]
  return np.split(whole, range(2, len(whole), 2))


def write(folder, *, dtype="float32", read=rows, **options):
  write_safetensors(folder, WANTED, read, dtype=np.dtype(dtype), **options)


@pytest.mark.parametrize("dtype", ["float32", "float16", ml_dtypes.bfloat16])
def test_one_file_has_every_value_as_its_type_rounds_it(tmp_path, dtype):
  write(tmp_path, dtype=dtype)
  assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
  found = load_file(tmp_path / "model.safetensors")
  assert found.keys() == SHAPES.keys()
  for name, value in VALUES.items():
    assert found[name].dtype == dtype
    np.testing.assert_array_equal(found[name], value.astype(dtype))


def test_shards_are_bounded_and_the_index_names_them(tmp_path):
  # 140, 20 and 140 bytes.
  write(tmp_path, shard_bytes=160)
  index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
  first, second = (f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
  assert index["weight_map"] == {"table": first, "norm": first, "head": second}
  assert index["metadata"]["total_size"] == 300
  assert {n: p.name for n, p in find_tensors(tmp_path).items()} == (
    index["weight_map"]
  )
  for name, file in index["weight_map"].items():
    found = load_file(tmp_path / file)[name]
    np.testing.assert_array_equal(found, VALUES[name])


def test_a_tensor_that_is_larger_than_a_shard_has_one_of_its_own(tmp_path):
  write(tmp_path, shard_bytes=1)
  assert len(list(tmp_path.glob("model-*-of-00003.safetensors"))) == 3


def test_weights_of_another_number_of_shards_are_replaced(tmp_path):
  (tmp_path / "config.json").write_text("{}")
  write(tmp_path, shard_bytes=1)
  write(tmp_path)
  assert {path.name for path in tmp_path.iterdir()} == {
    "config.json",
    "model.safetensors",
  }


@pytest.mark.parametrize("size", [6, 8])
def test_pieces_that_are_not_the_tensor_leave_the_folder_as_it_was(
  tmp_path, size
):
  write(tmp_path)
  before = (tmp_path / "model.safetensors").read_bytes()

  def read(tensor):
    return [np.resize(VALUES[tensor.name], (size, *tensor.shape[1:]))]

  with pytest.raises(ValueError, match=r"table of shape \(7, 5\) takes 140"):
    write(tmp_path, read=read)
  assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
  assert (tmp_path / "model.safetensors").read_bytes() == before
