# ruff: noqa: RUF001  # Letters that look like others are the point.
"""Words are read in every script, and in English as they stand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.text.words import (
  index_words,
  is_unspaced,
  plain_text,
  split_words,
  text_pieces,
)


@given(st.text(st.characters(codec="ascii")))
def test_in_ascii_a_word_is_a_run_of_letters_digits_and_underscores(text):
  assert split_words(text) == index_words(text)
  assert split_words(text) == re.findall(r"\w+", text.lower())


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("Crème-brûlée, 2x!", ["crème", "brûlée", "2x"]),
    ("cafe\u0301 STRASSE straße", ["café", "strasse", "strasse"]),
    ("ﬁsh １２ 5 µm²", ["fish", "12", "5", "μm2"]),
    ("вода и хлеб", ["вода", "и", "хлеб"]),
    ("우유 한 병", ["우유", "한", "병"]),
    # Marks stay with their letters.
    ("हिन्दी की किताब", ["हिन्दी", "की", "किताब"]),
    ("எண்ணெய் 1l", ["எண்ணெய்", "1l"]),
    ("حَلِيب", ["حَلِيب"]),
    ("می\u200cخواهم", ["میخواهم"]),
    # Pairs of letters, across Han and kana; other words end a run.
    ("红色连衣裙", ["红色", "色连", "连衣", "衣裙"]),
    ("茶", ["茶"]),
    ("新款iPhone手机壳", ["新款", "iphone", "手机", "机壳"]),
    ("お茶・ミルク2本", ["お茶", "ミル", "ルク", "2", "本"]),
    ("ﾐﾙｸ", ["ミル", "ルク"]),
    ("เสื้อสีแดง", ["เสื้", "สื้อ", "อสี", "สีแ", "แด", "ดง"]),
    ("ទឹក", ["ទឹក"]),
    ("ရေ ၅၀", ["ရေ", "၅၀"]),
    ("𠮷野", ["𠮷野"]),
    ("。、！ ฿ \u0301", []),
  ],
)
def test_words_in_many_scripts(text, words):
  assert split_words(text) == words


def test_words_that_differ_in_vowels_only_are_two():
  assert split_words("किताब") != split_words("कताब")


def test_what_is_searched_has_the_letters_of_unspaced_runs_besides():
  assert index_words("红色茶 red") == ["红色", "色茶", "红", "色", "茶", "red"]
  assert index_words("茶") == ["茶"]


@given(st.text())
def test_a_part_of_a_run_has_the_words_of_the_run(text):
  assert set(split_words(text)) <= set(index_words(text))
  assert split_words(" ".join(split_words("牛奶巧克力"))) == split_words(
    "牛奶巧克力"
  )


def test_scripts_without_blanks_are_known_by_their_words():
  words = ["茶", "ミル", "เสื้", "milk", "é", "की", "우유", "5"]
  assert [is_unspaced(word) for word in words] == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
  ("text", "pieces"),
  [
    (" oat  milk\nor tea ", ["oat ", "milk ", "or ", "tea"]),
    ("Crème brûlée", ["Crème ", "brûlée"]),
    ("新款 iPhone手机。", ["新", "款 ", "iPhone", "手", "机", "。"]),
    ("เสื้อ", ["เ", "สื้", "อ"]),
    ("", []),
  ],
)
def test_a_text_is_cut_at_blanks_and_between_unspaced_letters(text, pieces):
  assert text_pieces(text) == pieces


@given(st.text())
def test_pieces_make_up_the_text(text):
  assert "".join(text_pieces(text)) == " ".join(text.split())


def test_texts_of_the_same_words_are_the_same_plainly():
  assert (
    plain_text("  Whole, MILK! ") == plain_text("whole milk") == "whole milk"
  )
  assert plain_text("milk whole") != plain_text("whole milk")
  assert plain_text("!?") == ""
