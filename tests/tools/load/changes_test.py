import asyncio
import itertools
import json
import types

import pytest

from tools.load import changes


def test_each_change_adds_items_that_nobody_knew():
  bodies = []

  async def post(path, body):
    bodies.append((path, json.loads(body)))
    return 200

  items = changes.read_items(None, seed=0)
  change = changes.adding(
    types.SimpleNamespace(post=post), items, count=3, times=2
  )
  assert [asyncio.run(change()) for _ in range(3)] == [True, True, False]
  assert [path for path, _ in bodies] == ["/items"] * 2
  added = [item for _, body in bodies for item in body["add"]]
  assert len({item["id"] for item in added}) == 6
  assert len({item["text"] for item in added}) == 6


def test_a_refused_change_is_the_last_and_is_printed(capsys):
  async def post(path, body):
    return 507

  items = changes.read_items(None, seed=0)
  assert not asyncio.run(
    changes.adding(types.SimpleNamespace(post=post), items, count=1, times=2)()
  )
  assert "507" in capsys.readouterr().err


def test_items_of_a_file_come_in_order_again_and_again(tmp_path):
  path = tmp_path / "items"
  path.write_text('{"text": "a"}\n{"text": "b", "category": "c"}\n')
  found = list(itertools.islice(changes.read_items(path, seed=0), 3))
  assert [item["text"] for item in found] == ["a", "b", "a"]


@pytest.mark.parametrize("text", ["", "[1]\n"])
def test_a_file_without_objects_is_refused(tmp_path, text):
  path = tmp_path / "items"
  path.write_text(text)
  with pytest.raises(ValueError, match="needs a JSON object"):
    changes.read_items(path, seed=0)
