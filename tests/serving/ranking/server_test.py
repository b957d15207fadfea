"""A ranker behind HTTP says what evaluation says."""

import dataclasses
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from experiments.ranking.evaluate import predict
from gr_jax.data.requests import TEST
from gr_jax.evaluation.auc import auc
from gr_jax.ranking.examples import make_examples
from gr_jax.serving import serve
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.ranking.server import RankerServer


@pytest.fixture
def client(run, tmp_path):
  config = HttpConfig(hosts=("testserver",))
  server = RankerServer(run.ranker, config, log=tmp_path / "run.items.log")
  with TestClient(server.app, raise_server_exceptions=False) as client:
    while client.get("/readyz").status_code == 503:
      time.sleep(0.01)
    yield client


def rank(client, **body):
  answer = client.post("/rank", json=body)
  assert answer.status_code == 200, answer.text
  return answer.json()


def metric(client, name):
  for line in client.get("/metrics").text.splitlines():
    if line.startswith(f"gr_jax_{name} "):
      return float(line.split()[1])
  raise KeyError(name)


def test_the_auc_is_that_of_evaluation(run, client):
  config = dataclasses.replace(run.trained.examples, span=0)
  requests, names = run.data.requests, run.data.catalogue.item_ids
  examples = make_examples(requests, config, split=TEST)
  expected = predict(run.trained, run.data, examples)
  found = np.full_like(expected, np.nan)
  kinds = {1: "click", 2: "order"}
  for first, last in zip(examples.offsets, examples.offsets[1:], strict=False):
    if first == last:
      continue
    row = examples.pairs.requests[first]
    user = requests.user[row]
    past = range(requests.user_offsets[user], requests.history_end[row])
    items = names[examples.pairs.items[first:last]]
    answer = rank(
      client,
      user_id=requests.user_ids[user],
      items=list(items),
      time=float(requests.time[row]),
      history=[
        {
          "item_id": names[requests.event_item[i]],
          "type": kinds[int(requests.event_action[i])],
          "time": float(requests.event_time[i]),
        }
        for i in past
      ],
    )
    by_id = {each["id"]: each["scores"] for each in answer["items"]}
    found[first:last] = [[by_id[i][t] for t in run.ranker.tasks] for i in items]
  np.testing.assert_allclose(found, expected, atol=1e-6)
  for k in range(expected.shape[1]):
    y = examples.pairs.labels[:, k]
    assert abs(auc(found[:, k], y) - auc(expected[:, k], y)) < 1e-6


def test_a_user_that_is_kept_is_scored_as_in_evaluation(run, client):
  requests = run.data.requests
  items = list(run.data.catalogue.item_ids[:20])
  busy = np.flatnonzero(np.diff(requests.user_offsets) > 0)[:8]
  for user_id in requests.user_ids[busy]:
    events = run.ranker.history(user_id)
    now = int(events.times[-1]) + 3600
    expected = run.ranker.score(run.ranker.encode(events), items, now=now)
    for _ in range(2):
      answer = rank(client, user_id=user_id, items=items, time=float(now))
      by_id = {each["id"]: each["scores"] for each in answer["items"]}
      found = [[by_id[i][t] for t in run.ranker.tasks] for i in items]
      np.testing.assert_allclose(found, expected, atol=1e-6)
  assert metric(client, "state_hits") == len(busy)
  assert metric(client, "state_misses") == len(busy)
  assert metric(client, "state_bytes") > 0


def test_an_event_changes_what_comes_next(run, client):
  names = run.data.catalogue.item_ids
  user, items = run.data.requests.user_ids[0], list(names[:10])
  now = time.time() + 30
  before = rank(client, user_id=user, items=items, time=now)
  event = {"user_id": user, "item_id": names[3], "type": "order"}
  answer = client.post("/events", json={"events": [event]})
  assert answer.json() == {"events": 1, "unknown": []}
  after = rank(client, user_id=user, items=items, time=now)
  assert before["items"] != after["items"]
  assert client.delete(f"/users/{user}").status_code == 200
  again = rank(client, user_id=user, items=items, time=now)
  assert again["items"] == before["items"]


def test_the_best_comes_first_and_unknown_ids_are_named(run, client):
  names = list(run.data.catalogue.item_ids[:30])
  answer = rank(client, items=[*names, "no such item"])
  scores = [each["scores"]["click"] for each in answer["items"]]
  assert scores == sorted(scores, reverse=True)
  assert answer["unknown"] == ["no such item"]
  assert rank(client, items=["no such item"])["items"] == []


@pytest.mark.parametrize(
  ("body", "text"),
  [
    ({"items": []}, "items"),
    ({"items": ["x"], "k": 3}, "k"),
    ({"items": ["x"], "history": [{"item_id": 3}]}, "item_id"),
    ({"items": ["x"], "time": -1}, "time"),
  ],
)
def test_what_cannot_be_ranked_is_refused(client, body, text):
  answer = client.post("/rank", json=body)
  assert answer.status_code == 422
  assert text in answer.json()["error"]


def test_times_that_fall_are_refused(run, client):
  a, b = run.data.catalogue.item_ids[:2]
  past = [{"item_id": a, "time": 20.0}, {"item_id": b, "time": 10.0}]
  answer = client.post("/rank", json={"items": [a], "history": past})
  assert answer.status_code == 422
  assert "history[1].time 10 is before" in answer.json()["error"]
  body = {"items": [a], "history": past[:1], "time": 5.0}
  answer = client.post("/rank", json=body)
  assert answer.status_code == 422
  assert "before the newest event" in answer.json()["error"]


def test_it_is_described_and_guarded(client):
  document = client.get("/openapi.json").json()
  assert {"/rank", "/events", "/healthz", "/metrics"} <= document[
    "paths"
  ].keys()
  foreign = client.post(
    "/rank", json={"items": ["x"]}, headers={"origin": "https://other.test"}
  )
  assert foreign.status_code == 403
  assert (
    client.get("/healthz", headers={"host": "evil.test"}).status_code == 421
  )


def test_a_ranker_is_served_by_its_own_application(run, monkeypatch, tmp_path):
  made = []

  def instead(make, limits, taken, begun):
    made.append(make(on_ready=lambda: None, on_failure=lambda error: None))
    assert "127.0.0.1" in limits.hosts

  monkeypatch.setattr(serve, "_run", instead)
  serve.serve(run.folder, port=0, log=tmp_path / "x.items.log")
  [app] = made
  assert "/rank" in {route.path for route in app.routes}
