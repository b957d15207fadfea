"""Texts without the markup of a web page."""

import html
import html.entities
import re

import polars as pl

# Names of elements that shops' texts have; "a <b and c> d" is no element.
_ELEMENTS = (
  "a|abbr|article|b|big|blockquote|br|button|center|cite|code|dd|del|div|dl|dt|"
  "em|figcaption|figure|font|form|footer|h1|h2|h3|h4|h5|h6|header|hr|i|iframe|"
  "img|input|ins|label|li|link|main|mark|meta|nav|ol|option|p|picture|pre|q|s|"
  "section|select|small|source|span|strike|strong|sub|sup|svg|table|tbody|td|"
  "tfoot|th|thead|tr|tt|u|ul|video"
)
_HIDDEN = r"(?is)<(?:script\b.*?</script|style\b.*?</style|!--.*?--)\s*>"
# Within a word an element of style is no blank.
_STYLE = r"(?i)</?(?:b|i|u|em|s|strong|span|font|small|sub|sup|mark)>"
_TAG = rf"(?i)</?(?:{_ELEMENTS})(?:\s[^<>]*=[^<>]*)?\s*/?>"
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);"


def without_markup(texts: pl.Series) -> tuple[pl.Series, int]:
  """Removes HTML tags and reads entities.

  Args:
    texts: `[n]`, null where there is none.

  Returns:
    (texts `[n]` on one line, null where nothing is left; the number of texts
    that had markup).
  """
  marked = texts.str.contains(rf"{_ENTITY}|{_TAG}|{_HIDDEN}").fill_null(False)
  if not marked.any():
    return texts, 0
  found = _without_tags(texts.filter(marked))
  # Escaped elements are elements, too: &lt;br&gt;.
  read = pl.Series(
    [re.sub(_ENTITY, _character, text) for text in found], dtype=pl.String
  )
  read = _without_tags(read).str.replace_all(r"\s+", " ").str.strip_chars()
  read = read.replace("", None)
  rows = marked.arg_true()
  return texts.scatter(rows, read), len(rows)


def _without_tags(texts: pl.Series) -> pl.Series:
  texts = texts.str.replace_all(_HIDDEN, " ").str.replace_all(_STYLE, "")
  return texts.str.replace_all(_TAG, " ")


def _character(entity: re.Match) -> str:
  known = entity[0][1] == "#" or entity[0][1:] in html.entities.html5
  return html.unescape(entity[0]) if known else entity[0]
