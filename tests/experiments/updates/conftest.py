"""The run of the small shop, and one update of it, for all tests here."""

import contextlib
import functools
import io
import os
import pathlib
import shutil
from typing import NamedTuple
from unittest import mock

import jax
import pytest

from experiments.updates import learn, run
from experiments.updates.prepare import Sources
from experiments.updates.settings import UpdateConfig
from experiments.updates.switching import Server
from gr_jax.parallel.mesh import make_mesh
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from tests.reference import shop_run, shop_updates
from tests.serving.conftest import open_service

# Enough that what it learns is more than what a few requests lose by chance.
CONFIG = UpdateConfig(passes=8, requests=32)


class Updated(NamedTuple):
  """A run after one update.

  Attributes:
    run: the workdir.
    log: the server's changes, with the item S1.
    given: the item S1 as the server answered it.
    output: what the update said.
    sources: its files.
  """

  run: pathlib.Path
  log: pathlib.Path
  given: dict
  output: str
  sources: Sources


@pytest.fixture(scope="session")
def shop(shared) -> pathlib.Path:
  """The workdir of a finished run; nobody writes there."""
  shop_run.make(shared / "shop_run")
  return shared / "shop_run" / "run"


@pytest.fixture(scope="session")
def updated(shop, tmp_path_factory) -> Updated:
  """An update with an item of a server and two of its own file."""
  folder = tmp_path_factory.mktemp("updated")
  workdir = shutil.copytree(shop, folder / "run", copy_function=os.link)
  service = open_service(workdir, folder)
  change = ItemChange([NewItem("S1", "blue cup 63", "KITCHEN > CUPS", 2.0)])
  given = service.change(change)["items"][0]
  log = service.config.log
  service.close()
  (folder / "events.csv").write_text(
    shop_updates.events(range(20, 24), items=("N1", "S1", "nobody"))
  )
  (folder / "items.csv").write_text("\n".join(shop_updates.NEW_ITEMS) + "\n")
  sources = Sources(
    folder / "events.csv", folder / "items.csv", log, columns={}, event_types={}
  )
  one_device = functools.partial(make_mesh, devices=jax.devices()[:1])
  with (
    contextlib.redirect_stderr(io.StringIO()) as said,
    mock.patch.object(learn, "make_mesh", one_device),
  ):
    run.update(workdir, sources, CONFIG, Server())
  return Updated(workdir, log, given, said.getvalue(), sources)
