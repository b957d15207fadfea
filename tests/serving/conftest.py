"""One tiny run for all tests of the server, on all of pytest's processes."""

import os
import pathlib
import shutil

import pytest

from gr_jax.serving.catalogue.generation import ServiceConfig
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.http.schemas import search_bodies, search_request
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import SearchRequest
from tests.reference import shop_run

BEAM = 64  # More than there are IDs: a search ranks the whole catalogue.
PROGRAMS = pathlib.Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) / "searches"


@pytest.fixture(scope="session")
def run(shared) -> pathlib.Path:
  """The workdir of a finished run; nobody writes there."""
  shop_run.make(shared / "shop_run")
  return shared / "shop_run" / "run"


@pytest.fixture
def copied(run, tmp_path) -> pathlib.Path:
  """A copy of the run, to be damaged."""
  return shutil.copytree(run, tmp_path / "run")


def open_service(artefacts, folder, **options) -> Service:
  """A small service with its log in a folder."""
  sizes = {"beams": (BEAM,), "max_batch": 4, "room": 64, "programs": PROGRAMS}
  log = folder / "items.log"
  return Service(ServiceConfig(artefacts, log, **sizes | options))


def said(response, status: int) -> str:
  """The one sentence of an error, whose whole body it is."""
  assert response.status_code == status, response.text
  assert list(response.json()) == ["error"]
  text = response.json()["error"]
  assert "\n" not in text
  return text


@pytest.fixture
def make_service(run, tmp_path):
  """Opens services on one log, one after the other."""
  opened = []

  def make(artefacts=run, **options) -> Service:
    if opened:
      opened.pop().close()
    opened.append(open_service(artefacts, tmp_path, **options))
    return opened[-1]

  yield make
  for service in opened:
    service.close()


@pytest.fixture
def find():
  """`find(service, query, **body)`: the answer to one request alone."""

  def find(service: Service, query: str | None = "cup", **body):
    return service.answer([search_of(query, **body)])[0]

  return find


@pytest.fixture(name="search_of")
def search_of_fixture():
  return search_of


def search_of(query: str | None = "cup", **body) -> SearchRequest:
  """The request of a body."""
  model = search_bodies((BEAM,))["/search" if query else "/recommend"]
  body |= {"query": query} if query else {}
  return search_request(validated(model, body), (BEAM,))
