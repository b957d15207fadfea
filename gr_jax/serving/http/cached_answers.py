"""Answers of a server to requests that came a moment ago."""

import dataclasses
import hashlib
import json
import weakref
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from gr_jax.decoding.beams import BeamSize, answer_size
from gr_jax.serving.catalogue.generation import Serving
from gr_jax.serving.engine.result_cache import ResultCache
from gr_jax.serving.requests import SearchRequest


class CachedAnswers:
  """Bodies of answers by request, beam, model and version of the catalogue.

  Args:
    cache: what keeps them.
  """

  def __init__(self, cache: ResultCache):
    self._cache = cache

  def find(
    self, request: SearchRequest, serving: Serving, beams: Sequence[BeamSize]
  ) -> bytes | None:
    """The body of the answer to an equal request.

    Args:
      request: the request.
      serving: the generation that would answer it.
      beams: the beams with which it may have been answered, best first.
    """
    wide = [beam for beam in beams if answer_size(beam) >= request.k]
    keys = (request_key(request, beam) for beam in wide)
    return self._cache.find(_stamp(serving, serving.snapshot.version), *keys)

  def keep(
    self,
    request: SearchRequest,
    beam: BeamSize,
    answer: dict[str, Any],
    *,
    before: Serving,
    after: Serving,
  ) -> None:
    """Keeps the body of an answer.

    Args:
      request: the request.
      beam: the beam that it was answered with.
      answer: the body of the answer.
      before: the generation that served when it came.
      after: the generation that serves now. Where a reload lies between them,
        nobody knows which one answered, and nothing is kept.
    """
    if before.engine is not after.engine:
      return
    taken = dict.fromkeys(answer["milliseconds"], 0.0)
    body = answer | {"cached": True, "milliseconds": taken}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    self._cache.keep(
      _stamp(after, answer["version"]),
      request_key(request, beam),
      text.encode(),
    )


def request_key(request: SearchRequest, beam: BeamSize) -> bytes:
  """A digest of everything that an answer depends on, but for the server."""
  whole = dataclasses.replace(request, beam=beam)
  return hashlib.blake2b(to_json(whole), digest_size=16).digest()


def _stamp(serving: Serving, version: int) -> tuple[Any, ...]:
  """One generation and version; a weak reference lets an old engine go."""
  return (
    weakref.ref(serving.engine),
    serving.engine.artefacts.fingerprint,
    version,
  )
