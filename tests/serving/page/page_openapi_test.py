"""What the page asks for is described as it is taken."""

import pytest

from gr_jax.serving.http.fields import Invalid
from gr_jax.serving.http.search_request import question, search_record
from gr_jax.serving.page.page_openapi import explain_record, page_paths
from gr_jax.serving.page.routes import PageRoutes

BEAMS = (8, 20)
# Files, for people.
UNTOLD = {"/", "/page/{name}"}


def told():
  """Every path with what was said of its one operation."""

  def operation(summary, answer, errors=(), body=None):
    return {"summary": summary, "errors": errors, "body": body}

  return page_paths(BEAMS, operation)


class Service:
  class config:
    beams = BEAMS


def routes():
  """The routes of the page as (path, method, guarded)."""
  found = []

  def route(path, handler, method, /, *, guarded=True):
    found.append((path, method, guarded))

  PageRoutes(Service, None, timeout=1.0, route=route, body=None)
  return found


def test_the_page_describes_the_routes_that_it_makes_and_no_other():
  made = {
    (path.replace(":path", ""), method.lower())
    for path, method, _ in routes()
    if path not in UNTOLD
  }
  assert {(path, next(iter(item))) for path, item in told().items()} == made


def test_whatever_needs_the_token_is_told_to_refuse_without():
  guarded = {p.replace(":path", ""): g for p, _, g in routes()}
  for path, item in told().items():
    errors = next(iter(item.values()))["errors"]
    assert ("401" in errors) == guarded[path]


def test_an_explanation_is_asked_for_as_a_search_or_without_a_query():
  search, explain = search_record(BEAMS), explain_record(BEAMS)
  assert explain.fields == search.fields
  assert search.required == ("query",)
  assert explain.check({}) == {}
  assert explain.check({"query": "cup", "beam": 20})["beam"] == 20
  for body in ({"query": ""}, {"unknown": 1}, {"k": 21}):
    with pytest.raises(Invalid):
      explain.check(body)
  assert question(explain.check({}), beams=BEAMS, query=None).k == 8


def test_a_body_is_told_where_one_is_read():
  for path, item in told().items():
    (method, operation), *_ = item.items()
    assert (operation["body"] is not None) == (method == "post")
    assert path != "/explain" or operation["body"] == explain_record(BEAMS)


def test_parameters_are_required_unless_they_have_a_default():
  found = {
    parameter["name"]: (parameter["in"], parameter["required"])
    for item in told().values()
    for parameter in item.get("parameters", [])
  }
  assert found == {
    "prefix": ("query", False),
    "offset": ("query", False),
    "text": ("query", True),
    "item_id": ("path", True),
  }
