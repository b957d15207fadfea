"""A full queue refuses at the door, and only those who would wait in it."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http import admission
from gr_jax.serving.http.admission import Admission
from gr_jax.serving.http.lane import LaneFull


class Queue:
  seconds, error = None, QueueFull

  def check_room(self):
    if self.seconds is not None:
      raise self.error(self.seconds)


@pytest.fixture
def door():
  """A client, the queue, and the paths that were refused."""

  async def through(request):
    return PlainTextResponse("through")

  queue, refused = Queue(), []
  app = Starlette(
    routes=[Route(p, through, methods=["GET", "POST"]) for p in ("/a", "/b")],
    middleware=[
      Middleware(
        Admission,
        doors={("POST", "/a"): queue.check_room},
        on_refusal=refused.append,
      )
    ],
  )
  return TestClient(app), queue, refused


def test_with_room_everybody_comes_through(door):
  client, _, refused = door
  assert client.post("/a").text == client.post("/b").text == "through"
  assert refused == []


def test_a_full_queue_says_when_to_come_back(door):
  client, queue, refused = door
  queue.seconds = 2.5
  response = client.post("/a", content=b"not read at all")
  assert response.status_code == 429
  assert response.headers["retry-after"] == "3"
  assert response.json() == {"error": "the queue is full; try again in 2.5 s."}
  assert refused == ["/a"]


def test_only_who_finds_a_lane_full_is_answered_a_moment_later(
  door, monkeypatch
):
  client, queue, _ = door
  slept = []

  async def sleep(seconds):
    slept.append(seconds)

  monkeypatch.setattr(admission.asyncio, "sleep", sleep)
  queue.seconds = 1.0
  assert client.post("/a").status_code == 429
  assert admission._MOMENT not in slept
  monkeypatch.setattr(queue, "error", LaneFull)
  assert client.post("/a").status_code == 429
  assert slept.count(admission._MOMENT) == 1


def test_who_does_not_wait_in_the_queue_comes_through(door):
  client, queue, refused = door
  queue.seconds = 2.5
  assert client.post("/b").text == client.get("/a").text == "through"
  assert refused == []
