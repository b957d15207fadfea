import asyncio
import json
import random

import pytest

from tools.load import changes


def test_each_change_adds_items_that_nobody_knew(monkeypatch):
  bodies = []

  async def ask(url, path, body):
    bodies.append((path, json.loads(body)))
    return 200

  monkeypatch.setattr(changes, "ask", ask)
  change = changes.adding(None, items=3, times=2, width=4, seed=0)
  assert [asyncio.run(change()) for _ in range(3)] == [True, True, False]
  assert [path for path, _ in bodies] == ["/items"] * 2
  added = [item for _, body in bodies for item in body["add"]]
  assert len({item["id"] for item in added}) == 6
  assert {len(item["vector"]) for item in added} == {4}


def test_a_refused_change_is_the_last_and_is_told(monkeypatch, capsys):
  async def ask(url, path, body):
    return 507

  monkeypatch.setattr(changes, "ask", ask)
  change = changes.adding(None, items=1, times=2, width=0, seed=0)
  assert not asyncio.run(change())
  assert "507" in capsys.readouterr().err


@pytest.mark.parametrize("width", [0, 2])
def test_vectors_are_sent_only_where_they_are_wanted(width):
  rng = random.Random(0)
  (item,) = changes.new_items("a", 1, width=width, rng=rng)
  assert len(item.get("vector", [])) == width
