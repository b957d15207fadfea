"""A byte-level BPE tokenizer of a few hundred tokens, as GPT-2's and Qwen's."""

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

WORDS = "whole milk and whole wheat bread; 2 litre of oat milk with 3 eggs."


def small_tokenizer() -> tokenizers.Tokenizer:
  """Trained on a sentence; bytes are tokens, so that any text is."""
  found = tokenizers.Tokenizer(models.BPE())
  found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
  found.decoder = decoders.ByteLevel()
  trainer = trainers.BpeTrainer(
    vocab_size=280,
    show_progress=False,
    special_tokens=["<|endoftext|>"],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
  )
  found.train_from_iterator([WORDS] * 4, trainer)
  return found
