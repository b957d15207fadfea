import json

import pytest

from gr_jax.generators.pretrained.arrangement import (
  Arrangement,
  parse_arrangement,
  read_arrangement,
  write_config,
)
from gr_jax.nn.layers import Lora
from gr_jax.nn.rotary import RopeScaling

# As the files of Qwen2.5-0.5B and of a small Llama 3 say it.
QWEN = {
  "model_type": "qwen2",
  "architectures": ["Qwen2ForCausalLM"],
  "hidden_act": "silu",
  "hidden_size": 896,
  "intermediate_size": 4864,
  "max_position_embeddings": 32768,
  "max_window_layers": 24,
  "num_attention_heads": 14,
  "num_hidden_layers": 24,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-06,
  "rope_theta": 1000000.0,
  "sliding_window": 32768,
  "tie_word_embeddings": True,
  "use_sliding_window": False,
  "vocab_size": 151936,
}
SCALING = {
  "factor": 32.0,
  "high_freq_factor": 4.0,
  "low_freq_factor": 1.0,
  "original_max_position_embeddings": 8192,
  "rope_type": "llama3",
}
LLAMA = {
  "model_type": "llama",
  "attention_bias": False,
  "head_dim": 64,
  "hidden_act": "silu",
  "hidden_size": 2048,
  "intermediate_size": 8192,
  "max_position_embeddings": 131072,
  "mlp_bias": False,
  "num_attention_heads": 32,
  "num_hidden_layers": 16,
  "num_key_value_heads": 8,
  "rms_norm_eps": 1e-05,
  "rope_scaling": SCALING,
  "rope_theta": 500000.0,
  "vocab_size": 128256,
}


def test_qwen2_is_read():
  assert parse_arrangement(QWEN) == Arrangement(
    "qwen2",
    vocab_size=151936,
    layers=24,
    width=896,
    heads=14,
    kv_heads=2,
    head_size=64,
    feed_forward=4864,
    max_positions=32768,
    rope_theta=1e6,
    norm_epsilon=1e-6,
    tied=True,
  )


def test_llama_is_read_with_its_scaling():
  assert parse_arrangement(LLAMA) == Arrangement(
    "llama",
    vocab_size=128256,
    layers=16,
    width=2048,
    heads=32,
    kv_heads=8,
    head_size=64,
    feed_forward=8192,
    max_positions=131072,
    rope_theta=5e5,
    rope_scaling=RopeScaling(32.0, 1.0, 4.0, 8192),
    norm_epsilon=1e-5,
    tied=False,
  )


def newer(config):
  """The same in the form with `rope_parameters`."""
  config = dict(config)
  scaling = config.pop("rope_scaling", None) or {"rope_type": "default"}
  theta = config.pop("rope_theta")
  return config | {"rope_parameters": scaling | {"rope_theta": theta}}


@pytest.mark.parametrize("config", [QWEN, LLAMA])
def test_both_forms_of_rotary_angles_say_the_same(config):
  assert parse_arrangement(newer(config)) == parse_arrangement(config)


@pytest.mark.parametrize("config", [QWEN, LLAMA])
def test_what_is_written_is_read_as_the_same(config, tmp_path):
  arrangement = parse_arrangement(config)
  written = write_config(arrangement)
  (tmp_path / "config.json").write_text(json.dumps(written))
  assert read_arrangement(tmp_path) == arrangement
  for form in ({"rope_parameters"}, {"rope_theta", "rope_scaling"}):
    kept = {k: v for k, v in written.items() if k not in form}
    assert parse_arrangement(kept) == arrangement


def test_llama_without_key_heads_has_one_for_each_head():
  config = {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}
  assert parse_arrangement(config).kv_heads == 32


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"model_type": "gemma"}, "model_type of config.json is 'gemma'"),
    ({"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
    ({"use_sliding_window": True}, "use_sliding_window = True"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
    ({"attention_bias": True}, "attention_bias = True"),
    ({"mlp_bias": True}, "mlp_bias = True"),
    ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "type 'yarn'"),
    ({"rope_parameters": {"rope_type": "linear"}}, "type 'linear'"),
    ({"rope_scaling": {"rope_type": "llama3"}}, "'llama3' without factor"),
    ({"hidden_size": None}, "whole number for hidden_size; it has None"),
    ({"num_key_value_heads": None}, "whole number for num_key_value_heads"),
  ],
)
def test_what_is_not_supported_is_refused_in_one_line(changes, message):
  with pytest.raises(ValueError, match=message) as error:
    parse_arrangement(QWEN | changes)
  assert "\n" not in str(error.value)


def test_the_blocks_get_sizes_and_options():
  lora = Lora(rank=4)
  config = parse_arrangement(LLAMA).transformer(remat=True, lora=lora)
  assert not config.qkv_bias
  assert config.remat
  assert config.lora == lora
  assert config.norm_epsilon == 1e-5
  assert config.rope_scaling == RopeScaling(32.0, 1.0, 4.0, 8192)
  assert (config.heads, config.kv_heads, config.head_size) == (32, 8, 64)
  assert parse_arrangement(QWEN).transformer().qkv_bias
