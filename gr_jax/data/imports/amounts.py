"""Prices as people write them: "1,42", "1.299,00 kr", "$5", "1 299 EUR"."""

from typing import NamedTuple

import polars as pl

from gr_jax.data.imports.words import distinct

LARGEST = 1e30
"""Above it a sum of values would leave float32."""

_PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
# The last three are Russian and Ukrainian: rub, r and hrn.
_CODES = (
  "USD|EUR|GBP|JPY|CNY|RMB|INR|RUB|KRW|CHF|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN"
  "|TRY|UAH|KZT|BRL|MXN|ARS|CLP|COP|PEN|UYU|CAD|AUD|NZD|SGD|HKD|TWD|THB|IDR|MYR"
  "|PHP|VND|ZAR|NGN|KES|EGP|MAD|AED|SAR|QAR|KWD|ILS|PKR|BDT|LKR"
  "|euros?|dollars?|pounds?|yen|yuan|kr|zł|zl|Kč|Kc|Ft|lei|lv|Rs|Rp|RM|TL|Fr|SFr|DM"
  r"|\x{440}\x{443}\x{431}|\x{440}|\x{433}\x{440}\x{43d}"
)
_SIGNS = r"(?:US|AU|CA|NZ|HK|NT|MX|[ACRS])?\$|[€£¥₹₽₩₺₴₫₦₱₪₸฿￥元円원]"
_CURRENCY = rf"(?i:{_CODES})\.?|{_SIGNS}"
# Sign, currency, sign, digits with marks, "12,-", currency.
_PRICE = (
  rf"^(?<s1>[-+\x{{2212}}]?)\s*(?<c1>{_CURRENCY})?\s*(?<s2>[-+\x{{2212}}]?)\s*"
  r"(?<body>\d[\d.,'\x{2019}\s]*?|[.,]\d+)(?:[.,:]?[-\x{2013}\x{2014}]{1,2})?"
  rf"\s*(?<c2>{_CURRENCY})?$"
)
# Marks that are never decimal, between digits in groups of three.
_BLANKS = r"^\d{1,3}(?:[\s'\x{2019}]\d{3})+(?:[.,]\d*)?$"
_GROUPED = r"^[1-9]\d{0,2}(?:M\d{2,3})*M\d{3}(?:D\d*)?$"
_SIMPLE = r"^\d*(?:D\d*)?$"


class Amounts(NamedTuple):
  """What `read_amounts` found.

  Attributes:
    values: `[n]` Float64, null where a text is no number; NaN and infinity are
      numbers.
    notes: What was assumed, a line each.
  """

  values: pl.Series
  notes: list[str]


def read_amounts(texts: pl.Series, *, noun: str) -> Amounts:
  """Reads texts `[n]` as amounts of money, currencies left out.

  Of a point and a comma in one text the last is the decimal mark. One alone is,
  unless it comes twice or before exactly three digits. "1,299" and "1.299" are
  read as most of the others in the column say; where none says it, the comma
  marks thousands, and a point is one of a plain number.

  Args:
    texts: The column, null where there is nothing.
    noun: The plural for the column's values in notes.
  """
  found = distinct(texts)
  read = _read(found.texts, found.counts, noun)
  return Amounts(found.spread(read.values).alias(texts.name), read.notes)


