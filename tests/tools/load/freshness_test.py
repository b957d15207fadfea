"""A server that obeys is told from one that is late by one request."""

import asyncio
import random

import pytest

from tools.load.freshness import freshness


class Shop:
  """A catalogue that obeys a change from the next search on, or one later."""

  def __init__(self, *, late=()):
    self.late, self.pending = late, []
    self.prices = {name: 1.0 for name in "abc"}
    self.paused = set()

  def _apply(self, body):
    prices = body.get("prices", {}).items()
    self.prices |= {k: v for k, v in prices if k in self.prices}
    self.prices |= {i["id"]: i["price"] for i in body.get("add", ())}
    for name in body.get("remove", ()):
      self.prices.pop(name, None)
    for name, flag in body.get("paused", {}).items():
      (self.paused.add if flag else self.paused.discard)(name)

  async def ask(self, path, body):
    await asyncio.sleep(0.0005)
    if path == "/items":
      if set(body) & set(self.late):
        self.pending.append(body)
      else:
        self._apply(body)
      return {}
    band = body.get("filters", {}).get("price", {"min": 0, "max": 1e9})
    items = [
      {"id": name}
      for name, price in self.prices.items()
      if name not in self.paused and band["min"] <= price <= band["max"]
    ]
    while self.pending:
      self._apply(self.pending.pop(0))
    return {"items": items}


def measured(shop, rate=200.0):
  return asyncio.run(
    freshness(shop.ask, {"k": 9}, rate=rate, seconds=0.3, rng=random.Random(0))
  )


def test_changes_come_at_their_rate_and_all_are_obeyed():
  found = measured(Shop())
  assert found.disobeyed == []
  assert len(found.obeyed) > 4
  assert len(found.changes) == 60 + len(found.obeyed)
  assert min(found.obeyed) >= 0.001
  assert "0 not []" in found.line()


@pytest.mark.parametrize(
  ("late", "names"), [("paused", {"pause", "resume"}), ("remove", {"remove"})]
)
def test_what_is_obeyed_one_request_late_is_named(late, names):
  assert set(measured(Shop(late=[late])).disobeyed) == names


def test_a_refusal_is_one_error():
  shop = Shop()
  answer = shop.ask

  async def ask(path, body):
    if "add" in body:
      raise ValueError("409")
    return await answer(path, body)

  shop.ask = ask
  with pytest.raises(ValueError, match=r"^409$"):
    measured(shop)


def test_a_search_without_answers_is_refused():
  shop = Shop()
  shop.prices = {}
  with pytest.raises(ValueError, match="has no answer"):
    measured(shop)
