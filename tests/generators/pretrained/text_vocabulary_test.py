from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from tests.reference.small_world import semantic_ids, text_vocabulary


def test_a_page_has_an_end_after_all_other_tokens():
  words = text_vocabulary(semantic_ids(), page_ends=1)
  assert words.offsets["page_end"] == words.size - 1
  tokens, _ = words.text.encode(["<page_end>"], length=2)
  assert tokens[0, 0] == words.offsets["page_end"]


def test_a_saved_vocabulary_is_the_same(tmp_path):
  words = text_vocabulary(semantic_ids(), page_ends=1)
  words.save(tmp_path / "vocabulary.json")
  again = TextVocabulary.load(tmp_path / "vocabulary.json")
  assert again.log == words.log
  assert (again.new, again.ends) == (words.new, words.ends)
  assert again.code_offsets == words.code_offsets
  assert again.text.tokenizer.to_str() == words.text.tokenizer.to_str()
