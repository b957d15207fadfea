"""No page of another site reads or changes anything; programs do as before."""

import hypothesis
import hypothesis.strategies as st
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from gr_jax.serving.http.site_guard import SiteGuard, checked_origin, cors
from tests.serving.conftest import said

SHOP = "https://shop.example"


def client_of(*, hosts=(), origins=()) -> TestClient:
  async def through(request):
    return PlainTextResponse("through")

  return TestClient(
    Starlette(
      routes=[Route("/", through, methods=["GET", "POST", "PUT"])],
      middleware=[
        Middleware(SiteGuard, hosts=hosts, origins=origins),
        *cors(origins),
      ],
    ),
    "http://localhost:8000",
  )


def passes(client, method="POST", **headers) -> bool:
  headers = {name.replace("_", "-"): value for name, value in headers.items()}
  response = client.request(method, "/", headers=headers)
  if response.status_code == 200:
    return response.text == "through"
  assert response.headers["x-content-type-options"] == "nosniff"
  return not said(response, response.status_code)


@pytest.mark.parametrize(
  ("host", "hosts", "ours"),
  [
    *((name, (), True) for name in ("localhost", "127.0.0.1:1", "[::1]:8000")),
    ("LocalHost.:80", (), True),
    *((name, (), False) for name in ("evil.test", "10.0.0.1", "", "[::1")),
    *((name, (), False) for name in ("localhost.evil.test", "a@localhost")),
    ("localhost:80:80", (), False),
    ("shop.example:443", ("Shop.example",), True),
    ("a.shop.example", ("shop.example",), False),
    ("[fe80::1]", ("fe80::1",), True),
    # What listens on every address is reached by every address, and a name
    # that points to one of them is still none of ours.
    *((name, ("0.0.0.0",), True) for name in ("10.0.0.1", "[fe80::1]:80")),
    ("evil.test", ("::",), False),
  ],
)
def test_only_names_of_the_server_are_answered_to(host, hosts, ours):
  client = client_of(hosts=hosts)
  for method in ("GET", "POST"):
    response = client.request(method, "/", headers={"host": host})
    assert (response.status_code == 200) == ours
    assert ours or "--allowed-host" in said(response, 421)


@hypothesis.given(
  origin=st.sampled_from(
    ["https://evil.test", "null", "http://localhost:3000", "http://localhost",
     "https://shop.example.evil.test", "http://shop.example", ""]
  ) | st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
  fetched=st.sampled_from(["cross-site", "same-site", "odd", None]),
)  # fmt: skip
def test_no_foreign_page_changes_anything(origin, fetched):
  hypothesis.assume(origin or fetched)
  client = client_of(origins=(SHOP,))
  headers = {"origin": origin} if origin else {}
  headers |= {"sec-fetch-site": fetched} if fetched else {}
  own = origin.lower().partition("://")[2] == "localhost:8000" and not fetched
  hypothesis.assume(not own and origin.lower() != SHOP)
  hypothesis.assume(origin.strip() or fetched)
  for method in ("POST", "PUT"):
    assert not passes(client, method, **headers)
  assert passes(client, "GET", **headers)


def test_refusals_are_counted_by_their_status():
  async def through(scope, receive, send):
    await PlainTextResponse("through")(scope, receive, send)

  counted = []
  guard = SiteGuard(through, hosts=(), origins=(), on_refusal=counted.append)
  client = TestClient(guard, "http://localhost")
  client.post("/", headers={"origin": SHOP})
  client.get("/", headers={"host": "evil.test"})
  assert client.get("/").text == "through"
  assert counted == [403, 421]


def test_programs_and_the_own_page_and_pages_of_the_list_may_do_all():
  client = client_of(origins=(SHOP.upper(),))
  assert passes(client)
  assert passes(client, sec_fetch_site="none")
  # Behind a proxy that speaks TLS the scheme is another.
  for origin in ("http://localhost:8000", "https://localhost:8000"):
    assert passes(client, origin=origin, sec_fetch_site="same-origin")
    assert passes(client, origin=origin)
  assert passes(client, origin=SHOP, sec_fetch_site="cross-site")


def test_a_browser_lets_only_pages_of_the_list_read():
  client = client_of(origins=(SHOP,))
  for origin, allowed in ((SHOP, True), ("https://evil.test", False)):
    found = client.get("/", headers={"origin": origin})
    assert ("access-control-allow-origin" in found.headers) == allowed
    preflight = client.options(
      "/",
      headers={
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    )
    assert (preflight.status_code == 200) == allowed
    assert "Origin" in preflight.headers["vary"]
  assert client.get("/", headers={"origin": SHOP}).headers["vary"] == "Origin"
  alone = client_of().get("/", headers={"origin": SHOP})
  assert "access-control-allow-origin" not in alone.headers


@pytest.mark.parametrize(
  "text", ["*", "shop.example", "https://", "https://a/b", "ftp://a", "null"]
)
def test_what_is_no_origin_is_refused_at_the_start(text):
  with pytest.raises(ValueError, match="no origin"):
    checked_origin(text)
