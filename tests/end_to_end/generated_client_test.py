"""A client that was generated from the description works with the server.

openapi-python-client writes it: it makes nothing of what it cannot read but
warns, and its models know no other field than those that are described. It
talks to a server on a socket.
"""

import importlib
import subprocess
import sys
import threading
import time
import warnings

import pytest
import uvicorn

from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.server import Server
from tests.reference import shop_run
from tests.serving.conftest import open_service

pytest.importorskip("openapi_python_client", reason="pip install '.[test]'")
TOKEN = "s3cret"


@pytest.fixture(scope="module")
def address(shared, tmp_path_factory):
  """The address of a server."""
  shop_run.make(shared / "shop_run")
  folder = tmp_path_factory.mktemp("generated")
  ready = threading.Event()
  server = Server(
    open_service(shared / "shop_run" / "run", folder),
    HttpConfig(token=TOKEN, timeout=60.0),
    on_ready=ready.set,
    on_failure=lambda error: ready.set(),
  )
  http = uvicorn.Server(
    uvicorn.Config(server.app, port=0, log_level="warning", ws="none")
  )
  thread = threading.Thread(target=http.run)
  thread.start()
  assert ready.wait(300)
  while not http.started:
    time.sleep(0.01)
  port = http.servers[0].sockets[0].getsockname()[1]
  yield f"http://127.0.0.1:{port}"
  http.should_exit = True
  thread.join()


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
  """The generated package with a client of the server; `of(path)` imports."""
  import httpx

  folder = tmp_path_factory.mktemp("client")
  document, config = folder / "openapi.json", folder / "config.yaml"
  document.write_bytes(httpx.get(f"{address}/openapi.json").content)
  config.write_text("post_hooks: []\n")
  package = folder / "shop_client"
  flags = {"path": document, "config": config, "output-path": package}
  command = [sys.executable, "-m", "openapi_python_client", "generate"]
  done = subprocess.run(
    [
      *command,
      "--meta=none",
      "--fail-on-warning",
      *(f"--{name}={value}" for name, value in flags.items()),
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  sys.path.insert(0, str(folder))
  found = importlib.import_module("shop_client").AuthenticatedClient(
    address, token=TOKEN, raise_on_unexpected_status=True
  )
  yield found
  found.get_httpx_client().close()
  sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def call(client):
  """`call("search", "search_batch", body={..})`: the answer, as a dictionary.

  It was read by the models of the client, and was of a described status.
  """
  with warnings.catch_warnings():
    # Nobody has formatted it: `if beam != 64and`.
    warnings.simplefilter("ignore")
    models = importlib.import_module("shop_client.models")

  def call(tag, name, *path, body=None, **parameters):
    operation = importlib.import_module(f"shop_client.api.{tag}.{name}")
    if body is not None:
      kind = operation.sync_detailed.__annotations__["body"]
      parameters["body"] = getattr(models, kind.__name__).from_dict(body)
    response = operation.sync_detailed(*path, client=client, **parameters)
    if isinstance(response.parsed, str):
      return response.status_code, response.parsed
    found = response.parsed.to_dict()
    unread = getattr(response.parsed, "additional_properties", {})
    assert not unread, f"{name} does not describe {[*unread]}"
    return response.status_code, found

  return call


def test_a_client_searches_changes_and_sends_events(call):
  item = {"text": "red cup", "price": 2.5, "attributes": {"brand": "Q"}}
  status, done = call("items", "put_item", "a/b c", body=item)
  assert (status, done["items"][0]["attributes"]) == (200, {"brand": "Q"})
  added = {"add": [{"id": "N1", "text": "blue plate"}], "stock": {"B1": False}}
  assert call("items", "change_items", body=added)[0] == 200
  assert call("items", "get_item", "a/b c")[1]["price"] == 2.5
  _, page = call("items", "list_items", limit=61)
  assert (len(page["items"]), page["next"]) == (61, "a/b c")
  _, page = call("items", "list_items", after=page["next"])
  assert [each["id"] for each in page["items"]] == ["N1"]

  body = {"query": "red cup", "filters": {"attributes": {"brand": ["Q"]}}}
  _, found = call("search", "search", body=body)
  assert [each["id"] for each in found["items"]] == ["a/b c"]
  _, found = call("search", "search_by_query", q="cup", k=3, offset=2)
  assert (len(found["items"]), found["next"]) == (3, 5)
  asked = {"requests": [{"query": "cup", "k": 1}, {"query": "-"}]}
  answer, refusal = call("search", "search_batch", body=asked)[1]["answers"]
  assert len(answer["items"]) == 1
  assert refusal["status"] == 422

  event = {"user_id": "ann/1", "item_id": "B1", "type": "order"}
  assert call("users", "add_events", body={"events": [event]})[0] == 200
  _, kept = call("users", "get_user", "ann/1")
  assert kept["events"][0]["item_id"] == "B1"
  mine, explicit = (
    call("search", "recommend", body=body)[1]["items"]
    for body in ({"profile": {"user_id": "ann/1"}}, {"history": ["B1"]})
  )
  assert len(mine) == len(explicit) == 10
  baskets = {"requests": [{"history": ["B1"]}]}
  _, several = call("search", "recommend_batch", body=baskets)
  assert several["answers"][0]["items"] == explicit
  assert call("users", "delete_user", "ann/1")[1] == kept
  assert call("items", "delete_item", "a/b c")[0] == 200


def test_a_client_reads_all_other_answers(call):
  assert call("search", "explain", body={"query": "cup"})[1]["prefixes"]
  assert call("items", "item_neighbours", "B1")[1]["item"]["id"] == "B1"
  assert call("catalogue", "catalogue")[1]["level_sizes"]
  assert call("catalogue", "tree")[1]["children"]
  assert call("catalogue", "find", text="cup")[1]["items"]
  assert call("server", "reload")[1]["model"] == "0000"
  assert call("server", "health")[1] == {"status": "alive"}
  assert call("server", "readiness")[1] == {"status": "ready"}
  assert "gr_jax_requests_total" in call("server", "metrics")[1]
  assert call("server", "docs")[1].startswith("<!doctype html>")
  assert call("server", "openapi")[1]["openapi"] == "3.1.0"


def test_a_client_reads_refusals(call):
  for status, arguments, options in (
    (404, ("items", "get_item", "nobody"), {}),
    (404, ("items", "delete_item", "nobody"), {}),
    (404, ("users", "get_user", "nobody"), {}),
    (404, ("catalogue", "tree"), {"prefix": "99"}),
    (422, ("search", "search"), {"body": {"query": "-"}}),
    (422, ("search", "search_by_query"), {"q": "cup", "k": 999}),
    (422, ("items", "list_items"), {"after": "nobody"}),
  ):
    found, refused = call(*arguments, **options)
    assert (found, list(refused)) == (status, ["error"])
