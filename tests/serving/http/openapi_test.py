"""The description is of this server: its routes, bodies, answers, refusals."""

import concurrent.futures
import json
import re
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import jsonschema
import pytest

from gr_jax.serving.catalogue.service import Busy, NoRoom, NotWritten
from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http.event_routes import EventsBody
from gr_jax.serving.http.item_schemas import ItemsBody
from gr_jax.serving.http.openapi import ERRORS
from gr_jax.serving.http.schemas import batch_bodies, search_bodies
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import Invalid
from gr_jax.serving.users.histories import Histories
from tests.serving.conftest import BEAM, open_service
from tests.serving.http.api_test import OPEN
from tests.serving.http.json_schema import fits, near
from tests.serving.http.server_test import AS_JSON, start

BEAMS = (8, 20)
EVENTS = {"events": [{"user_id": "B1", "item_id": "B2", "type": "order"}]}
SEARCHES = search_bodies(BEAMS)
BODIES = {
  **SEARCHES,
  **batch_bodies(SEARCHES, most=4),
  "/items": ItemsBody,
  "/events": EventsBody,
}
NOT_DESCRIBED = {"/", "/page/{name}"}  # For people.


def described(document):
  """(path, method, operation) of all that is described."""
  for path, item in document["paths"].items():
    for method, operation in item.items():
      if method != "parameters":
        yield path, method, operation


def models(document: dict) -> dict:
  return document["components"]["schemas"]


def schema_of(documented: dict) -> dict:
  return documented["content"]["application/json"]["schema"]


@pytest.fixture(scope="module")
def client(run, tmp_path_factory):
  """A client of a server with a token, for tests that change nothing."""
  service = open_service(run, tmp_path_factory.mktemp("openapi"), max_batch=1)
  found = start(service, token="s3cret", timeout=30.0, max_body=1000)
  found.headers = AS_JSON | {"authorization": "Bearer s3cret"}
  found.service = service
  yield found
  found.__exit__()


@pytest.fixture(scope="module")
def document(client):
  return client.get("/openapi.json").json()


def test_every_route_is_described_and_every_described_route_exists(
  client, document
):
  routes = {
    (route.path.replace(":path", ""), method.lower())
    for route in client.app.routes
    for method in route.methods - {"HEAD"}
  }
  documented = {(path, method) for path, method, _ in described(document)}
  assert {each for each in routes if each[0] not in NOT_DESCRIBED} == documented


@pytest.mark.parametrize("path", [*SEARCHES, "/items", "/events"])
@hypothesis.settings(max_examples=100)
@hypothesis.given(data=st.data())
def test_a_body_is_accepted_just_when_it_fits_its_schema(path, data):
  schema = BODIES[path].model_json_schema()
  body = data.draw(near(schema))
  try:
    validated(BODIES[path], body)
  except Invalid:
    assert not fits(schema, body)
  else:
    assert fits(schema, body)


def test_the_schema_is_exact_at_the_edges():
  """So that the law above holds for more than what nobody accepts."""
  schema = BODIES["/search"].model_json_schema()
  for body, good in (
    ({"query": "cup"}, True),
    ({"query": "cup", "k": 20, "beam": 8}, True),
    ({"query": "cup", "k": 21}, False),
    ({"query": "cup", "beam": 7}, False),
    ({"query": "cup", "beam": 9}, False),
    ({"query": "cup", "history": ["a", {"id": "a", "days_ago": 0}]}, True),
    ({"query": "cup", "history": [{"id": "a"}]}, False),
    ({"query": "cup", "profile": {"facts": {"a": "b"}}}, True),
    ({"query": "cup", "profile": {"facts": {"a": 1}}}, False),
    ({"k": 1}, False),
  ):
    assert fits(schema, body) == good


