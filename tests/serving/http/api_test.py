"""The routes by themselves: the service and the queue behind are stand-ins."""

import concurrent.futures
import dataclasses
import itertools
import re
import types
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.service import Busy, NoRoom, NotWritten
from gr_jax.serving.engine.batching import QueueFull, Reply
from gr_jax.serving.engine.engine import Answer
from gr_jax.serving.http.api import Api
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.requests import Filters, Invalid, Purchase, SearchRequest
from gr_jax.serving.users.histories import Histories
from tests.serving.conftest import said
from tests.serving.page.browse_test import shop

ITEM = {"id": "a", "text": "cup", "score": -1.5, "semantic_id": [1, 2]}
TAKEN = {"batch": 1.23456, "search": 2.0}
ANSWER = Answer([ITEM], 7, ["x"], ["zzz"], {"cofee": "coffee"}, TAKEN, 3)
ADD = {"add": [{"id": "a", "text": "cup"}]}
AS_JSON = {"content-type": "application/json"}
OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs"}


class Behind:
  """What stands behind the routes, and what it took."""

  def __init__(self):
    self.config = types.SimpleNamespace(
      beams=(8, 20), multiples=(), max_batch=1
    )
    self.taken = []
    self.futures = []
    self.doing = None
    self.error = self.log_trouble = None
    self.serving = types.SimpleNamespace(
      snapshot=shop([(0, 0, 0), (1, 0, 1), (2, 3, 1)])
    )
    self.silent = False
    self.waiting = 0
    self.log_trouble = None

  def check_room(self):
    """There always is."""

  def submit(self, request):
    self._take(request)
    future = concurrent.futures.Future()
    self.futures.append(future)
    if not self.silent:
      future.set_result(Reply(ANSWER, 0.25, request.beam or 4))
    return future

  def change(self, change):
    self._take(change)
    return {"version": 2, "items": [], "unknown": []}

  def item(self, item_id):
    return {"id": item_id} if item_id != "nobody" else None

  def reload(self):
    self._take("reload")
    return {"version": 9, "model": "0002"}

  def _take(self, value):
    self.taken.append(value)
    if self.error:
      raise self.error


@pytest.fixture
def behind():
  return Behind()


@pytest.fixture
def make(behind, tmp_path):
  def make(**options) -> TestClient:
    metrics = ServingMetrics()
    api = Api(
      behind,
      behind,
      HttpConfig(**options),
      metrics,
      histories=Histories(tmp_path / "events"),
      unavailable=lambda: behind.doing,
      reload=behind.reload,
    )
    client = TestClient(
      Starlette(routes=api.routes), raise_server_exceptions=False
    )
    client.metrics, client.routes = metrics, api.routes
    return client

  return make


@pytest.fixture
def client(make):
  return make()


def counted(client) -> dict[tuple, float]:
  """Samples that are not 0, by name and values of labels."""
  text = client.metrics.text().decode()
  return {
    (sample.name.removeprefix("gr_jax_"), *sample.labels.values()): sample.value
    for family in text_string_to_metric_families(text)
    for sample in family.samples
    if sample.value and not sample.name.endswith("_created")
  }


def test_an_answer_is_whole_with_its_wait_in_milliseconds(client):
  found = client.post("/search", json={"query": "cup"}).json()
  taken = {"queue": 250.0, "batch": 1.235, "search": 2.0}
  assert found == {
    "items": [ITEM],
    "version": 7,
    "ignored": ["x"],
    "unknown_words": ["zzz"],
    "read_as": {"cofee": "coffee"},
    "milliseconds": taken,
    "batch": 3,
    "model": "0000",
    "beam": 8,
    "cached": False,
    "next": None,
  }
  values = counted(client)
  assert values["queue_seconds_sum",] == 0.25


