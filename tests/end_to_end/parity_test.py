"""Pretrained decoders beside `transformers` in torch: the same numbers.

Skipped without both; `pip install '.[parity]'` brings them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.greedy import greedy
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.packed_weights import apart, together
from gr_jax.generators.pretrained.text import read_tokenizer
from gr_jax.generators.pretrained.weights import tensors
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import add_lora
from gr_jax.quantization.policy import SKIPPED, Policy, quantize_params
from tests.reference.small_tokenizer import WORDS, small_tokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore")

SIZES = {
  "vocab_size": 131,
  "hidden_size": 48,
  "intermediate_size": 80,
  "num_hidden_layers": 3,
  "num_attention_heads": 6,
  "num_key_value_heads": 2,
  "max_position_embeddings": 256,
  "initializer_range": 0.3,
  "bos_token_id": None,
  "eos_token_id": None,
}
LLAMA3 = {
  "rope_type": "llama3",
  "rope_theta": 500.0,
  "factor": 4.0,
  "low_freq_factor": 1.0,
  "high_freq_factor": 4.0,
  "original_max_position_embeddings": 16,
}
MODELS = {
  "qwen2 tied": ("Qwen2", {"tie_word_embeddings": True}),
  "qwen2 untied": ("Qwen2", {"tie_word_embeddings": False}),
  "llama tied": (
    "Llama",
    {"tie_word_embeddings": True, "rms_norm_eps": 1e-5, "head_dim": 16},
  ),
  "llama untied, scaled": (
    "Llama",
    {"tie_word_embeddings": False, "rope_parameters": LLAMA3},
  ),
}
ALL = pytest.mark.parametrize("name", MODELS)
TOKENS = np.random.default_rng(0).integers(0, 131, (3, 24))


@functools.cache
def theirs(name):
  """A random model; the biases and norms as well."""
  kind, more = MODELS[name]
  torch.manual_seed(0)
  config = getattr(transformers, f"{kind}Config")(
    **SIZES | more, attn_implementation="eager"
  )
  model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
  with torch.no_grad():
    for parameter in model.parameters():
      if parameter.ndim == 1:
        parameter += 0.2 * torch.randn_like(parameter)
  return model


@pytest.fixture
def both(name, tmp_path):
  """Their model, and ours read from the files that they saved."""
  model = theirs(name)
  model.save_pretrained(tmp_path / "in")
  arrangement = read_arrangement(tmp_path / "in")
  return model, arrangement, load_params(tmp_path / "in", arrangement)


def reload(folder, **options):
  """What `transformers` makes of our files, attention computed as before."""
  return transformers.AutoModelForCausalLM.from_pretrained(
    folder, attn_implementation="eager", **options
  ).eval()


def their_logits(model, tokens):
  with torch.no_grad():
    return model(torch.from_numpy(np.asarray(tokens))).logits.numpy()


def our_logits(arrangement, params, tokens, **options):
  model = make_decoder(arrangement, **options)
  return jax.jit(model.apply)(params, tokens, np.ones(tokens.shape, bool))


@ALL
def test_logits_are_equal(both):
  model, arrangement, params = both
  expected = their_logits(model, TOKENS)
  assert np.abs(expected).max() > 1
  found = our_logits(arrangement, params, TOKENS)
  np.testing.assert_allclose(found, expected, atol=1e-4)


@ALL
def test_gradients_and_a_step_of_adamw_are_equal(name, tmp_path):
  """At AdamW's usual ε, wherever a gradient is more than its own rounding.

  Its first step is `g / (|g| + ε)`, nearly the sign of `g`: of a gradient that
  is rounding alone, two programs need not agree on the sign.
  """
  torch.manual_seed(0)
  theirs.cache_clear()
  model = theirs(name)
  model.save_pretrained(tmp_path)
  arrangement = read_arrangement(tmp_path)
  params = load_params(tmp_path, arrangement)
  given = torch.from_numpy(TOKENS)
  logits = model(given[:, :-1]).logits
  loss = torch.nn.functional.cross_entropy(
    logits.flatten(0, 1), given[:, 1:].flatten()
  )
  loss.backward()
  gradients = {n: p.grad.numpy() for n, p in model.named_parameters()}
  rates = {"eps": 1e-8, "weight_decay": 0.1}
  torch.optim.AdamW(model.parameters(), lr=1e-3, **rates).step()
  stepped = {n: p.detach().numpy() for n, p in model.named_parameters()}
  ours = make_decoder(arrangement)

  def our_loss(params):
    mask = np.ones(TOKENS[:, :-1].shape, bool)
    each = optax.softmax_cross_entropy_with_integer_labels(
      ours.apply(params, TOKENS[:, :-1], mask), TOKENS[:, 1:]
    )
    return each.mean()

  found, grads = jax.jit(jax.value_and_grad(our_loss))(params)
  np.testing.assert_allclose(found, loss.item(), atol=1e-5)
  optimizer = optax.adamw(1e-3, **rates)
  updates, _ = optimizer.update(grads, optimizer.init(params), params)
  after = optax.apply_updates(params, updates)
  unsure = total = 0
  for tensor in tensors(arrangement):
    wanted = gradients[tensor.name]
    gradient = block_of(grads, tensor)
    # Gradients are below one: their bound is a share of the largest.
    np.testing.assert_allclose(
      gradient,
      wanted,
      rtol=0,
      atol=1e-4 * min(1, np.abs(wanted).max()),
      err_msg=tensor.name,
    )
    rounding = np.abs(gradient - wanted).max()
    sure = np.abs(wanted) > 2 * rounding
    np.testing.assert_allclose(
      block_of(after, tensor)[sure],
      stepped[tensor.name][sure],
      rtol=0,
      atol=1e-4,
      err_msg=tensor.name,
    )
    unsure, total = unsure + (~sure & (wanted != 0)).sum(), total + sure.size
  assert unsure < 1e-3 * total
  assert max(np.abs(g).max() for g in gradients.values()) > 0.01
  theirs.cache_clear()


def block_of(tree, tensor):
  """The block of a tree that a tensor of a file is, in the file's shape."""
  where = tuple(slice(s, s + n) for s, n in zip(tensor.start, tensor.block))
  block = np.asarray(flatten(tree["params"])[tensor.path])[where]
  block = block[0] if tensor.layered else block
  return block.T if tensor.transposed else block


