import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.weights import tensors
from gr_jax.nn.flat_tree import flatten
from gr_jax.parallel.mesh import MeshConfig, make_mesh, parameter_shardings
from tests.reference.small_pretrained import LLAMA, QWEN, shard, write_model

BOTH = pytest.mark.parametrize("arrangement", [QWEN, LLAMA])


def equal_bits(a, b):
  a, b = np.asarray(a), np.asarray(b)
  return a.dtype == b.dtype and a.tobytes() == b.tobytes()


def assert_loaded(params, files, arrangement, dtype):
  flat = flatten(params["params"])
  for tensor in tensors(arrangement):
    where = tuple(slice(s, s + n) for s, n in zip(tensor.start, tensor.block))
    block = np.asarray(flat[tensor.path])[where]
    block = block[0] if tensor.layered else block
    block = block.T if tensor.transposed else block
    assert equal_bits(block, files[tensor.name].astype(dtype)), tensor.name


@BOTH
@pytest.mark.parametrize(
  ("stored", "dtype"),
  [
    (np.float32, jnp.float32),
    (ml_dtypes.bfloat16, None),
    (np.float16, None),
    (ml_dtypes.bfloat16, jnp.float32),
  ],
)
def test_every_number_is_read_bit_for_bit(tmp_path, arrangement, stored, dtype):
  files = write_model(tmp_path, arrangement, dtype=stored)
  params = load_params(tmp_path, arrangement, dtype=dtype)
  assert_loaded(params, files, arrangement, dtype or stored)


def test_shards_give_what_one_file_gives(tmp_path):
  files = write_model(tmp_path, QWEN)
  shard(tmp_path, files)
  assert_loaded(load_params(tmp_path, QWEN), files, QWEN, np.float32)


@BOTH
def test_every_device_gets_its_block(tmp_path, arrangement):
  files = write_model(tmp_path, arrangement)
  text = jnp.zeros((1, 2), jnp.int32), jnp.ones((1, 2), bool)
  abstract = jax.eval_shape(
    make_decoder(arrangement).init, jax.random.key(0), *text
  )
  mesh = make_mesh(MeshConfig(data=2, model=4))
  shardings = parameter_shardings(abstract, mesh)
  params = load_params(tmp_path, arrangement, shardings=shardings)
  assert_loaded(params, files, arrangement, np.float32)
  same = jax.tree.map(lambda x, s: x.sharding == s, params, shardings)
  assert all(jax.tree.leaves(same))
  gate = params["params"]["transformer"]["blocks"]["mlp"]["gate"]["dense"]
  assert gate["kernel"].addressable_shards[0].data.shape[2] == 24 // 4


def test_what_a_file_may_have_besides_is_not_read(tmp_path):
  files = write_model(tmp_path, QWEN)
  more = {
    "lm_head.weight": np.zeros((40, 16), np.float32),
    "model.layers.0.self_attn.rotary_emb.inv_freq": np.zeros(2, np.float32),
  }
  save_file(files | more, tmp_path / "model.safetensors")
  assert_loaded(load_params(tmp_path, QWEN), files, QWEN, np.float32)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda f: f.pop("model.norm.weight"), "lacks model.norm.weight (1 such"),
    (
      lambda f: f.update({"model.layers.3.x": np.zeros(1, np.float32)}),
      "has more than the model: model.layers.3.x (1 such",
    ),
    (
      lambda f: f.update({"model.norm.weight": np.zeros(15, np.float32)}),
      "model.norm.weight is (15,); config.json says (16,)",
    ),
  ],
)
def test_wrong_files_are_refused_in_one_line(tmp_path, change, message):
  files = write_model(tmp_path, QWEN)
  change(files)
  save_file(files, tmp_path / "model.safetensors")
  with pytest.raises(ValueError, match=re.escape(message)) as error:
    load_params(tmp_path, QWEN)
  assert "\n" not in str(error.value)


def test_a_truncated_shard_is_named(tmp_path):
  shard(tmp_path, write_model(tmp_path, QWEN))
  path = tmp_path / "model-00002-of-00002.safetensors"
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(ValueError, match=f"{path} is truncated"):
    load_params(tmp_path, QWEN)


def test_a_model_of_more_layers_lacks_tensors(tmp_path):
  write_model(tmp_path, QWEN)
  more = dataclasses.replace(QWEN, layers=4)
  with pytest.raises(ValueError, match=r"layers.3.* \(12 such of 50 tensors"):
    load_params(tmp_path, more)
  assert json.loads((tmp_path / "config.json").read_text())["model_type"]
