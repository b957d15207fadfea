"""What a client sees: answers, refusals in one line, and never a 500."""

import concurrent.futures
import json
import threading
from unittest import mock
from urllib.parse import quote

import hypothesis
import hypothesis.strategies as st
import pytest
from starlette.testclient import TestClient

from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.server import Server
from tests.serving.conftest import BEAM, open_service, said
from tests.serving.http.validation_test import JSON

TOKEN = "s3cret"
ROUTES = ("/search", "/recommend", "/items")
ITEM = {"id": "a", "text": "b"}
AS_JSON = {"content-type": "application/json"}


def start(service, *, ready: bool = True, **options) -> TestClient:
  """A client of a server, which closes its service when it stops."""
  event = threading.Event()
  server = Server(
    service,
    HttpConfig(**options),
    on_ready=event.set,
    on_failure=lambda error: event.set(),
  )
  if not ready:
    service.warm = threading.Event().wait
  client = TestClient(
    server.app, "http://localhost", raise_server_exceptions=False
  )
  client.server = server
  client.__enter__()
  assert not ready or event.wait(300)
  return client


@pytest.fixture
def make_client(make_service):
  """Clients of servers of their own."""
  opened = []

  def make(**options) -> TestClient:
    opened.append(start(make_service(), **options))
    return opened[-1]

  yield make
  for client in opened:
    client.__exit__()


@pytest.fixture(scope="module")
def client(run, tmp_path_factory):
  """A client for tests that change nothing."""
  found = start(open_service(run, tmp_path_factory.mktemp("server")))
  yield found
  found.__exit__()


def test_a_search_says_what_it_found_and_how_long_it_took(client):
  body = {"query": "red cup", "history": ["B1", "nobody"], "k": 3}
  found = client.post("/search", json=body).json()
  assert [set(item) for item in found["items"]] == [
    {*client.get("/items/B1").json(), "score", "value"}
  ] * 3
  scores = [item["score"] for item in found["items"]]
  assert scores == sorted(scores, reverse=True)
  assert found["version"] == 1
  assert found["ignored"] == ["nobody"]
  assert set(found["milliseconds"]) == {"queue", "batch", "search"}
  basket = client.post("/recommend", json={"history": ["B1"]}).json()
  assert len(basket["items"]) == 10


def test_items_come_and_go(make_client):
  client = make_client()
  body = {"add": [{"id": "a/b ?", "text": "red cup", "price": 2}]}
  done = client.post("/items", json=body).json()
  assert done["version"] == 2
  item = client.get("/items/a%2Fb%20%3F").json()
  # The change alone says whose category it took.
  assert item | {"category_share": 1.0} == done["items"][0]
  assert item["category"] == "KITCHEN > CUPS"
  assert item["price"] == 2
  body = {"remove": ["a/b ?"], "stock": {"B1": False}}
  assert client.post("/items", json=body).json()["version"] == 3
  assert said(client.get("/items/a%2Fb%20%3F"), 404)
  assert client.get("/items/B1").json()["in_stock"] is False


@pytest.mark.parametrize(
  ("route", "body", "text"),
  [
    ("/search", {}, "the body lacks 'query'"),
    ("/search", {"query": "cup", "q": 1}, "unknown field 'q'"),
    ("/search", {"query": "\u2026"}, "holds no word"),
    ("/search", {"query": "cup", "k": 65}, "k must be at most 64; got 65"),
    ("/search", {"query": "cup", "k": 0}, "k must be at least 1; got 0"),
    ("/recommend", {"query": "cup"}, "unknown field 'query'"),
    ("/recommend", {"history": ["x"] * 1025}, "at most 1024 entries"),
    (
      "/recommend",
      {"filters": {"categories": ["GARDEN"]}},
      "'GARDEN', which the catalogue does not know",
    ),
    ("/items", {}, "changes nothing"),
    ("/items", {"add": [{"id": "a"}]}, "add[0] lacks 'text'"),
    (
      "/items",
      {"add": [ITEM | {"category": "A > B > C"}]},
      "has category 'A > B > C'; give a full path",
    ),
    ("/items", {"add": [ITEM | {"vector": [1]}]}, "a vector of 1 numbers"),
    (
      "/items",
      {"add": [ITEM | {"fields": {"brand": "x"}}]},
      "has a field 'brand'; this catalogue has none",
    ),
  ],
)
def test_a_bad_body_is_refused_with_its_reason(client, route, body, text):
  assert text in said(client.post(route, json=body), 422)


