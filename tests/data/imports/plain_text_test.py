"""Texts are read as a browser would show them."""

import html

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.plain_text import without_markup


def _read(*texts: str | None) -> list[str | None]:
  return without_markup(pl.Series(texts, dtype=pl.String))[0].to_list()


@pytest.mark.parametrize(
  ("text", "plain"),
  [
    ("<b>Big</b> &amp; <i>sm</i>all<br/>one", "Big & small one"),
    ("<p class='x'>red</p><p>shoe</p>", "red shoe"),
    ("&lt;br&gt;tea&nbsp;pot", "tea pot"),
    ("<script>x<y</script><!-- no -->z", "z"),
    ("<p></p>", None),
    ("5 &lt; 6 &euro;", "5 < 6 €"),
    ("a <b and c> d", "a <b and c> d"),
    ("R&D; x < y > z", "R&D; x < y > z"),
    ("i <3 you", "i <3 you"),
    ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
    (None, None),
  ],
)
def test_tags_go_and_entities_are_read(text, plain):
  assert _read(text) == [plain]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=4))
def test_escaped_words_come_back_and_the_marked_are_counted(words):
  words = [" ".join(word.split()).replace("\x00", "") for word in words]
  words = [word for word in words if not {"&", "<", "\r"} & set(word)]
  words = [word for word in words if word]
  texts = pl.Series(
    [f"<b>{html.escape(w)}</b>" for w in words], dtype=pl.String
  )
  read, count = without_markup(texts)
  assert count == len(words)
  assert read.to_list() == words
  assert without_markup(read)[1] == 0
