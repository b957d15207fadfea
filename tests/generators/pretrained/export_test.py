import dataclasses
import json

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import add_lora
from gr_jax.parallel.mesh import MeshConfig, make_mesh, parameter_shardings
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

BOTH = pytest.mark.parametrize("arrangement", [QWEN, LLAMA])
TOKENS = np.random.default_rng(1).integers(0, 36, (2, 9)).astype(np.int32)
ALL = np.ones((2, 9), bool)


def read_all(folder):
  found = {}
  for path in sorted(folder.glob("*.safetensors")):
    found |= load_file(path)
  return found


def assert_same_files(found, expected):
  assert list(found) == list(expected) or set(found) == set(expected)
  for name, x in expected.items():
    assert found[name].dtype == x.dtype
    assert found[name].shape == x.shape
    assert found[name].tobytes() == x.tobytes(), name


@BOTH
@pytest.mark.parametrize(
  ("stored", "loaded", "written"),
  [
    (np.float32, jnp.float32, None),
    (ml_dtypes.bfloat16, None, None),
    (ml_dtypes.bfloat16, jnp.float32, jnp.bfloat16),
    (np.float16, None, None),
  ],
)
def test_what_was_read_is_written_bit_for_bit(
  tmp_path, arrangement, stored, loaded, written
):
  files = write_model(tmp_path / "in", arrangement, dtype=stored)
  params = load_params(tmp_path / "in", arrangement, dtype=loaded)
  export(tmp_path / "out", params, arrangement, dtype=written)
  assert_same_files(read_all(tmp_path / "out"), files)
  assert read_arrangement(tmp_path / "out") == arrangement
  config = json.loads((tmp_path / "out" / "config.json").read_text())
  assert config["dtype"] == np.dtype(stored).name


@pytest.mark.parametrize("shard_bytes", [1, 3000])
def test_shards_are_bounded_and_give_the_same(tmp_path, shard_bytes):
  files = write_model(tmp_path / "in", LLAMA)
  params = load_params(tmp_path / "in", LLAMA)
  out = tmp_path / "out"
  export(out, params, LLAMA, shard_bytes=shard_bytes)
  shards = [load_file(path) for path in sorted(out.glob("*.safetensors"))]
  assert len(shards) > 2
  for one in shards:
    assert len(one) == 1 or sum(x.nbytes for x in one.values()) <= shard_bytes
  assert_same_files(read_all(out), files)
  index = json.loads((out / "model.safetensors.index.json").read_text())
  assert set(index["weight_map"]) == set(files)
  total = sum(x.nbytes for x in files.values())
  assert index["metadata"]["total_size"] == total
  again = load_params(out, LLAMA)
  assert jax.tree.all(jax.tree.map(np.array_equal, again, params))


@BOTH
@pytest.mark.parametrize("unused", [0, 4, 30])
def test_an_exported_model_is_the_adapted_one(tmp_path, arrangement, unused):
  """New rows and LoRA are in the weights; no part of ours is needed."""
  write_model(tmp_path / "in", arrangement)
  new = NewTokens(arrangement.vocab_size - unused, 6)
  rows, head = jax.random.normal(jax.random.key(3), (2, 6, 16))
  params = extend(
    load_params(tmp_path / "in", arrangement),
    rows,
    None if arrangement.tied else head,
  )
  lora = Lora(rank=2, alpha=3.0)
  params = add_lora(params, jax.random.key(0), lora)
  params = jax.tree.map_with_path(
    lambda path, x: 0.1 + x if path[-1].key == "lora_b" else x, params
  )
  model = make_decoder(arrangement, new=new, lora=lora)
  tokens = TOKENS % new.first
  tokens[:, 2:8] = new.first + np.arange(6)
  expected = jax.jit(model.apply)(params, tokens, ALL)
  out = tmp_path / "out"
  export(out, params, arrangement, new=new, lora=lora)
  whole = read_arrangement(out)
  size = new.vocab_size(arrangement.vocab_size)
  assert whole == dataclasses.replace(arrangement, vocab_size=size)
  again = load_params(out, whole)
  found = jax.jit(make_decoder(whole).apply)(again, tokens, ALL)
  np.testing.assert_allclose(found, expected, atol=1e-4)
  table = again["params"]["token_embedding"]
  old = params["params"]["token_embedding"]
  np.testing.assert_array_equal(table[: new.first], old[: new.first])
  np.testing.assert_array_equal(table[new.stop :], old[new.stop :])


def test_a_model_on_a_mesh_is_written_as_one_on_a_device(tmp_path):
  files = write_model(tmp_path / "in", LLAMA)
  abstract = jax.eval_shape(
    make_decoder(LLAMA).init, jax.random.key(0), TOKENS, ALL
  )
  mesh = make_mesh(MeshConfig(data=2, model=4))
  params = load_params(
    tmp_path / "in", LLAMA, shardings=parameter_shardings(abstract, mesh)
  )
  export(tmp_path / "out", params, LLAMA)
  assert_same_files(read_all(tmp_path / "out"), files)


def test_what_else_the_source_says_is_kept(tmp_path):
  source, out = tmp_path / "in", tmp_path / "out"
  write_model(source, QWEN)
  config = json.loads((source / "config.json").read_text())
  config |= {"eos_token_id": 7, "vocab_size": 40}
  (source / "config.json").write_text(json.dumps(config))
  for name in ("tokenizer.json", "generation_config.json"):
    (source / name).write_text(name)
  params = load_params(source, QWEN)
  params = extend(params, jnp.ones((3, 16)))
  export(out, params, QWEN, new=NewTokens(40, 3), source=source)
  written = json.loads((out / "config.json").read_text())
  assert written["eos_token_id"] == 7
  assert written["vocab_size"] == 43
  assert (out / "tokenizer.json").read_text() == "tokenizer.json"
  assert (out / "generation_config.json").exists()


def test_an_index_of_before_does_not_stay(tmp_path):
  write_model(tmp_path / "in", QWEN)
  params = load_params(tmp_path / "in", QWEN)
  export(tmp_path / "out", params, QWEN, shard_bytes=3000)
  export(tmp_path / "out", params, QWEN)
  again = load_params(tmp_path / "out", QWEN)
  assert flatten(again).keys() == flatten(params).keys()
  names = {path.name for path in (tmp_path / "out").glob("*safetensors*")}
  assert names == {"model.safetensors"}


def test_a_type_that_files_do_not_know_is_refused(tmp_path):
  write_model(tmp_path / "in", QWEN)
  params = load_params(tmp_path / "in", QWEN)
  with pytest.raises(ValueError, match="dtype is int8; use one of float32"):
    export(tmp_path / "out", params, QWEN, dtype=jnp.int8)