@pytest.mark.parametrize(
  "item_id", [".", "..", "a\nb", "a\r\n", "\n", "\0", "a/neighbours", "\x7f"]
)
def test_an_id_that_no_address_names_is_refused(client, item_id):
  body = {"add": [{"id": item_id, "text": "cup"}]}
  assert "add[0].id must be" in said(client.post("/items", json=body), 422)


def test_any_other_id_is_reached(make_client):
  client = make_client()
  ids = ("...", "a/..", "neighbours", "a/neighbours/b", " ", "\u2028", "//")
  body = {"add": [{"id": each, "text": "cup"} for each in ids]}
  assert client.post("/items", json=body).status_code == 200
  for item_id in ids:
    path = f"/items/{quote(item_id, safe='')}"
    assert client.get(path).json()["id"] == item_id
    found = client.get(f"{path}/neighbours").json()
    assert found["item"]["id"] == item_id


def test_no_json_at_all_gives_an_error_of_the_server(make_client):
  client = make_client()

  @hypothesis.given(
    route=st.sampled_from(ROUTES),
    body=JSON
    | st.fixed_dictionaries(
      {},
      optional={
        name: JSON
        for name in ("query", "history", "profile", "filters", "k", "add")
      },
    ),
  )
  def post(route, body):
    response = client.post(
      route,
      content=json.dumps(body),
      headers=AS_JSON,
    )
    assert response.status_code == 200 or said(response, response.status_code)
    assert response.status_code < 500

  post()


def test_wrong_ways_are_answered_in_json(make_client):
  client = make_client(max_body=1000)
  assert said(client.get("/nothing"), 404)
  assert said(client.get("/recommend"), 405)

  def post(body, kind="application/json; charset=utf-8"):
    headers = {"content-type": kind} if kind else {}
    return client.post("/search", content=body, headers=headers)

  assert said(post(b"{"), 400)
  assert "1000 bytes" in said(post(b" " * 1001), 413)
  for kind in ("text/plain", ""):
    assert said(post(b"{}", kind), 415)


def test_a_token_is_needed_where_there_is_one(make_client):
  client = make_client(token=TOKEN)
  right = {"authorization": f"Bearer {TOKEN}"}
  for wrong in (
    {},
    {"authorization": "Bearer s3cre"},
    {"authorization": b"\xe9"},
  ):
    for route in (*ROUTES, "/admin/reload"):
      response = client.post(route, json={"query": "cup"}, headers=wrong)
      assert "bearer token" in said(response, 401)
    assert client.get("/metrics", headers=wrong).status_code == 401
  for open_to_all in ("/healthz", "/readyz", "/openapi.json"):
    assert client.get(open_to_all).status_code == 200
  response = client.post("/search", json={"query": "cup"}, headers=right)
  assert response.status_code == 200


def test_only_a_token_may_reload(client):
  assert "with a token" in said(client.post("/admin/reload"), 403)


def test_a_reload_answers_with_the_version(make_client, capsys):
  client = make_client(token=TOKEN)
  right = {"authorization": f"Bearer {TOKEN}"}
  client.post("/items", json={"remove": ["B1"]}, headers=right)
  answer = client.post("/admin/reload", headers=right).json()
  assert answer == {"version": 2, "model": "0000"}
  assert client.get("/items/B1", headers=right).status_code == 404
  assert capsys.readouterr().err == (
    "reload: serving version 2 of the catalogue, model 0000.\n"
  )


def test_a_refused_reload_says_why_to_both_sides(make_client, capsys):
  client = make_client(token=TOKEN)
  right = {"authorization": f"Bearer {TOKEN}"}
  full = "600 semantic IDs do not fit the room for 500: start it with more."
  service = client.server._service
  with mock.patch.object(service, "reload", side_effect=ValueError(full)):
    refused = said(client.post("/admin/reload", headers=right), 409)
  assert refused == f"not reloaded: {full}"
  assert capsys.readouterr().err == f"reload: {refused}\n"
  found = client.post("/search", json={"query": "cup"}, headers=right)
  assert found.status_code == 200