@pytest.mark.parametrize("path", BODIES)
def test_the_schema_of_a_body_is_that_of_its_model(client, document, path):
  described = document["paths"][path]["post"]["requestBody"]
  assert described["required"] is True
  bodies = search_bodies((BEAM,))
  bodies |= BODIES | bodies | batch_bodies(bodies, most=4)
  model = bodies[path]
  schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
  own = schema.pop("$defs", {}) | {model.__name__: schema}
  name = schema_of(described)["$ref"].rpartition("/")[2]
  assert name == model.__name__
  shared = document["components"]["schemas"]
  assert {name: shared[name] for name in own} == own


ANSWERED = (
  ("POST", "/search", {"query": "cup", "history": ["B1", "nobody"]}),
  ("GET", "/search?q=cup&k=2&offset=1", None),
  ("POST", "/search/batch", {"requests": [{"query": "cup"}, {"query": "-"}]}),
  ("POST", "/recommend", {"k": 2}),
  ("POST", "/recommend/batch", {"requests": [{"k": 2}]}),
  ("POST", "/explain", {"k": 2}),
  ("POST", "/items", {"stock": {"B1": True}}),
  ("GET", "/items?limit=2", None),
  ("GET", "/items/B1", None),
  ("PUT", "/items/B1", {"text": "cup", "attributes": {"url": "u"}}),
  ("GET", "/items/B1/neighbours", None),
  ("DELETE", "/items/B1", None),
  ("POST", "/events", EVENTS),
  ("GET", "/users/B1", None),
  ("DELETE", "/users/B1", None),
  ("POST", "/admin/reload", None),
  ("GET", "/healthz", None),
  ("GET", "/readyz", None),
  ("GET", "/catalogue", None),
  ("GET", "/tree", None),
  ("GET", "/find?text=cup", None),
  ("GET", "/openapi.json", None),
  ("GET", "/metrics", None),
  ("GET", "/docs", None),
)


def pattern(path: str) -> str:
  path = path.partition("?")[0].replace("/items/B1", "/items/{item_id}")
  return path.replace("/users/B1", "/users/{user_id}")


def test_what_is_answered_fits_what_is_described(client, document):
  done = set()
  for method, path, body in ANSWERED:
    response = client.request(method, path, json=body)
    operation = document["paths"][pattern(path)][method.lower()]
    assert response.status_code == 200, response.text
    ((media, content),) = operation["responses"]["200"]["content"].items()
    assert response.headers["content-type"].startswith(media)
    if media == "application/json":
      jsonschema.validate(response.json(), closed(content["schema"], document))
    done.add((pattern(path), method.lower()))
  assert done == {each[:2] for each in described(document)}


def closed(schema: dict, document: dict) -> dict:
  """The schema with its models, of which none has a field but its own."""
  parts = json.loads(json.dumps(models(document)))
  for name, part in parts.items():
    if name != "DescriptionBody":
      part.setdefault("additionalProperties", False)
  return schema | {"components": {"schemas": parts}}


def test_every_operation_has_a_name_a_group_and_an_example(document):
  operations = [each for _, _, each in described(document)]
  names = [each["operationId"] for each in operations]
  assert len(set(names)) == len(names)
  tags = {each["name"] for each in document["tags"]}
  assert {each["tags"][0] for each in operations} == tags
  for _, _, each in described(document):
    if body := each.get("requestBody"):
      content = body["content"]["application/json"]
      example, schema = content["example"], content["schema"]
      jsonschema.validate(example, closed(schema, document))


def test_a_page_shows_every_operation_without_a_foreign_address(
  client, document
):
  page = client.get("/docs", headers={"authorization": ""})
  assert page.headers["content-security-policy"].startswith(
    "default-src 'none'"
  )
  for path, _, operation in described(document):
    assert f'id="{operation["operationId"]}"' in page.text
    assert path in page.text
  assert all(f'id="{name}"' in page.text for name in models(document))
  assert not re.search(r'(src|href)="(?!#|/openapi.json")', page.text)
  assert "<script" not in page.text


GOOD = {
  "/search": {"query": "cup"},
  "/items": {"stock": {"B2": True}},
  "/events": EVENTS,
}


