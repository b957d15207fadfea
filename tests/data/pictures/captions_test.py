"""Captions of classes."""

from gr_jax.data.pictures.captions import PAD, class_captions


def test_tokens_spell_the_captions():
  captions = class_captions(("a sandal", "trousers", "an ankle boot"))
  assert captions.texts[2] == "a picture of an ankle boot"
  spelled = [
    " ".join(captions.words[token] for token in row if token != PAD)
    for row in captions.tokens
  ]
  assert tuple(spelled) == captions.texts
  # Padding stands last, and no word is twice in the vocabulary.
  assert captions.tokens[1].tolist()[-2:] == [PAD, PAD]
  assert len(set(captions.words)) == len(captions.words)
  assert captions.words[PAD] == ""