def test_nothing_is_answered_before_all_is_compiled(make_client):
  client = make_client(ready=False)
  assert client.get("/healthz").status_code == 200
  assert "starting" in said(client.get("/readyz"), 503)
  response = client.post("/search", json={"query": "cup"})
  assert "starting" in said(response, 503)
  assert response.headers["retry-after"] == "1"


def test_a_full_queue_is_429_at_once_and_the_rest_is_answered(make_client):
  client = make_client(queue=2, deadline=0.0)
  started, gate = threading.Event(), threading.Event()
  answer = client.server.batcher._answer

  def slow(requests):
    started.set()
    assert gate.wait(30)
    return answer(requests)

  client.server.batcher._answer = slow

  def post(_):
    return client.post("/search", json={"query": "cup"})

  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    first = pool.submit(post, 0)
    assert started.wait(30)
    waiting = [pool.submit(post, i) for i in (1, 2)]
    while client.server.batcher.waiting < 2:
      pass
    refused = post(3)
    assert "the queue is full" in said(refused, 429)
    assert int(refused.headers["retry-after"]) >= 1
    gate.set()
    assert [f.result(30).status_code for f in (first, *waiting)] == [200] * 3


def test_an_answer_that_is_too_late_is_504(make_client):
  client = make_client(timeout=0.05)
  gate = threading.Event()
  client.server.batcher._answer = lambda requests: [gate.wait(30)]
  assert said(client.post("/search", json={"query": "cup"}), 504)
  gate.set()


def test_a_bug_is_500_without_its_trace(make_client):
  client = make_client()
  client.server.batcher._answer = lambda requests: 1 // 0
  response = client.post("/search", json={"query": "cup"})
  assert "trace" in said(response, 500)
  assert "Zero" not in response.text


def test_an_answer_is_given_again_until_the_catalogue_changes(make_client):
  client = make_client(cache_seconds=60.0, token=TOKEN)
  client.headers = {"authorization": f"Bearer {TOKEN}"}

  def ask(**body):
    return client.post("/search", json={"query": "cup"} | body).json()

  def same(one, other):
    parts = [{**x, "cached": 0, "milliseconds": 0, "batch": 0} for x in
             (one, other)]  # fmt: skip
    return parts[0] == parts[1]

  first, again, other = ask(), ask(), ask(k=3)
  assert [x["cached"] for x in (first, again, other)] == [False, True, False]
  assert same(first, again)
  best = first["items"][0]["id"]
  for change in (
    {"stock": {"B1": False}},
    {"remove": [best]},
    {"add": [{"id": best, "text": "cup", "price": 9}]},
  ):
    assert ask()["cached"]
    client.post("/items", json=change)
    found = ask()
    assert not found["cached"]
    assert (best in [i["id"] for i in found["items"]]) != ("remove" in change)
  client.post("/admin/reload")
  after = ask()
  assert not after["cached"]
  assert same(found, after)
  text = client.get("/metrics").text
  assert 'gr_jax_cache_total{event="hit"} 4.0' in text
  assert 'gr_jax_cache_total{event="miss"} 6.0' in text
  assert "gr_jax_cache_bytes " in text


def test_a_beam_that_follows_the_load_is_answered_and_shown(make_service):
  service = make_service(multiples=(1.0,), max_batch=1)
  client = start(service, target=30.0)
  try:
    found = client.post("/search", json={"query": "cup", "k": 40}).json()
    assert (len(found["items"]), found["beam"]) == (40, BEAM)
    text = client.get("/metrics").text
    assert "gr_jax_adaptive_beam 64.0" in text
    assert 'gr_jax_beams_total{beam="64"} 1.0' in text
    assert "gr_jax_late_answers_total 0.0" in text
  finally:
    client.__exit__()


