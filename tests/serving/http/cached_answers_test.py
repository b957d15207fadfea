"""An answer is given again to the same request alone, of the same version."""

import dataclasses
import json
import types

import pytest

from gr_jax.serving.engine.result_cache import ResultCache
from gr_jax.serving.http.cached_answers import CachedAnswers, request_key
from gr_jax.serving.requests import (
  Filters,
  PriceBand,
  Profile,
  Purchase,
  SearchRequest,
)

REQUEST = SearchRequest(
  8,
  5,
  "cup",
  (Purchase(id="a", days_ago=1.5), Purchase(id="b", days_ago=0)),
  Profile(user_id="u", facts={"age": "30", "income": "low"}),
  Filters(exclude=("x",), price=PriceBand(min=1.0)),
)
OTHERS = (
  {"k": 6},
  {"query": "cups"},
  {"query": None},
  {"history": REQUEST.history[::-1]},
  {"history": (Purchase(id="a", days_ago=1.25), REQUEST.history[1])},
  {"profile": Profile(user_id="v", facts=REQUEST.profile.facts)},
  {"profile": Profile(user_id="u", facts={"income": "low", "age": "30"})},
  {"filters": Filters()},
  {"filters": Filters(exclude=("x",), price=PriceBand(max=1.0))},
)


def serving(version=1, engine=None):
  artefacts = types.SimpleNamespace(fingerprint="f")
  return types.SimpleNamespace(
    engine=engine or Engine(artefacts),
    snapshot=types.SimpleNamespace(version=version),
  )


class Engine:
  def __init__(self, artefacts):
    self.artefacts = artefacts


def body(version=1):
  return {
    "items": [{"id": "é"}],
    "version": version,
    "cached": False,
    "milliseconds": {"queue": 1.5, "search": 2.5},
  }


@pytest.fixture
def cached():
  return CachedAnswers(ResultCache(seconds=60, most=100_000))


def test_every_part_of_a_request_and_the_beam_are_in_its_key():
  keys = {request_key(REQUEST, beam) for beam in (8, 9, (8, 8), (8, 9))}
  for other in OTHERS:
    keys.add(request_key(dataclasses.replace(REQUEST, **other), 8))
  assert len(keys) == 4 + len(OTHERS)
  again = dataclasses.replace(REQUEST, beam=None)
  assert request_key(again, 8) == request_key(REQUEST, 8)


def test_the_body_says_that_it_is_not_new(cached):
  now = serving()
  assert cached.find(REQUEST, now, (8,)) is None
  cached.keep(REQUEST, 8, body(), before=now, after=now)
  found = json.loads(cached.find(REQUEST, now, (8,)))
  taken = {"queue": 0.0, "search": 0.0}
  assert found == body() | {"cached": True, "milliseconds": taken}
  assert cached.find(dataclasses.replace(REQUEST, k=4), now, (8,)) is None


def test_a_change_of_the_catalogue_and_a_reload_leave_nothing(cached):
  now = serving()
  for after in (serving(2, now.engine), serving(1)):
    cached.find(REQUEST, now, (8,))
    cached.keep(REQUEST, 8, body(), before=now, after=now)
    assert cached.find(REQUEST, now, (8,))
    assert cached.find(REQUEST, after, (8,)) is None
    # One that was searched before the change comes too late.
    cached.keep(REQUEST, 8, body(1), before=now, after=after)
    assert cached.find(REQUEST, after, (8,)) is None


def test_an_answer_of_a_newer_version_is_kept_for_that(cached):
  """It was asked under version 1 and searched under version 2."""
  old = serving(1)
  new = serving(2, old.engine)
  cached.find(REQUEST, old, (8,))
  cached.find(dataclasses.replace(REQUEST, k=1), new, (8,))
  cached.keep(REQUEST, 8, body(2), before=old, after=new)
  assert json.loads(cached.find(REQUEST, new, (8,)))["version"] == 2


def test_a_wider_beam_than_allowed_will_do_and_none_too_narrow(cached):
  now = serving()
  cached.find(REQUEST, now, ())
  cached.keep(REQUEST, 20, body(), before=now, after=now)
  assert cached.find(REQUEST, now, (40, 20, 8))
  assert cached.find(REQUEST, now, (8,)) is None
  # A beam that does not hold k never answered it.
  few = dataclasses.replace(REQUEST, k=30)
  assert cached.find(few, now, (20,)) is None