@ALL
def test_64_greedy_tokens_are_equal(both):
  model, arrangement, params = both
  texts, length = TOKENS[:, :10], 10
  with torch.no_grad():
    expected = model.generate(
      torch.from_numpy(texts),
      attention_mask=torch.ones(texts.shape, dtype=torch.long),
      do_sample=False,
      max_new_tokens=64,
      min_new_tokens=64,
    ).numpy()[:, length:]
  run = jax.jit(
    lambda *inputs: greedy(make_decoder(arrangement), *inputs, count=64)
  )
  found = run(params, texts, np.ones(texts.shape, bool))
  assert np.asarray(found).tolist() == expected.tolist()
  assert len(np.unique(expected)) > 10


@ALL
@pytest.mark.parametrize("shard_bytes", [20_000, 10**9])
def test_what_is_exported_is_loaded_with_the_same_logits(
  both, tmp_path, shard_bytes
):
  model, arrangement, params = both
  out = tmp_path / "out"
  export(out, params, arrangement, shard_bytes=shard_bytes)
  again = reload(out)
  assert type(again) is type(model)
  np.testing.assert_array_equal(
    their_logits(again, TOKENS), their_logits(model, TOKENS)
  )


@ALL
@pytest.mark.parametrize("unused", [0, 5])
def test_new_tokens_and_lora_are_loaded_with_the_same_logits(
  both, tmp_path, unused
):
  _, arrangement, params = both
  new = NewTokens(arrangement.vocab_size - unused, 9)
  rows, head = 0.3 * jax.random.normal(jax.random.key(1), (2, 9, 48))
  params = extend(params, rows, None if arrangement.tied else head)
  lora = Lora(rank=4)
  params = add_lora(params, jax.random.key(2), lora)
  params = jax.tree.map_with_path(
    lambda path, x: x + 0.02 if path[-1].key == "lora_b" else x, params
  )
  tokens = TOKENS % new.first
  tokens[:, 3:12] = new.first + np.arange(9)
  found = our_logits(arrangement, params, tokens, new=new, lora=lora)
  export(tmp_path / "out", params, arrangement, new=new, lora=lora)
  again = reload(tmp_path / "out")
  expected = their_logits(again, tokens)
  assert expected.shape == found.shape
  np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["qwen2 tied", "llama untied, scaled"])
def test_kernels_in_nvfp4_are_theirs_bit_for_bit(both, tmp_path):
  """Decompressed by compressed-tensors, at once or at the first text."""
  pytest.importorskip("compressed_tensors")
  _, arrangement, params = both
  policy = Policy(min_dim=16, skip=(*SKIPPED, "out"))
  params = quantize_params(together(params), policy, "four_over_six_mse_256")
  packed, plain = tmp_path / "packed", tmp_path / "plain"
  export(packed, apart(params), arrangement, dtype=jnp.bfloat16)
  read = load_params(packed, arrangement, dtype=None)
  export(plain, nn.unbox(read), arrangement)
  dense = reload(plain)
  expected = dense.state_dict()
  found = reload(
    packed,
    quantization_config=transformers.CompressedTensorsConfig(dequantize=True),
  ).state_dict()
  assert found.keys() == expected.keys()
  for key, x in expected.items():
    assert x.dtype == found[key].dtype == torch.bfloat16
    bits = [each.view(torch.int16) for each in (found[key], x)]
    assert torch.equal(*bits), key
  lazy = reload(packed)
  names = {key for key, _ in lazy.named_parameters() if "weight_packed" in key}
  assert len(names) == 6 * arrangement.layers
  with torch.no_grad():
    tokens = torch.from_numpy(TOKENS)
    assert torch.equal(lazy(tokens).logits, dense(tokens).logits)


def test_their_tokenizer_reads_our_codes(tmp_path):
  small_tokenizer().save(str(tmp_path / "tokenizer.json"))
  text, new = read_tokenizer(tmp_path).with_codes((3, 2))
  text.save(tmp_path)
  theirs = transformers.PreTrainedTokenizerFast(
    tokenizer_file=str(tmp_path / "tokenizer.json")
  )
  for one in (WORDS, "<a_2><b_1>", "milk <a_0> and<b_0>"):
    tokens, mask = text.encode([one], length=64)
    assert theirs(one)["input_ids"] == tokens[mask].tolist()
    assert theirs.decode(tokens[mask]) == one
  assert len(theirs) == new.stop


def test_bfloat16_files_are_read_as_theirs(tmp_path):
  model = theirs("llama tied").to(torch.bfloat16)
  model.save_pretrained(tmp_path / "in")
  theirs.cache_clear()
  arrangement = read_arrangement(tmp_path / "in")
  params = load_params(tmp_path / "in", arrangement)
  table = model.get_input_embeddings().weight.detach().float().numpy()
  np.testing.assert_array_equal(params["params"]["token_embedding"], table)
  export(tmp_path / "out", params, arrangement, dtype=jnp.bfloat16)
  again = transformers.AutoModelForCausalLM.from_pretrained(
    tmp_path / "out", dtype=torch.bfloat16
  )
  for a, b in zip(model.parameters(), again.parameters()):
    assert torch.equal(a, b)