def test_a_body_becomes_the_request_that_it_describes(client, behind):
  body = {"history": ["a"], "filters": {"in_stock": True}, "k": 3}
  client.post("/recommend", json=body)
  client.post("/search", json=body | {"query": "red cup", "beam": 20})
  basket = SearchRequest(
    beam=8,
    k=3,
    history=(Purchase(id="a", days_ago=0),),
    filters=Filters(in_stock=True),
  )
  search = dataclasses.replace(basket, query="red cup", beam=20)
  assert behind.taken == [basket, search]


def test_a_change_is_taken_as_it_stands_and_counted_by_kind(client, behind):
  body = ADD | {"remove": ["b", "c"], "stock": {"d": True}}
  assert client.post("/items", json=body).json()["version"] == 2
  add = (NewItem("a", "cup"),)
  assert behind.taken == [ItemChange(add, ("b", "c"), {"d": True})]
  values = counted(client)
  kinds = {k[1]: v for k, v in values.items() if k[0] == "item_changes_total"}
  assert kinds == {"add": 1, "remove": 2, "stock": 1}


REFUSED = [
  *((Invalid("no"), 422), (Busy(), 503), (NoRoom("no"), 409)),
  (NotWritten("no"), 507),
]


@pytest.mark.parametrize(("error", "status"), REFUSED)
def test_a_refused_change_is_answered_and_not_counted(
  client, behind, error, status
):
  behind.error = error
  assert said(client.post("/items", json=ADD), status)
  assert not any(name == "item_changes_total" for name, *_ in counted(client))


def test_a_full_queue_says_when_to_come_back(client, behind):
  behind.error = QueueFull(2.5)
  response = client.post("/search", json={"query": "cup"})
  assert said(response, 429)
  assert response.headers["retry-after"] == "3"
  assert "queue_seconds_count" not in {name for name, *_ in counted(client)}


def test_a_request_that_nobody_waits_for_any_more_is_given_up(make, behind):
  behind.silent = True
  client = make(timeout=0.01)
  assert said(client.post("/recommend", json={}), 504)
  assert behind.futures[0].cancelled()


def test_a_request_that_does_not_fit_the_catalogue_is_422(client, behind):
  future = concurrent.futures.Future()
  future.set_exception(Invalid("filters.categories names 'x'"))
  behind.submit = lambda request: future
  assert "'x'" in said(client.post("/recommend", json={}), 422)


@pytest.mark.parametrize("item_id", ["a", "a/b", "a b?#", "\u00e9"])
def test_an_item_is_read_by_any_id(client, item_id):
  found = client.get("/items/" + quote(item_id, safe=""))
  assert found.json() == {"id": item_id}
  assert said(client.get("/items/nobody"), 404)


def requests_of(client):
  """(method, path, guarded) of all routes."""
  for route in client.routes:
    path = re.sub("{.*}", "a", route.path)
    yield (route.methods - {"HEAD"}).pop(), path, route.path not in OPEN


def test_the_token_guards_all_but_health_and_the_description(make, behind):
  client = make(token="s3cret")
  wrong = (None, "", "s3cret", "Basic s3cret", "Bearer  s3cret", "Bearer s3")
  for method, path, guarded in requests_of(client):
    for given in wrong:
      headers = {} if given is None else {"authorization": given}
      response = client.request(method, path, headers=headers)
      assert (response.status_code == 401) == guarded, (path, given)
      if guarded:
        assert response.headers["www-authenticate"] == "Bearer"
    for scheme in ("Bearer", "bearer", "BEARER"):
      right = AS_JSON | {"authorization": f"{scheme} s3cret"}
      response = client.request(method, path, headers=right)
      # Where nothing was sent, it is the body or the query that is missed.
      assert response.status_code in (200, 400, 404, 422)
  assert behind.taken.count("reload") == 3


