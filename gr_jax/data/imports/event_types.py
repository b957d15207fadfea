"""Names of events as trackers and shops write them."""

import re
from collections.abc import Mapping

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.columns import known_words
from gr_jax.data.imports.words import as_text, map_words
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED

EVENT_KINDS = {"exposure": EXPOSED, "click": CLICKED, "order": ORDERED}
# Plain words, then GA4, Segment, Shopify, Klaviyo, Meta, Taobao and Tmall. A
# page of one item was chosen: it is a click; what takes a choice back (a
# refund, a removal from the cart) is none of the three.
EVENT_TYPES = {
  "exposure": "exposure exposures exposed impression impressions imp impr view "
  "views viewed show shown product_impression item_impression "
  "display displayed view_item_list view_promotion view_search_results "
  "product_list_viewed collection_viewed promotion_viewed view_category",
  "click": "click clicks clicked clk cart add_to_cart basket add_to_basket "
  "add_to_bag detail "
  "detail_view product_detail_view item_view product_click item_click "
  "view_item select_item select_promotion add_to_wishlist begin_checkout "
  "add_shipping_info add_payment_info product_view product_viewed "
  "viewed_product product_clicked product_added product_added_to_cart "
  "added_to_cart product_added_to_wishlist promotion_clicked checkout_started "
  "started_checkout checkout payment_info_entered payment_info_submitted "
  "view_content initiate_checkout pv fav favorite collect wishlist",
  "order": "order orders ordered purchase purchases purchased buy bought "
  "transaction sale "
  "order_completed order_placed placed_order ordered_product "
  "completed_order checkout_completed product_purchase item_purchase "
  "product_purchased item_purchased sold paid alipay conversion",
}
# What a name that nobody knows probably is, by a word in it.
_TAKEN_BACK = r"(?i)remov|delet|refund|cancel|return|unsub|dislike"
_GUESSES = (
  ("order", r"(?i)order|purchas|buy|bought|transact|paid|sale"),
  ("exposure", r"(?i)list|impress|expos|shown|display|collection|search"),
)
_SHOWN = 8
# What is between the words of a name.
_JOINTS = r"[\s_.\-/:]+"
_UNKNOWN = "unknown event type (see --event_types)"


def known_types(event_types: Mapping[str, str]) -> dict[str, int]:
  """Maps event types to kinds, the caller's own types first.

  Types are in lower case, without blanks, dashes, underscores and points:
  "Add To Cart", "add-to-cart" and "add_to_cart" are one.

  Raises:
    ValueError: a target that is not "exposure", "click" or "order".
  """
  words = known_words(
    EVENT_TYPES, EVENT_KINDS, event_types, flag="--event_types"
  )
  return {re.sub(_JOINTS, "", word.lower()): k for word, k in words.items()}


def check_kinds(
  table: CheckedTable, event_types: Mapping[str, str]
) -> CheckedTable:
  """Adds `kind`, and drops rows of unknown types; all are orders without any.

  Their names, counts and the flag to paste are a note.
  """
  if "event" not in table.frame.columns:
    return table.derive(pl.lit(ORDERED, pl.Int8).alias("kind"))
  events = table.frame["event"]
  names = as_text(events.drop_nulls().value_counts(sort=True, name="n"))
  word = pl.col("event").str.to_lowercase().str.replace_all(_JOINTS, "")
  kinds = names.with_columns(
    kind=word.replace_strict(
      known_types(event_types), default=None, return_dtype=pl.Int8
    )
  )
  known = kinds.drop_nulls("kind")

  def kind_of(words: pl.Series) -> pl.Series:
    return words.replace_strict(
      known["event"], known["kind"], default=None, return_dtype=pl.Int8
    )

  table = table.derive(map_words(events, kind_of).alias("kind"))
  table = table.drop(pl.col("event").is_null(), "missing event type")
  unknown = kinds.filter(pl.col("kind").is_null()).select("event", "n")
  if unknown.height:
    table = table.note(_unknown_note(unknown.rows()))
  return table.drop(pl.col("kind").is_null(), _UNKNOWN)


def _unknown_note(names: list[tuple[str, int]]) -> str:
  shown = ", ".join(f"{name!r} ({n:,})" for name, n in names[:_SHOWN])
  more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
  note = f"unknown event types, left out: {shown}{more}"
  guessed = [
    f"{name}={_guess(name)}"
    for name, _ in names[:_SHOWN]
    if not re.search(_TAKEN_BACK, name) and not re.search("[,=']", name)
  ]
  if not guessed:
    return f"{note}."
  pairs = ",".join(guessed)
  quote = "'" if re.search(r"[^\w,=.\-]", pairs) else ""
  return (
    f"{note}; where they say what a user chose or saw, add "
    f"--event_types={quote}{pairs}{quote} (exposure, click or order each)."
  )


def _guess(name: str) -> str:
  for kind, form in _GUESSES:
    if re.search(form, name):
      return kind
  return "click"
