"""A model of random weights, and a byte-level tokenizer learned from texts.

Matrices are normal with variance `1 / D`, norms are one.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from gr_jax import atomic
from gr_jax.generators.pretrained.arrangement import Arrangement, write_config
from gr_jax.generators.pretrained.safetensors_writer import write_safetensors
from gr_jax.generators.pretrained.weights import Tensor, tensors


def write_random(
  folder: pathlib.Path,
  arrangement: Arrangement,
  text: tokenizers.Tokenizer,
  *,
  seed: int,
) -> None:
  """Writes a model into a folder, which is there.

  Args:
    folder: gets config.json, tokenizer.json and the weights.
    arrangement: the sizes; the vocabulary has as many tokens as `text`.
    text: the tokenizer.
    seed: draws the weights.
  """
  arrangement = dataclasses.replace(
    arrangement, vocab_size=text.get_vocab_size()
  )
  rng = np.random.default_rng(seed)

  def read(tensor: Tensor) -> Iterator[np.ndarray]:
    if len(tensor.shape) == 1:
      bias = tensor.name.endswith("bias")
      yield np.full(tensor.shape, 0.0 if bias else 1.0, np.float32)
    else:
      drawn = rng.standard_normal(tensor.shape, np.float32)
      yield drawn * np.float32(arrangement.width**-0.5)

  write_safetensors(
    folder, list(tensors(arrangement)), read, dtype=np.dtype(np.float32)
  )
  config = write_config(arrangement) | {"dtype": "float32"}
  atomic.write_text(folder / "config.json", json.dumps(config, indent=2))
  atomic.write_text(folder / "tokenizer.json", text.to_str())


def learned_tokenizer(
  texts: Iterable[str], *, size: int
) -> tokenizers.Tokenizer:
  """A byte-level BPE of some texts, of at most `size` tokens."""
  found = tokenizers.Tokenizer(models.BPE())
  found.pre_tokenizer = pre_tokenizers.Sequence(
    [
      pre_tokenizers.Digits(individual_digits=True),
      pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]
  )
  found.decoder = decoders.ByteLevel()
  trainer = trainers.BpeTrainer(
    vocab_size=size,
    show_progress=False,
    special_tokens=["<|endoftext|>"],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
  )
  found.train_from_iterator(texts, trainer)
  return found
