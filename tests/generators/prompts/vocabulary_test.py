import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.generators.prompts.vocabulary import (
  NEXT_BASKET,
  Vocabulary,
  build_vocabulary,
)

VOCABULARY = build_vocabulary(
  ["white milk", "milk", "oat milk"],
  [("age=20", "city=Ulm"), ()],
  (3, 7),
  user_buckets=5,
)


def test_words_are_ranked_by_frequency_then_name():
  assert VOCABULARY.words == ("milk", "oat", "white")


def test_blocks_do_not_overlap_and_fill_the_vocabulary():
  tokens = [
    [NEXT_BASKET],
    [VOCABULARY.profile_tokens(f"u{i}", ())[0] for i in range(50)],
    VOCABULARY.age_tokens(np.arange(0, 10**9, 10**6)).tolist(),
    VOCABULARY.count_tokens(np.arange(1, 10_000)).tolist(),
    VOCABULARY.profile_tokens("u", ("age=20", "city=Ulm"))[1:],
    VOCABULARY.query_tokens(" ".join(f"zz{i}" for i in range(400))),
    VOCABULARY.query_tokens("milk oat white"),
    VOCABULARY.code_tokens(np.stack([np.arange(3)] * 2, 1)[:, 0:1]).tolist(),
  ]
  blocks = [set(np.ravel(block).tolist()) for block in tokens]
  for i, block in enumerate(blocks):
    assert block
    assert not any(block & other for other in blocks[i + 1 :])
  assert max(max(block) for block in blocks) < VOCABULARY.size
  assert VOCABULARY.size == VOCABULARY.prompt_size + 3 + 7


@given(st.integers(0, 2), st.integers(0, 6))
def test_every_code_has_its_own_token(first, second):
  tokens = VOCABULARY.code_tokens(np.array([[first, second]]))[0]
  assert tokens[0] - VOCABULARY.prompt_size == first
  assert tokens[1] - VOCABULARY.prompt_size == 3 + second


def test_ended_codes_are_no_tokens():
  assert VOCABULARY.code_tokens(np.array([1, -1]))[1] == -1


def test_older_and_more_often_never_fall_back():
  ages = VOCABULARY.age_tokens(np.arange(0, 400 * 86_400, 3600))
  counts = VOCABULARY.count_tokens(np.arange(1, 5000))
  assert (np.diff(ages) >= 0).all()
  assert (np.diff(counts) >= 0).all()
  assert len(set(ages.tolist())) > 10


def test_words_of_any_script_have_tokens_of_their_own():
  queries = ["Crème-brûlée", "连衣裙", "किताब"]
  vocabulary = build_vocabulary(queries, [], (4, 5), user_buckets=3)
  words = {"crème", "brûlée", "连衣", "衣裙", "किताब"}
  assert set(vocabulary.words) == words
  tokens = [vocabulary.query_tokens(query) for query in queries]
  first = vocabulary.offsets["word"]
  assert sorted(itertools.chain(*tokens)) == list(
    range(first, first + len(words))
  )


def test_a_query_is_read_before_it_has_tokens():
  offsets = VOCABULARY.offsets
  milk, oat, white = range(offsets["word"], offsets["word"] + 3)
  assert VOCABULARY.query_tokens("Oat milk") == [oat, milk]
  assert VOCABULARY.query_tokens("milc with oatmilk") == [milk, oat, milk]
  assert VOCABULARY.query_tokens("whites") == [white]
  (unknown,) = VOCABULARY.query_tokens("zzz")
  assert offsets["unknown"] <= unknown < offsets["word"]


def test_saved_and_loaded_is_the_same(tmp_path):
  VOCABULARY.save(tmp_path / "vocabulary.json")
  assert Vocabulary.load(tmp_path / "vocabulary.json") == VOCABULARY


def test_the_end_of_a_page_is_one_token_before_the_codes():
  plain = build_vocabulary(["a"], [], (4, 5), user_buckets=3)
  paged = build_vocabulary(["a"], [], (4, 5), user_buckets=3, page_ends=1)
  assert paged.offsets["page_end"] == plain.prompt_size
  assert paged.prompt_size == plain.prompt_size + 1
  assert paged.query_tokens("a") == plain.query_tokens("a")