def refusals(client, path):
  """Responses of everything that can go wrong with one POST."""
  batcher, service = client.server.batcher, client.service
  good = json.dumps(GOOD.get(path, {})).encode()
  if path in BODIES:
    plain = {"content-type": "text/plain"}
    yield client.post(path, content=b"{")
    yield client.post(path, content=b" " * 1001)
    yield client.post(path, content=good, headers=plain)
    yield client.post(path, json={"unknown": 1})
  for header in ("authorization", "host", "origin"):
    yield client.post(path, content=good, headers={header: "evil.test"})
  with mock.patch.object(client.server, "_doing", "stopping"):
    yield client.post(path, content=good)
  owner, name, errors = batcher, "submit", [QueueFull(1)]
  if path == "/items":
    errors = [NoRoom("no"), NotWritten("no"), Invalid("no"), QueueFull(1)]
    owner, name = service, "change"
  elif path == "/events":
    errors = [NotWritten("no"), Invalid("no"), QueueFull(1)]
    owner, name = Histories, "add"
  elif path == "/admin/reload":
    owner, name = service, "reload"
    errors = [Busy(), ValueError("damaged")]
  else:
    late = concurrent.futures.Future()
    late.set_exception(TimeoutError())
    with mock.patch.object(batcher, "submit", return_value=late):
      yield client.post(path, content=good)
  for error in errors:
    with mock.patch.object(owner, name, side_effect=error):
      yield client.post(path, content=good)


@pytest.mark.parametrize(
  "path", [*SEARCHES, "/items", "/events", "/admin/reload"]
)
def test_every_refusal_is_described(client, document, path):
  documented = document["paths"][path]["post"]["responses"]
  found = set()
  for response in refusals(client, path):
    status = str(response.status_code)
    assert response.status_code >= 400
    assert fits(
      schema_of(documented[status]), response.json(), models(document)
    )
    assert list(response.json()) == ["error"]
    found.add(status)
  # A slow body is a matter of the socket.
  assert set(documented) - found <= {"200", "408"}


@pytest.mark.parametrize(
  "path",
  [
    "/items/nobody",
    "/items/nobody/neighbours",
    "/tree?prefix=99",
    "/tree?prefix=x",
    "/find",
    "/search?q=cup&k=99",
    "/items?after=nobody",
    "/users/nobody",
  ],
)
def test_what_is_not_found_is_described(client, document, path):
  name = pattern(path.replace("s/nobody", "s/B1"))
  documented = document["paths"][name]["get"]["responses"]
  for headers in ({}, {"authorization": "none"}):
    response = client.get(path, headers=headers)
    schema = schema_of(documented[str(response.status_code)])
    assert response.status_code >= 400
    assert fits(schema, response.json(), models(document))


def test_what_needs_a_token_says_so(document):
  for path, _, operation in described(document):
    guarded = path not in OPEN
    assert ("401" in operation["responses"]) == guarded
    # Both without and with: a server may have no token.
    assert operation.get("security", []) == [{}, {"bearer": []}][: 2 * guarded]
  assert "bearer" in document["components"]["securitySchemes"]


def test_every_parameter_of_a_path_is_described_and_no_other(document):
  for path, _, operation in described(document):
    shared = document["paths"][path].get("parameters", [])
    parameters = [*shared, *operation.get("parameters", [])]
    documented = [each["name"] for each in parameters if each["in"] == "path"]
    assert documented == re.findall(r"{(\w+)}", path)
    for each in parameters:
      assert each["required"] == ("default" not in each["schema"])


def test_every_status_is_explained_and_every_explanation_used(document):
  used = set()
  for _, _, operation in described(document):
    assert operation["summary"].endswith(".")
    assert "200" in operation["responses"]
    for status, response in operation["responses"].items():
      assert response["description"] == ERRORS.get(
        status, response["description"]
      )
      used.add(status)
  assert set(ERRORS) <= used