def _read(texts: pl.Series, counts: pl.Series, noun: str) -> Amounts:
  plain = texts.cast(pl.Float64, strict=False)
  odd = texts.is_not_null() & ~texts.str.contains(_PLAIN).fill_null(False)
  if not (odd & plain.is_null()).any():
    return Amounts(plain, [])
  parts = texts.str.extract_groups(_PRICE).struct.unnest()
  body = parts["body"]
  blanks = body.str.contains(_BLANKS).fill_null(False)
  spaced = body.str.contains(r"[\s'\x{2019}]").fill_null(False)
  body = body.str.replace_all(r"[\s'\x{2019}]", "").set(spaced & ~blanks, None)
  comma = _decimal_comma(body)
  sure = int(counts.filter(comma.is_not_null()).sum())
  mostly = _count(comma, counts) * 2 > sure
  unsure = body.is_not_null() & comma.is_null() & body.str.contains("[.,]")
  # Without a word for it a single mark before three digits is a point.
  comma = comma.fill_null(mostly)
  numbers = pl.select(
    pl.when(pl.lit(comma))
    .then(_number(pl.lit(body), mark=".", decimal=","))
    .otherwise(_number(pl.lit(body), mark=",", decimal="."))
  ).to_series()
  signs = parts["s1"] + parts["s2"]
  negative = signs.str.contains(r"[-\x{2212}]").fill_null(False)
  numbers = numbers.zip_with(~negative, -numbers)
  values = numbers.zip_with(body.is_not_null(), plain).alias(texts.name)
  with_comma = comma & body.str.contains(",").fill_null(False)
  notes = _mark_notes(
    texts, counts, values, with_comma, unsure, noun, sure=bool(sure)
  )
  currency = parts["c1"].zip_with(parts["c1"].is_not_null(), parts["c2"])
  return Amounts(
    values, notes + _currency_notes(texts, counts, values, currency, noun)
  )


def _decimal_comma(body: pl.Series) -> pl.Series:
  """Whether `[n]` the comma is decimal; null where a text does not say it."""
  text = pl.col("t")
  points, commas = text.str.count_matches(r"\."), text.str.count_matches(",")
  unsure = text.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$")
  last = text.str.contains(r",[^.]*$")
  return body.to_frame("t").select(
    t=pl.when((points == 0) & (commas == 0) | unsure)
    .then(None)
    .when((points > 0) & (commas > 0))
    .then(last)
    .when(commas > 0)
    .then(commas == 1)
    .otherwise(points > 1)
  )["t"]


def _number(text: pl.Expr, *, mark: str, decimal: str) -> pl.Expr:
  """The number of a text with these marks; null where groups are wrong."""
  names = {"M": f"[{mark}]", "D": f"[{decimal}]"}
  grouped, simple = _GROUPED, _SIMPLE
  for name, form in names.items():
    grouped, simple = grouped.replace(name, form), simple.replace(name, form)
  digits = text.str.replace_all(mark, "", literal=True)
  digits = digits.str.replace(decimal, ".", literal=True)
  good = text.str.contains(grouped) | text.str.contains(simple)
  return pl.when(good).then(digits.cast(pl.Float64, strict=False))


def _mark_notes(
  texts: pl.Series,
  counts: pl.Series,
  values: pl.Series,
  with_comma: pl.Series,
  unsure: pl.Series,
  noun: str,
  *,
  sure: bool,
) -> list[str]:
  notes = []
  if with_comma.any():
    example = _example(texts, values, with_comma)
    notes.append(
      f"{_count(with_comma, counts):,} {noun} have a decimal comma ({example})."
    )
  if unsure.any():
    why = (
      f"as the other {noun} have it"
      if sure
      else f"no other of the {noun} says it"
    )
    notes.append(
      f"{_count(unsure, counts):,} {noun} have one mark before three digits: "
      f"{_example(texts, values, unsure)}, {why}."
    )
  return notes


def _currency_notes(
  texts: pl.Series,
  counts: pl.Series,
  values: pl.Series,
  currency: pl.Series,
  noun: str,
) -> list[str]:
  some = currency.is_not_null() & values.is_not_null()
  if not some.any():
    return []
  names = pl.DataFrame([currency.alias("name"), counts.alias("n")])
  names = names.filter(some).group_by("name", maintain_order=True).sum()
  names = names.sort("n", descending=True, maintain_order=True)
  named = ", ".join(f"{name} ({n:,})" for name, n in names.head(5).rows())
  n = _count(some, counts)
  note = f"{n:,} {noun} have a currency, which is left out: {named}"
  if names.height > 1:
    return [f"{note}; they are compared as they are, without an exchange rate."]
  return [f"{note}; {_example(texts, values, some)}."]


def _count(where: pl.Series, counts: pl.Series) -> int:
  """How many rows have a text for which something is true."""
  return int(counts.filter(where.fill_null(False)).sum())


def _example(texts: pl.Series, values: pl.Series, where: pl.Series) -> str:
  row = where.arg_max() or 0
  value = values[row]
  return f"{texts[row]!r} is {'unknown' if value is None else f'{value:.12g}'}"
