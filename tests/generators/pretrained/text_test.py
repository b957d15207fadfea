import json

import numpy as np
import pytest
import tokenizers

from gr_jax.generators.pretrained.text import (
  TextTokens,
  code_names,
  read_tokenizer,
)
from tests.reference.small_tokenizer import WORDS, small_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  path = tmp_path_factory.mktemp("tokenizer")
  small_tokenizer().save(str(path / "tokenizer.json"))
  return path


def test_text_comes_back(folder):
  text = read_tokenizer(folder)
  texts = ["whole milk 2 litre", "", "Käse: 100 g", WORDS]
  tokens, mask = text.encode(texts, length=64)
  assert tokens.shape == mask.shape == (4, 64)
  assert tokens.dtype == np.int32
  assert mask.sum(axis=1)[1] == 0
  assert text.decode(tokens, mask) == texts
  assert (np.diff(mask.astype(int), axis=1) <= 0).all()


def test_long_texts_lose_their_end_or_their_start(folder):
  text = read_tokenizer(folder)
  whole, mask = text.encode([WORDS], length=64)
  count = int(mask.sum())
  first, kept = text.encode([WORDS], length=5)
  last, _ = text.encode([WORDS], length=5, keep_end=True)
  assert kept.all()
  np.testing.assert_array_equal(first, whole[:, :5])
  np.testing.assert_array_equal(last, whole[:, count - 5 : count])


def test_codes_are_tokens_after_all_others_level_by_level(folder):
  text = read_tokenizer(folder)
  extended, new = text.with_codes((3, 2))
  assert (new.first, new.count) == (text.size, 5)
  assert extended.size == text.size + 5
  tokens, mask = extended.encode(["<a_2><b_1>", "milk<a_0> <b_0>x"], length=9)
  assert tokens[0, :2].tolist() == [new.first + 2, new.first + 3 + 1]
  assert mask[0].sum() == 2
  assert extended.decode(tokens, mask) == ["<a_2><b_1>", "milk<a_0> <b_0>x"]
  # The tokenizer that was there knows none of them.
  assert text.encode(["<a_2>"], length=9)[1].sum() > 1


def test_the_end_of_an_id_is_the_last_token(folder):
  extended, new = read_tokenizer(folder).with_codes((3, 2), ends=True)
  assert new.count == 6
  tokens, _ = extended.encode(["<a_1><end>"], length=2)
  assert tokens.tolist() == [[new.first + 1, new.first + 5]]


def test_words_keep_their_tokens(folder):
  text = read_tokenizer(folder)
  extended, _ = text.with_codes((3, 2))
  for a, b in zip(*(t.encode([WORDS], length=64) for t in (text, extended))):
    np.testing.assert_array_equal(a, b)


def test_a_saved_tokenizer_knows_its_codes(folder, tmp_path):
  extended, _ = read_tokenizer(folder).with_codes((3, 2))
  extended.save(tmp_path)
  again = read_tokenizer(tmp_path)
  texts = [WORDS, "<a_1> milk <b_0>"]
  for a, b in zip(*(t.encode(texts, length=64) for t in (extended, again))):
    np.testing.assert_array_equal(a, b)
  with pytest.raises(ValueError, match="a token <a_0> already"):
    again.with_codes((1,))


def test_a_padding_of_the_file_is_not_used(folder, tmp_path):
  found = json.loads((folder / "tokenizer.json").read_text())
  plain = tokenizers.Tokenizer.from_str(json.dumps(found))
  plain.enable_padding(length=80)
  plain.enable_truncation(2)
  plain.save(str(tmp_path / "tokenizer.json"))
  _, mask = read_tokenizer(tmp_path).encode([WORDS, ""], length=64)
  _, expected = read_tokenizer(folder).encode([WORDS, ""], length=64)
  np.testing.assert_array_equal(mask, expected)


def test_names_of_codes():
  assert code_names((2, 1)) == ["<a_0>", "<a_1>", "<b_0>"]
  with pytest.raises(ValueError, match="27 levels; codes have names for 26"):
    code_names((1,) * 27)


def test_a_folder_without_a_tokenizer_says_so(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"has no tokenizer\.json"):
    read_tokenizer(tmp_path)
  (tmp_path / "tokenizer.json").write_text("{}")
  with pytest.raises(ValueError, match="is no tokenizer"):
    read_tokenizer(tmp_path)


def test_text_tokens_are_a_value():
  plain = small_tokenizer()
  assert TextTokens(plain).size == plain.get_vocab_size()
