"""A server and a browser without windows, for tests of the page."""

import json
import shutil
import threading
import urllib.request

import pytest

from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.server import Server
from tests.serving.conftest import open_service

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Text and the nearest background below it, with the WCAG contrast of both.
CONTRAST = """() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(
      (n) => n.nodeType === 3 && n.data.trim());
    if (!own || !node.checkVisibility()) continue;
    let below = node;
    while (getComputedStyle(below).backgroundColor === "rgba(0, 0, 0, 0)")
      below = below.parentElement;
    const [a, b] = [
      light(getComputedStyle(node).color),
      light(getComputedStyle(below).backgroundColor),
    ].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.textContent.slice(0, 30)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
  """Closed behind the last test here: others begin loops of their own."""
  playwright = pytest.importorskip(
    "playwright.sync_api", reason="pip install playwright to test the page"
  )
  path = next(filter(None, map(shutil.which, BROWSERS)), None)
  if path is None:
    pytest.skip(f"install one of {', '.join(BROWSERS)} to test the page")
  with playwright.sync_playwright() as started:
    # In a container the user is often root, whom Chromium's sandbox refuses.
    browser = started.chromium.launch(
      executable_path=path,
      # Names of sites that lie here, too.
      args=["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def server(run, tmp_path_factory):
  """A real server on loopback, ready; `url` is where."""
  uvicorn = pytest.importorskip("uvicorn")
  service = open_service(run, tmp_path_factory.mktemp("page"), max_batch=1)
  # A known item keeps its ID. This is what a careless shop could write.
  text = "<img src=x onerror=alert(1)> red cup"
  service.change(ItemChange([NewItem("B0", text, price=1.0)]))
  ready = threading.Event()
  app = Server(service, HttpConfig(), on_ready=ready.set).app
  http = uvicorn.Server(
    uvicorn.Config(app, port=0, log_level="error", ws="none")
  )
  thread = threading.Thread(target=http.run)
  thread.start()
  try:
    assert ready.wait(120)
    port = http.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    post(url, {})  # Compiles what explains.
    yield url
  finally:
    http.should_exit = True
    thread.join()


@pytest.fixture
def opened(browser, server):
  """`opened(hash, **options)`: a page; it may complain of nothing."""
  contexts, complaints = [], []

  def complain(message):
    if message.type in ("error", "warning"):
      complaints.append(message.text)

  def open_page(place: str = "", **options):
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(60_000)
    contexts.append(context)
    page = context.new_page()
    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
      "request", lambda r: r.url.startswith(server) or complaints.append(r.url)
    )
    page.goto(f"{server}/#{place}")
    page.wait_for_selector("#about:not(:empty)")
    return page

  yield open_page
  for context in contexts:
    context.close()
  assert not complaints


def post(server: str, body: dict, path: str = "explain") -> dict:
  request = urllib.request.Request(
    f"{server}/{path}",
    json.dumps(body).encode(),
    {"content-type": "application/json"},
  )
  with urllib.request.urlopen(request, timeout=100) as response:
    return json.loads(response.read())


def search(page) -> str:
  """Clicks the button; returns the status when the answers are there."""
  page.evaluate("document.getElementById('status').textContent = ''")
  page.get_by_role("button", name="Search", exact=True).click()
  page.wait_for_selector("#results[aria-busy=false] #status:not(:empty)")
  return page.inner_text("#status")


def texts(page, selector: str) -> list[str]:
  return page.locator(selector).all_text_contents()
