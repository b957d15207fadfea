import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.generators.pretrained import base
from gr_jax.generators.pretrained.build import arrangement_fields, build
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference.small_pretrained import LLAMA, QWEN, write_model
from tests.reference.small_tokenizer import small_tokenizer


def write(folder, arrangement=QWEN, seed=0):
  files = write_model(folder, arrangement, seed=seed)
  small_tokenizer().save(str(folder / "tokenizer.json"))
  return files


def section(arrangement=QWEN, *, rank=2, precision="float32", **pretrained):
  return {
    "precision": precision,
    "pretrained": {
      "arrangement": arrangement_fields(arrangement),
      "lora": {"rank": rank, "alpha": 4.0},
      **pretrained,
    },
  }


def generator(found, **options):
  return build(
    found,
    config=TransformerConfig(**options),
    prompt_size=30,
    level_sizes=(4, 3),
    ends=False,
    dot_general=dot_general(found["precision"]),
  )


@pytest.mark.parametrize("arrangement", [QWEN, LLAMA])
def test_a_section_has_all_of_an_arrangement(arrangement):
  decoder = generator(section(arrangement)).decoder
  assert decoder.vocab_size == arrangement.vocab_size
  assert decoder.tied == arrangement.tied
  assert decoder.config.rope_scaling == arrangement.rope_scaling
  assert decoder.config.norm_epsilon == arrangement.norm_epsilon
  assert decoder.config.qkv_bias == arrangement.qkv_bias
  assert decoder.new.count == 7
  assert generator(section(rank=0)).config.lora is None
  assert generator(section(), remat="full").config.remat == "full"


def test_pages_have_one_more_token():
  found = generator(section() | {"task": "page_wise"})
  assert found.page_ends == 1
  assert found.decoder.new.count == 8


def test_dropout_is_refused():
  with pytest.raises(ValueError, match=r"dropout is 0\.1.*set it to 0"):
    generator(section(), dropout=0.1)


@pytest.mark.parametrize("devices", [1, 8])
def test_what_stands_still_is_what_was_read(tmp_path, devices):
  files = write(tmp_path)
  mesh = make_mesh(MeshConfig(fsdp=devices), jax.devices()[:devices])
  found = base.frozen_variables(generator(section()), tmp_path, section(), mesh)
  table = found[FROZEN]["token_embedding"]
  np.testing.assert_array_equal(table, files["model.embed_tokens.weight"])
  assert len(table.sharding.device_set) == devices
  assert table.addressable_shards[0].data.size == table.size // devices


def test_weights_are_kept_as_their_products_read_them(tmp_path):
  write(tmp_path)
  found = section(precision="bfloat16")
  params = base.frozen_variables(generator(found), tmp_path, found)[FROZEN]
  assert {x.dtype for x in flatten(params).values()} == {jnp.dtype("bfloat16")}


def test_where_everything_is_trained_nothing_stands_still(tmp_path):
  files = write(tmp_path)
  found = section(rank=0)
  model = generator(found)
  assert base.frozen_variables(model, tmp_path, found) == {}
  mesh = make_mesh(MeshConfig(), jax.devices()[:1])
  params = base.all_params(model, tmp_path, found, mesh)["params"]
  table = files["model.embed_tokens.weight"]
  np.testing.assert_array_equal(params["token_embedding"], table)


def test_a_run_has_its_own_folder_or_refers_to_one(tmp_path):
  outside, run = tmp_path / "model", tmp_path / "run"
  write(outside)
  known = section(path=str(outside), digest=base.digest(outside))
  assert base.base_folder(run, known) == outside
  write(run / base.FOLDER)
  assert base.base_folder(run, known) == run / base.FOLDER
  lost = section(path=str(tmp_path / "nowhere"))
  with pytest.raises(FileNotFoundError, match="nowhere, which is not there"):
    base.base_folder(tmp_path, lost)


def test_another_model_is_refused(tmp_path):
  write(tmp_path)
  known = section(path=str(tmp_path), digest=base.digest(tmp_path))
  base.base_folder(tmp_path / "run", known)
  write(tmp_path, seed=1)
  with pytest.raises(ValueError, match="is not the one that the generator of"):
    base.base_folder(tmp_path / "run", known)
