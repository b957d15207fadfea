"""A page of another site in a real browser: it changes and reads nothing."""

import http.server
import json
import threading
import urllib.request

import pytest

CHANGE = json.dumps({"remove": ["B1"], "paused": {"B2": True}})
# Everything that needs no reading of the answer, and one that asks before.
WAYS = {
  "no-cors": """async ([url, body]) => {
    await fetch(url, {method: "POST", mode: "no-cors", body: new Blob([body])});
  }""",
  "text": """async ([url, body]) => {
    await fetch(url, {method: "POST", mode: "no-cors", body});
  }""",
  "beacon": """async ([url, body]) => {
    navigator.sendBeacon(url, new Blob([body]));
    await new Promise((done) => setTimeout(done, 500));
  }""",
  "preflight": """async ([url, body]) => {
    await fetch(url, {
      method: "POST", headers: {"content-type": "application/json"}, body,
    });
  }""",
  "form": """async ([url, body]) => {
    const form = document.createElement("form");
    const frame = document.createElement("iframe");
    frame.name = form.target = "hidden";
    form.method = "POST"; form.action = url; form.enctype = "text/plain";
    const input = document.createElement("input");
    input.name = body.slice(0, -1) + ', "stock": {"B3": false}, "prices": {"';
    input.value = '": 1}}';
    form.append(input);
    document.body.append(frame, form);
    const loaded = new Promise((done) => frame.onload = done);
    form.submit();
    await loaded;
  }""",
}
READ = """async (url) => {
  try { return await (await fetch(url)).text(); } catch { return "refused"; }
}"""


@pytest.fixture(scope="module")
def other_site():
  """The port of another site on this machine."""

  class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      self.send_response(200)
      self.send_header("content-type", "text/html")
      self.end_headers()
      self.wfile.write(b"<!doctype html><title>other</title>")

    def log_message(self, *args):
      pass

  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site.server_address[1]
    site.shutdown()


@pytest.fixture
def page(browser):
  page = browser.new_page()
  yield page
  page.close()


def read(url: str) -> str:
  with urllib.request.urlopen(url, timeout=30) as response:
    return response.read().decode()


def refused(server: str, status: int) -> float:
  """How many requests were refused because of where they came from."""
  start = f'gr_jax_requests_total{{route="",status="{status}"}} '
  lines = read(f"{server}/metrics").splitlines()
  found = (line for line in lines if line.startswith(start))
  return float(next(found, "0").rpartition(" ")[2])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1", "localhost"])
def test_a_page_of_another_site_changes_nothing(
  page, server, other_site, host, way
):
  """Not even one of another port of this machine."""
  before, count = read(f"{server}/catalogue"), refused(server, 403)
  page.goto(f"http://{host}:{other_site}/")
  try:
    page.evaluate(WAYS[way], [f"{server}/items", CHANGE])
  except Exception as error:  # Only what asks before is told of a refusal.
    assert way == "preflight", error  # noqa: PT017
  assert read(f"{server}/catalogue") == before
  # What was sent came, and was refused for the right reason.
  assert refused(server, 403) == count + (way != "preflight")
  assert page.evaluate(READ, f"{server}/catalogue") == "refused"


@pytest.mark.slow
def test_a_name_that_was_bound_to_this_machine_reads_and_changes_nothing(
  page, server
):
  port = server.rpartition(":")[2]
  before, count = read(f"{server}/catalogue"), refused(server, 421)
  for name in ("evil.test", "localhost.evil.test"):
    here = f"http://{name}:{port}"
    assert page.goto(here).status == 421
    assert "--allowed-host" in page.evaluate(READ, f"{here}/catalogue")
    page.evaluate(WAYS["preflight"], [f"{here}/items", CHANGE])
  assert read(f"{server}/catalogue") == before
  assert refused(server, 421) >= count + 6
