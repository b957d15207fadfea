"""The operations of the page, and what protects its readers."""

import time

import pytest

from gr_jax.serving.page import routes
from tests.serving.conftest import BEAM, open_service, said
from tests.serving.http.server_test import start

DATA = ("/catalogue", "/tree", "/find?text=cup", "/items/B1/neighbours")


@pytest.fixture(scope="module")
def service(run, tmp_path_factory):
  folder = tmp_path_factory.mktemp("page_routes")
  service = open_service(run, folder, max_batch=1)
  service.close = lambda: None  # One client after the other.
  return service


@pytest.fixture(scope="module")
def client(service):
  client = start(service)
  yield client
  client.__exit__()


@pytest.mark.parametrize(
  ("path", "kind"),
  [
    ("/", "text/html; charset=utf-8"),
    ("/page/page.js", "text/javascript; charset=utf-8"),
    ("/page/page.css", "text/css; charset=utf-8"),
    ("/page/icon.svg", "image/svg+xml"),
  ],
)
def test_files_have_their_type_and_allow_nothing_foreign(client, path, kind):
  response = client.get(path)
  assert response.headers["content-type"] == kind
  assert response.headers["x-content-type-options"] == "nosniff"
  policy = response.headers["content-security-policy"]
  assert policy.startswith("default-src 'none'; script-src 'self';")
  assert "unsafe" not in policy
  assert "http" not in policy


def test_no_other_file_is_served(client):
  for path in ("nothing.js", "..%2fpage_routes.py", "%2e%2e/server.py"):
    assert said(client.get(f"/page/{path}"), 404)


def test_the_catalogue_lists_what_can_be_picked(client):
  found = client.get("/catalogue").json()
  assert (found["items"], found["version"]) == (60, 1)
  assert found["beams"] == [BEAM]
  cups, plates = found["shoppers"]
  assert {cups["name"], plates["name"]} == {
    "KITCHEN > CUPS",
    "KITCHEN > PLATES",
  }
  for event in cups["history"] + plates["history"]:
    item = client.get(f"/items/{event['id']}").json()
    assert item["text"] == event["text"]
  assert sorted(found["queries"]) == ["cup", "plate"]
  assert found["reads_queries"]
  assert not found["needs_vectors"]


def test_the_tree_is_walked_by_prefix(client):
  root = client.get("/tree").json()
  assert root["prefix"] == []
  assert root["items"] == 60
  (code,) = root["children"][0]["prefix"]
  below = client.get(f"/tree?prefix={code}").json()
  assert below | {"children": [], "width": 0} == root["children"][0] | {
    "children": [],
    "width": 0,
    "answers": [],
  }
  rest = client.get("/tree?offset=1").json()
  assert rest["children"] == root["children"][1:]


def test_what_the_tree_does_not_know_is_refused(client):
  assert "begins with" in said(client.get("/tree?prefix=99"), 404)
  for prefix in ("a", "1,", "1;2", "٣", "1" * 99):
    assert "as in 3,7" in said(
      client.get("/tree", params={"prefix": prefix}), 422
    )
  for offset, text in (
    ("-1", "offset must be at least 0; got '-1'."),
    ("x", "offset must be a whole number; got 'x'."),
    ("1.5", "offset must be a whole number; got '1.5'."),
    ("٣", "offset must be a whole number"),
  ):
    response = client.get("/tree", params={"offset": offset})
    assert text in said(response, 422)


def test_items_and_categories_are_found_by_their_words(client):
  found = client.get("/find?text=red cup").json()
  assert len(found["items"]) == 10
  assert all("red cup" in item["text"] for item in found["items"])
  assert client.get("/find?text=cups").json()["categories"] == [
    "KITCHEN > CUPS"
  ]
  assert said(client.get("/find"), 422) == "the query string lacks 'text'."
  assert "at least 1 character" in said(client.get("/find?text="), 422)


def test_neighbours_come_with_their_item(client):
  found = client.get("/items/B1/neighbours").json()
  assert found["item"] == client.get("/items/B1").json()
  shared = [group["shared"] for group in found["neighbours"]]
  assert shared == sorted(shared, reverse=True)
  assert "no such item" in said(client.get("/items/B99/neighbours"), 404)


@pytest.mark.parametrize("body", [{"query": "red cup"}, {"history": ["B1"]}])
def test_an_explanation_is_the_answer_of_a_search_and_its_prefixes(
  client, body
):
  path = "/search" if "query" in body else "/recommend"
  plain = client.post(path, json=body | {"k": 20}).json()["items"]
  found = client.post("/explain", json=body | {"k": 20}).json()
  searched = [
    {name: item[name] for name in plain[0]} for item in found["items"]
  ]
  for item, wanted in zip(searched, plain, strict=True):
    assert item | {"score": 0} == wanted | {"score": 0}
  assert {"price", "in_stock"} < set(found["items"][0])
  leaves = {tuple(node["prefix"]): node for node in found["prefixes"]}
  for item in found["items"]:
    node = leaves[tuple(item["semantic_id"])]
    assert node["total"] == pytest.approx(item["score"], abs=5e-3)


def test_a_bad_request_is_refused_as_by_a_search(client):
  for body, part in (
    ({"query": "!"}, "holds no word"),
    ({"query": "cup", "x": 1}, "unknown field"),
    ({"filters": {"categories": ["x"]}}, "does not know"),
  ):
    assert part in said(client.post("/explain", json=body), 422)


def test_the_page_needs_no_token_and_its_data_do(service):
  client = start(service, token="s3cret")
  for path in ("/", "/page/page.js"):
    assert client.get(path).status_code == 200
  for path in DATA:
    assert "bearer token" in said(client.get(path), 401)
    right = {"authorization": "Bearer s3cret"}
    assert client.get(path, headers=right).status_code == 200
  assert said(client.post("/explain", json={}), 401)
  client.__exit__()


def test_the_catalogue_says_whether_its_reader_may_change_it(service, client):
  assert client.get("/catalogue").json()["may_change"]
  tokens = start(service, token="s3cret", read_token="r3ad")
  for token, may in (("s3cret", True), ("r3ad", False)):
    headers = {"authorization": f"Bearer {token}"}
    found = tokens.get("/catalogue", headers=headers).json()
    assert found["may_change"] is may
  tokens.__exit__()


def test_a_first_explanation_may_wait_for_the_compiler(service, monkeypatch):
  """Its compilation takes longer than an answer may."""
  compiled, calls = [], []

  def slow(request, items, serving):
    calls.append(len(items))
    if not compiled:
      time.sleep(1.5)
      compiled.append(True)
    return []

  monkeypatch.setattr(routes, "explain", slow)
  # It asks before the server has prepared the page.
  monkeypatch.setattr(routes.PageRoutes, "prepare", lambda self: None)
  client = start(service, timeout=1.0)
  try:
    response = client.post("/explain", json={"query": "cup", "k": 3})
    assert response.status_code == 200
    assert len(response.json()["items"]) == 3
    client.post("/explain", json={"query": "cup", "k": 2})
  finally:
    client.__exit__()
  assert calls == [1, 3, 2]  # The compilation comes once.