def test_metrics_count_what_happened(make_client):
  client = make_client()
  client.post("/search", json={"query": "cup"})
  client.post("/search", json={})
  text = client.get("/metrics").text
  assert 'gr_jax_requests_total{route="/search",status="200"} 1.0' in text
  assert 'gr_jax_requests_total{route="/search",status="422"} 1.0' in text
  assert "gr_jax_catalogue_items 60.0" in text
  assert "gr_jax_search_seconds_count 1.0" in text


def test_the_description_names_every_route_and_is_closed(client):
  description = client.get("/openapi.json").json()
  ours = {route.path.replace(":path", "") for route in client.app.routes}
  other = {"/", "/page/{name}"}
  assert ours - other == set(description["paths"])
  for path in ("/search", "/recommend", "/items"):
    body = description["paths"][path]["post"]["requestBody"]["content"]
    name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = description["components"]["schemas"][name]
    assert schema["additionalProperties"] is False


def test_a_log_that_was_moved_is_507_and_not_ready_until_it_is_back(
  make_client,
):
  client = make_client()
  assert client.get("/readyz").status_code == 200
  log = client.server._service.config.log
  log.rename(log.with_name("moved"))
  assert "items.log cannot be found" in said(client.get("/readyz"), 503)
  change = {"remove": ["B1"]}
  assert "nothing has changed" in said(client.post("/items", json=change), 507)
  assert client.post("/search", json={"query": "cup"}).status_code == 200
  log.with_name("moved").rename(log)
  assert client.get("/readyz").status_code == 200
  assert client.post("/items", json=change).status_code == 200
  gauges = client.get("/metrics").text
  assert "gr_jax_room_left 64.0" in gauges
  assert "gr_jax_log_bytes" in gauges


def test_pages_never_repeat_nor_lose_an_item(client):
  body = {"query": "cup", "filters": {"in_stock": True}}
  whole = client.post("/search", json=body | {"k": 64}).json()
  assert whole["next"] is None
  found, offset = [], 0
  while offset is not None:
    page = client.post("/search", json=body | {"k": 7, "offset": offset}).json()
    assert offset + len(page["items"]) == (page["next"] or 60)
    found += page["items"]
    offset = page["next"]
  assert found == whole["items"]
  beyond = client.post("/search", json=body | {"offset": 1000}).json()
  assert (beyond["items"], beyond["next"]) == ([], None)


def test_an_address_searches_as_its_body_does(client):
  query = "q=red+cup&k=3&offset=2&category=KITCHEN&min_price=2&max_price=5"
  body = {"query": "red cup", "k": 3, "offset": 2}
  body["filters"] = {"categories": ["KITCHEN"], "price": {"min": 2, "max": 5}}
  found = client.get(f"/search?{query}&in_stock=true&beam=64").json()
  assert found["items"] == client.post("/search", json=body).json()["items"]
  for wrong, text in (
    ("", "lacks 'q'"),
    ("q=cup&brand=x", "unknown field 'brand' in the query string"),
    ("q=cup&beam=7", "beam must be 64"),
    ("q=cup&beam=%C2%B2", "beam must be 64"),
    ("q=cup&k=65", "k must be at most 64; got 65"),
    ("q=cup&in_stock=maybe", "in_stock"),
    ("q=cup&min_price=nan", "min_price"),
    ("q=cup&min_price=3&max_price=2", "min 3 above max 2"),
  ):
    assert text in said(client.get(f"/search?{wrong}"), 422)


def test_of_several_requests_each_has_its_answer_or_its_refusal(client):
  good = {"query": "cup", "k": 2}
  bad = good | {"filters": {"categories": ["GARDEN"]}}
  asked = [good, {"query": "\u2026"}, bad, good | {"beam": 64, "k": 64}]
  found = client.post("/search/batch", json={"requests": asked}).json()
  first, wordless, unknown, last = found["answers"]
  alone = client.post("/search", json=good).json()
  assert first["items"] == alone["items"]
  assert wordless == {"error": "query '\\u2026' holds no word.", "status": 422}
  assert unknown["status"] == 422
  assert "GARDEN" in unknown["error"]
  assert len(last["items"]) == 60
  many = {"requests": [good] * 17}  # The largest search has four.
  text = said(client.post("/search/batch", json=many), 422)
  assert text == "requests must have at most 16 entries; got 17."
  wrong = {"requests": [good, {"k": 1}]}
  text = said(client.post("/search/batch", json=wrong), 422)
  assert text == "requests[1] lacks 'query'."
  baskets = {"requests": [{"history": ["B1"], "k": 1}]}
  (basket,) = client.post("/recommend/batch", json=baskets).json()["answers"]
  assert len(basket["items"]) == 1