def test_nothing_is_searched_or_changed_before_the_server_is_ready(
  make, behind
):
  client = make(token="s3cret")
  client.headers = {"authorization": "Bearer s3cret"}
  behind.doing = "starting"
  for method, path, _ in requests_of(client):
    waits = method != "GET" or path in ("/readyz", "/search", "/users/a")
    # Before the body is read: half of one would do.
    response = client.request(method, path, content=b"{")
    assert (response.status_code == 503) == waits, path
    if waits:
      assert said(response, 503) == "the server is starting."
      assert int(response.headers["retry-after"]) >= 1
  assert behind.taken == []
  behind.doing = None
  assert client.get("/readyz").json() == {"status": "ready"}


def test_only_with_a_token_is_a_reload_allowed(make, behind):
  assert "with a token" in said(make().post("/admin/reload"), 403)
  assert not behind.taken
  client = make(token="s3cret")
  client.headers = {"authorization": "Bearer s3cret"}
  assert client.post("/admin/reload").json() == {"version": 9, "model": "0002"}
  behind.error = Busy()
  assert "reload is under way" in said(client.post("/admin/reload"), 503)


def test_every_request_is_counted_once_by_its_route_and_status(client, behind):
  """By the route's pattern: there may be a million ids."""
  search = "/search"
  for k in (1, 2, 99):
    client.post(search, json={"query": "cup", "k": k})
  for item_id in ("a", "b", "c/d", "nobody"):
    client.get(f"/items/{item_id}")
  behind.error = KeyError("a bug")
  assert client.post(search, json={"query": "cup"}).status_code == 500
  values = counted(client)
  requests = {k[1:]: v for k, v in values.items() if k[0] == "requests_total"}
  item = "/items/{item_id:path}"
  assert requests == {
    (search, "200"): 2,
    (search, "422"): 1,
    (search, "500"): 1,
    (item, "200"): 3,
    (item, "404"): 1,
  }
  assert values["request_seconds_count", item] == 4


def test_a_body_has_the_limits_of_the_configuration(make):
  client = make(max_body=30)
  for route in ("/search", "/recommend", "/items"):
    for body, headers, status in (
      (b" " * 31, AS_JSON, 413),
      (b"{}", {"content-type": "text/plain"}, 415),
      (b"{}", {}, 415),
      (b"{", AS_JSON, 400),
    ):
      response = client.post(route, content=body, headers=headers)
      assert ("30 bytes" in said(response, status)) == (status == 413)


def test_metrics_are_text_of_the_version_that_prometheus_knows(client):
  found = client.get("/metrics")
  assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
  assert found.text.startswith("# HELP gr_jax_")


def test_no_two_routes_answer_one_request(client):
  for one, other in itertools.combinations(client.routes, 2):
    assert one.path != other.path or not one.methods & other.methods


def test_a_beam_that_no_body_names_is_left_to_the_load(make, behind):
  behind.config.multiples = (0.5, 1.0)
  client = make(busy=1, target=1e-9)
  behind.waiting = 5
  for path, body, taken, answered in (
    ("/search", {"query": "cup"}, None, 4),
    ("/recommend", {}, None, 4),
    ("/search", {"query": "cup", "beam": 20}, 20, 20),
    # The pages of one ranking have one beam.
    ("/recommend", {"offset": 0}, 8, 8),
  ):
    found = client.post(path, json=body).json()
    assert behind.taken[-1].beam == taken
    assert found["beam"] == answered
  text = client.get("/metrics").text
  assert 'gr_jax_beams_total{beam="4"} 2.0' in text
  assert 'gr_jax_beams_total{beam="20"} 1.0' in text
  assert "gr_jax_late_answers_total 4.0" in text
  # What the default holds may be wanted, whatever the load.
  refused = client.post("/search", json={"query": "cup", "k": 9})
  assert "at most the beam, 8" in said(refused, 422)


def test_while_many_wait_a_search_is_as_narrow_as_can_be(make, behind):
  behind.config.beams = (20, 8)
  client = make(busy=3)
  for waiting, beam in ((2, 20), (3, 8)):
    behind.waiting = waiting
    found = client.post("/search", json={"query": "cup", "k": 5}).json()
    assert found["beam"] == behind.taken[-1].beam == beam
