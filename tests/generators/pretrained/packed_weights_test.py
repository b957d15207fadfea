"""Decoders with kernels in NVFP4: what is written is read, bit for bit."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.packed_weights import (
  apart,
  together,
)
from gr_jax.generators.pretrained.safetensors_file import SafetensorsFile
from gr_jax.generators.pretrained.weights import EMBEDDING, HEAD
from gr_jax.nn.flat_tree import flatten, unflatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import add_lora, merge_lora
from gr_jax.parallel.mesh import MeshConfig, make_mesh, parameter_shardings
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.policy import Policy, quantize_params
from gr_jax.quantization.qtensor import QTensor
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

POLICY = Policy(min_dim=16)
BLOCKS = ("transformer", "blocks")
QKV = ("params", *BLOCKS, "attention", "qkv", "dense", "kernel")
GATE, UP, DOWN = (
  ("params", *BLOCKS, "mlp", name, "dense", "kernel")
  for name in ("gate", "up", "down")
)


def in_place(params):
  # Its tensor scales are quotients that files do not always give back.
  return apart(quantize_params(together(params), POLICY, "torchao"))


@pytest.fixture(scope="module", params=[QWEN, LLAMA], ids=["tied", "untied"])
def written(request, tmp_path_factory):
  """An arrangement, its parameters in NVFP4, and the folder with them."""
  folder, arrangement = tmp_path_factory.mktemp("out"), request.param
  write_model(folder / "in", arrangement)
  params = in_place(load_params(folder / "in", arrangement))
  export(folder / "out", params, arrangement, dtype=jnp.bfloat16)
  return arrangement, params, folder / "out"


def bits(x):
  return np.asarray(x).view(np.uint8)


def test_a_folder_is_read_as_the_kernels_quantized_in_place(written):
  arrangement, params, folder = written
  assert read_arrangement(folder) == arrangement
  found = flatten(load_params(folder, arrangement, dtype=None))
  expected = flatten(params)
  assert found.keys() == expected.keys()
  packed = {path for path, x in expected.items() if isinstance(x, QTensor)}
  assert packed >= {QKV, GATE, UP}
  assert DOWN not in packed
  for path, x in expected.items():
    assert isinstance(found[path], QTensor) == (path in packed)
    if path in packed:
      for name in ("codes", "scales", "tensor_scale"):
        one, other = getattr(found[path], name), getattr(x, name)
        np.testing.assert_array_equal(bits(one), bits(other))
      x = dataclasses.replace(x, dtype=jnp.dtype(jnp.bfloat16)).dequantize()
    again = nn.unbox(found[path])
    assert again.dtype == jnp.bfloat16
    np.testing.assert_array_equal(bits(again), bits(x.astype(jnp.bfloat16)))


def test_what_was_read_is_written_again_byte_for_byte(written, tmp_path):
  arrangement, _, folder = written
  params = load_params(folder, arrangement, dtype=None)
  export(tmp_path, params, arrangement, source=folder)
  one, other = (x / "model.safetensors" for x in (tmp_path, folder))
  assert one.read_bytes() == other.read_bytes()
  one, other = (
    json.loads((x / "config.json").read_text()) for x in (tmp_path, folder)
  )
  assert one == other


def test_the_weights_of_four_bits_do_not_name_those_of_sixteen(
  written, tmp_path
):
  """A model read in NVFP4 and written in 16 bits is no quantized one."""
  arrangement, params, folder = written
  export(tmp_path, nn.unbox(params), arrangement, source=folder)
  config = json.loads((tmp_path / "config.json").read_text())
  assert "quantization_config" not in config


def test_a_decoder_computes_with_what_was_read(written):
  arrangement, _, folder = written
  found = load_params(folder, arrangement)
  tokens = np.random.default_rng(1).integers(0, 36, (2, 9)).astype(np.int32)
  run = jax.jit(make_decoder(arrangement).apply)
  mask = np.ones((2, 9), bool)
  dense = nn.unbox(found)
  np.testing.assert_allclose(
    run(found, tokens, mask), run(dense, tokens, mask), atol=1e-5
  )


def test_a_layer_has_three_tensors_and_the_ignored_ones_are_named(written):
  arrangement, params, folder = written
  config = json.loads((folder / "config.json").read_text())
  section = config["quantization_config"]
  assert section["format"] == "nvfp4-pack-quantized"
  assert config["dtype"] == "bfloat16"
  layers = range(arrangement.layers)
  # They contract 24, which is no whole number of blocks.
  downs = {f"model.layers.{layer}.mlp.down_proj" for layer in layers}
  assert set(section["ignore"]) == {"lm_head"} | downs
  with SafetensorsFile(folder / "model.safetensors") as file:
    types = {name: x.name for name, x in file.dtypes.items()}
    scale = {
      part: next(
        file.blocks(f"model.layers.1.{part}_proj.weight_global_scale")
      )[1].item()
      for part in ("self_attn.q", "self_attn.v", "mlp.gate", "mlp.up")
    }
  for name in section["ignore"]:
    held = f"{name}.weight" in types
    assert held == (name != "lm_head" or not arrangement.tied)
  up = "model.layers.0.mlp.up_proj"
  assert f"{up}.weight" not in types
  assert types[f"{up}.weight_packed"] == "uint8"
  assert types[f"{up}.weight_scale"] == "float8_e4m3fn"
  assert types[f"{up}.weight_global_scale"] == "float32"
  others = {x for name, x in types.items() if ".weight_" not in name}
  assert others == {"bfloat16"}
  # Programs that fuse q, k, v or gate, up have one scale for them.
  assert scale["self_attn.q"] == scale["self_attn.v"]
  assert scale["mlp.gate"] == scale["mlp.up"]
  assert scale["mlp.gate"] != scale["self_attn.q"]
  inverse = 1 / np.asarray(flatten(params)[GATE].tensor_scale)
  assert scale["mlp.gate"] == inverse[1] != inverse[0]


def test_new_rows_and_merged_lora_are_in_the_files(tmp_path):
  write_model(tmp_path / "in", LLAMA)
  new, lora = NewTokens(LLAMA.vocab_size, 6), Lora(rank=2, alpha=3.0)
  rows, head = jax.random.normal(jax.random.key(3), (2, 6, 16))
  params = extend(load_params(tmp_path / "in", LLAMA), rows, head)
  plain = in_place(params)
  params = add_lora(params, jax.random.key(0), lora)
  params = jax.tree.map_with_path(
    lambda path, x: 0.1 + x if path[-1].key == "lora_b" else x, params
  )
  merged = in_place(merge_lora(params, lora))
  out = tmp_path / "out"
  export(out, merged, LLAMA, new=new, dtype=jnp.bfloat16)
  whole = read_arrangement(out)
  found = flatten(load_params(out, whole))
  codes = [bits(flatten(x)[QKV].codes) for x in (merged, plain)]
  np.testing.assert_array_equal(bits(found[QKV].codes), codes[0])
  assert (codes[0] != codes[1]).any()
  for path, x in ((EMBEDDING, rows), (HEAD, head.T)):
    table = found["params", *path]
    last = table[-6:] if path == EMBEDDING else table[:, -6:]
    np.testing.assert_array_equal(
      last, x.astype(jnp.bfloat16).astype(jnp.float32)
    )
  mixed = unflatten(flatten(params) | {QKV: flatten(merged)[QKV]})
  with pytest.raises(ValueError, match="merge it with merge_lora"):
    export(out, mixed, LLAMA, new=new, lora=lora)


def test_gate_and_up_are_parted_where_they_stay_as_they_are(tmp_path):
  write_model(tmp_path, QWEN)
  params = load_params(tmp_path, QWEN)
  again = flatten(apart(together(params)))
  for path, x in flatten(params).items():
    np.testing.assert_array_equal(again[path], x)


def test_what_files_cannot_have_is_refused(written, tmp_path):
  arrangement, params, folder = written
  flat = flatten(params)
  abstract = jax.eval_shape(
    make_decoder(arrangement).init,
    jax.random.key(0),
    np.zeros((1, 2), np.int32),
    np.ones((1, 2), bool),
  )
  places = parameter_shardings(abstract, make_mesh(MeshConfig(data=8)))
  with pytest.raises(ValueError, match="has kernels in NVFP4, which are read"):
    load_params(folder, arrangement, shardings=places)
  other = dataclasses.replace(flat[QKV], format=MODES["mxfp4"])
  mixed = unflatten(flat | {QKV: other})
  with pytest.raises(ValueError, match="qkv/dense/kernel is in Mxfp4"):
    export(tmp_path, mixed, arrangement)


def test_q_k_and_v_with_scales_of_their_own_are_refused(written, tmp_path):
  arrangement, _, folder = written
  for name in ("config.json", "model.safetensors"):
    (tmp_path / name).write_bytes((folder / name).read_bytes())
  path = tmp_path / "model.safetensors"
  data = bytearray(path.read_bytes())
  length = int.from_bytes(data[:8], "little")
  entry = json.loads(data[8 : 8 + length])[
    "model.layers.0.self_attn.k_proj.weight_global_scale"
  ]
  first = 8 + length + entry["data_offsets"][0]
  data[first : first + 4] = np.float32(3).tobytes()
  path.write_bytes(data)
  with pytest.raises(ValueError, match="q, k and v of a layer have different"):
    load_params(tmp_path, arrangement)