def test_items_are_listed_once_each_while_they_come_and_go(make_client):
  client = make_client()
  found, after = [], ""
  for step in range(100):
    page = client.get(f"/items?limit=7{after}").json()
    found += [item["id"] for item in page["items"]]
    if page["next"] is None:
      break
    # Behind the cursor, before it, and the cursor itself.
    client.put(f"/items/N{step}", json={"text": "red cup"})
    client.delete(f"/items/{page['next']}")
    after = f"&after={page['next']}"
  assert found[:60] == [f"B{i}" for i in range(60)]
  assert len(set(found)) == len(found)
  assert found[60:] == [f"N{i}" for i in range(len(found) - 60)]
  assert page["items"][-1] == client.get(f"/items/{found[-1]}").json()


def test_one_item_is_put_and_deleted_by_its_address(make_client):
  client = make_client()
  item = {"text": "red cup", "price": 2, "attributes": {"brand": "Q"}}
  done = client.put("/items/a%2Fb", json=item).json()
  assert done["items"][0]["attributes"] == {"brand": "Q"}
  assert client.get("/items/a%2Fb").json()["price"] == 2
  body = {"query": "red cup", "filters": {"attributes": {"brand": ["Q", "R"]}}}
  (found,) = client.post("/search", json=body).json()["items"]
  assert found["id"] == "a/b"
  assert client.put("/items/a%2Fb", json={"text": "cup"}).status_code == 200
  assert client.get("/items/a%2Fb").json()["attributes"] == {"brand": "Q"}
  assert client.delete("/items/a%2Fb").json()["version"] == 4
  for method in ("GET", "DELETE"):
    said(client.request(method, "/items/a%2Fb"), 404)
  assert client.post("/search", json=body).json()["items"] == []
  # That is another route, which only reads.
  for method in ("PUT", "DELETE"):
    said(client.request(method, "/items/B1/neighbours"), 405)
  assert "no address" in said(client.put("/items/a%01", json=item), 422)
  assert client.get("/items?limit=1").json()["version"] == 4


def test_a_user_is_known_by_what_was_sent_also_after_a_restart(make_service):
  event = {"user_id": "ann", "item_id": "B1", "type": "order"}
  early = event | {"item_id": "B4", "time": 0}
  client = start(make_service())
  assert client.post("/events", json={"events": [event, early]}).json() == {
    "events": 2,
    "unknown": [],
  }
  late = event | {"time": 1e12}
  assert "is to come" in said(
    client.post("/events", json={"events": [late]}), 422
  )

  def found(client, **body) -> list:
    body = {"profile": {"user_id": "ann"}, **body}
    return client.post("/recommend", json=body).json()["items"]

  past = {"id": "B4", "days_ago": 20_000}
  known, none = found(client), found(client, history=[])
  assert known == found(client, history=[past, "B1"])
  assert known != none
  client.__exit__()
  client = start(make_service())
  assert found(client) == known
  kept = client.get("/users/ann").json()
  assert [each["item_id"] for each in kept["events"]] == ["B4", "B1"]
  assert client.delete("/users/ann").json() == kept
  assert found(client) == none
  said(client.delete("/users/ann"), 404)
  client.__exit__()


def test_a_token_for_reading_searches_and_sends_nothing(make_client):
  client = make_client(token=TOKEN, read_token="r3ad")
  client.headers = {"authorization": "Bearer r3ad"}
  assert client.get("/search?q=cup").status_code == 200
  assert client.get("/items").status_code == 200
  for method, path in (
    ("POST", "/items"),
    ("PUT", "/items/a"),
    ("DELETE", "/items/B1"),
    ("POST", "/events"),
    ("GET", "/users/ann"),
    ("DELETE", "/users/ann"),
  ):
    assert "may only read" in said(client.request(method, path, json={}), 403)
