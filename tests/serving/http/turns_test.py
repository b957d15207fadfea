"""What is no search begins one at a time, with a rest beside a search."""

import asyncio

from gr_jax.serving.http import turns
from gr_jax.serving.http.turns import Turns

SEARCH = {"type": "http", "method": "POST", "path": "/search"}
READ = {"type": "http", "method": "GET", "path": "/items"}


async def nothing(*_):
  raise AssertionError("nobody reads or answers here")


def run(body):
  return asyncio.run(asyncio.wait_for(body(), 10))


def application(app):
  return Turns(app, searches=frozenset({("POST", "/search")}))


def test_a_search_does_not_wait_for_readers(monkeypatch):
  monkeypatch.setattr(turns, "_REST", 0.05)
  order = []

  async def app(scope, receive, send):
    order.append(scope["path"])
    if scope["path"] == "/search":
      await finished.wait()

  async def body():
    nonlocal finished
    finished = asyncio.Event()
    door = application(app)
    first = asyncio.create_task(door(SEARCH, nothing, nothing))
    await asyncio.sleep(0)
    readers = [
      asyncio.create_task(door(READ, nothing, nothing)) for _ in range(20)
    ]
    await asyncio.sleep(0.01)
    second = asyncio.create_task(door(SEARCH, nothing, nothing))
    await asyncio.sleep(0)
    assert order == ["/search", "/search"]
    finished.set()
    await asyncio.gather(first, second, *readers)
    assert order[2:] == ["/items"] * 20

  finished = None
  run(body)


def test_readers_begin_one_in_each_pass_of_the_loop():
  begun = []

  async def app(scope, receive, send):
    begun.append(passes)

  async def count():
    nonlocal passes
    while len(begun) < 8:
      passes += 1
      await asyncio.sleep(0)

  async def body():
    door = application(app)
    readers = (door(READ, nothing, nothing) for _ in range(8))
    await asyncio.gather(count(), *readers)

  passes = 0
  run(body)
  assert sorted(set(begun)) == begun


def test_a_search_that_fails_is_not_under_way_any_more(monkeypatch):
  monkeypatch.setattr(turns, "_REST", 1e6)

  async def app(scope, receive, send):
    if scope["path"] == "/search":
      raise ValueError("no answer")

  async def body():
    door = application(app)
    try:
      await door(SEARCH, nothing, nothing)
    except ValueError:
      await door(READ, nothing, nothing)

  run(body)


def test_the_start_of_the_server_does_not_wait():
  seen = []

  async def app(scope, receive, send):
    seen.append(scope["type"])

  run(lambda: application(app)({"type": "lifespan"}, nothing, nothing))
  assert seen == ["lifespan"]
