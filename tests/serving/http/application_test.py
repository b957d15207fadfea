"""Every server's routes stand behind the same guards."""

import contextlib

from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http.application import application
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.http.routes import Routes


def full():
  raise QueueFull(1.0)


async def hello(request):
  return PlainTextResponse("hello")


@contextlib.asynccontextmanager
async def lifespan(app):
  yield


def test_sites_and_doors_are_looked_at_before_a_route():
  config, metrics = HttpConfig(hosts=("testserver",)), ServingMetrics()
  routes = Routes(
    [
      Operation("/open", hello, access="open"),
      Operation("/full", hello, access="open", door=full),
    ],
    config,
    metrics,
    unavailable=lambda: None,
    trouble=lambda: None,
  )
  client = TestClient(application(routes, config, metrics, lifespan=lifespan))
  assert client.get("/open").text == "hello"
  assert client.get("/open", headers={"host": "evil.test"}).status_code == 421
  assert client.get("/full").status_code == 429
  assert (
    'requests_total{route="/full",status="429"} 1.0' in metrics.text().decode()
  )
