"""A user ID finds the sum of all events that the server was sent of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gr_jax.nn.virtual_seeds import EventSums, SeedConfig
from gr_jax.retrieval.lifelong.lifecycle_cache import LifecycleCache
from gr_jax.retrieval.lifelong.state_store import StateStore
from gr_jax.serving.http.api import Api
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.users.history_state import Event
from gr_jax.serving.users.lifecycles import Lifecycles
from gr_jax.serving.users.lifetimes import Lifetimes
from tests.reference.noisy import noisy
from tests.serving.http.api_test import Behind

CONFIG = SeedConfig(layers=2, width=8, heads=2, head_size=4)
NEWEST = 3
KINDS = ("click", "order")
ROWS = {f"A{number}": number for number in range(20)}


def columns(events):
  return {
    "items": np.array([ROWS.get(e.item_id, 20) for e in events], np.int32),
    "kinds": np.array([KINDS.index(e.kind) for e in events], np.int32),
  }


class SmallModel(nn.Module):
  @nn.compact
  def __call__(self, events, mask):
    x = nn.Embed(21, CONFIG.width)(events["items"])
    x = x + nn.Embed(2, CONFIG.width, name="kinds")(events["kinds"])
    return EventSums(CONFIG)(x, mask)


@functools.cache
def model():
  zeros = jnp.zeros((1, 4), int)
  params = SmallModel().init(
    jax.random.key(0), {"items": zeros, "kinds": zeros}, zeros == 0
  )
  return jax.jit(functools.partial(SmallModel().apply, noisy(nn.unbox(params))))


def some_events(count, user="ann"):
  drawn = np.random.default_rng(count)
  return [
    Event(user, f"A{drawn.integers(22)}", KINDS[drawn.integers(2)], float(at))
    for at in range(count)
  ]


def whole(events):
  """One pass over the lifecycle."""
  arrays = columns([*events[:-NEWEST], *some_events(64)][:64])
  mask = np.arange(64) < max(len(events) - NEWEST, 0)
  return np.asarray(
    model()({k: v[None] for k, v in arrays.items()}, mask[None])
  )[0]


class Server:
  """The parts that a server has."""

  def __init__(self, folder):
    self.lifetimes = Lifetimes(folder / "events")
    self.store = StateStore(
      folder / "states", version="one", shape=CONFIG.state_shape
    )
    self.cache = LifecycleCache(
      self.store, model(), newest=NEWEST, shapes=((4, 4), (1, 16))
    )
    self.lifecycles = Lifecycles(
      self.lifetimes, self.store, self.cache, columns
    )

  def close(self):
    self.lifecycles.close()


@pytest.fixture
def server(tmp_path):
  server = Server(tmp_path)
  yield server
  server.close()


def test_a_request_finds_what_events_came_to(server, tmp_path):
  ann, bob = some_events(40), some_events(25, "bob")
  server.lifetimes.add([*ann[:30], *bob])
  found = server.lifecycles.states(["ann", None, "bob", "nobody"])
  np.testing.assert_allclose(found[0], whole(ann[:30]), rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(found[2], whole(bob), rtol=1e-5, atol=1e-5)
  assert not np.any(found[1:4:2])
  assert server.cache.compressed == 27 + 22
  for each in ann[30:]:
    server.lifetimes.add([each])
    found = server.lifecycles.states(["ann"])
  assert server.cache.compressed == 37 + 22
  np.testing.assert_allclose(found[0], whole(ann), rtol=1e-5, atol=1e-5)
  # The same after a restart, without reading events again.
  server.close()
  again = Server(tmp_path)
  np.testing.assert_array_equal(again.lifecycles.states(["ann"]), found)
  assert again.cache.compressed == 0
  again.close()


def test_who_leaves_begins_anew(server):
  server.lifetimes.add(some_events(30))
  server.lifecycles.states(["ann"])
  assert server.lifecycles.remove("ann") == 30
  assert server.store.get(["ann"]) == [None]
  assert not np.any(server.lifecycles.states(["ann"]))
  other = some_events(35)
  server.lifetimes.add(other)
  found = server.lifecycles.states(["ann"])
  np.testing.assert_allclose(found[0], whole(other), rtol=1e-5, atol=1e-5)


def test_the_operations_on_users_keep_and_forget_lifecycles(server):
  behind = Behind()
  api = Api(
    behind,
    behind,
    HttpConfig(),
    ServingMetrics(),
    histories=server.lifecycles,
    unavailable=lambda: None,
    reload=behind.reload,
  )
  with TestClient(Starlette(routes=api.routes)) as client:
    events = some_events(20)
    sent = [
      {"user_id": e.user_id, "item_id": e.item_id, "type": e.kind}
      | {"time": e.time}
      for e in events
    ]
    assert client.post("/events", json={"events": sent}).json()["events"] == 20
    found = server.lifecycles.states(["ann"])
    np.testing.assert_allclose(found[0], whole(events), rtol=1e-5, atol=1e-5)
    # A search that names the user reads the newest events, as before.
    client.post("/recommend", json={"profile": {"user_id": "ann"}})
    assert [e.id for e in behind.taken[-1].history] == [
      e.item_id for e in events
    ]
    kept = client.get("/users/ann").json()["events"]
    assert [e["item_id"] for e in kept] == [e.item_id for e in events]
    assert client.delete("/users/ann").json()["events"] == kept
    assert not np.any(server.lifecycles.states(["ann"]))
    assert server.store.get(["ann"]) == [None]
    assert client.get("/users/ann").status_code == 404
    assert server.lifecycles.size == 0
    assert server.lifecycles.trouble is None
