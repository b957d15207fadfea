"""The description as one page for people, with nothing from elsewhere."""

import base64
import hashlib
import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jinja2

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow-x: auto; padding: .7rem; border: 1px solid #8886 }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #8884; padding: .2rem .5rem; vertical-align: top }
td:first-child { width: 12rem }
section { border-top: 2px solid #8886; margin-top: 2rem }
h3 code { font-size: 1.1em }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
  "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}: operations</title><style>{{ style|safe }}</style></head>
<body><main><h1>{{ title }} {{ version }}</h1>
<p>{% for tag in tags %}<a href="#{{ tag }}">{{ tag }}</a>, {% endfor -%}
<a href="#schemas">schemas</a>; for programs:
<a href="/openapi.json">/openapi.json</a>. Where the server has a token, add
<code>-H "authorization: Bearer TOKEN"</code>.</p>
{%- macro fields(rows) %}<table>{% for name, kind, text in rows %}
<tr><td><code>{{ name }}</code></td><td>{{ kind }}</td><td>{{ text }}</td></tr>
{%- endfor %}</table>{% endmacro %}
{%- for tag, operations in tags.items() %}
<section id="{{ tag }}"><h2>{{ tag }}</h2>
{%- for each in operations %}
<h3 id="{{ each.id }}"><code>{{ each.method }} {{ each.path }}</code></h3>
<p>{{ each.summary }}</p>
{% if each.parameters %}{{ fields(each.parameters) }}{% endif %}
{% if each.body %}<p>Body:
<a href="#{{ each.body }}">{{ each.body }}</a></p>{% endif %}
<pre>{{ each.curl }}</pre>
<details><summary>Answers</summary>{{ fields(each.answers) }}</details>
{%- endfor %}</section>
{%- endfor %}
<section id="schemas"><h2>schemas</h2>
{%- for name, text, rows in schemas %}
<h3 id="{{ name }}">{{ name }}</h3><p>{{ text }}</p>{{ fields(rows) }}
{%- endfor %}</section></main></body></html>
"""


def docs_page(document: Mapping[str, Any]) -> bytes:
  """The page of an OpenAPI document, each operation with a command line."""
  tags: dict[str, list[dict[str, Any]]] = {}
  for path, methods in document["paths"].items():
    for method, operation in methods.items():
      shown = _operation(path, method.upper(), operation)
      tags.setdefault(operation["tags"][0], []).append(shown)
  schemas = [
    (name, schema.get("description", ""), _fields(schema))
    for name, schema in sorted(document["components"]["schemas"].items())
  ]
  page = jinja2.Environment(autoescape=True).from_string(_PAGE)
  text = page.render(
    **document["info"], style=_STYLE, tags=tags, schemas=schemas
  )
  return text.encode()


def _operation(
  path: str, method: str, operation: Mapping[str, Any]
) -> dict[str, Any]:
  parameters = operation.get("parameters", [])
  body = operation.get("requestBody", {}).get("content", {})
  body = body.get("application/json", {})
  return {
    "id": operation["operationId"],
    "method": method,
    "path": path,
    "summary": operation["summary"],
    "parameters": [
      (p["name"], _kind(p["schema"]), p["schema"].get("description", ""))
      for p in parameters
    ],
    "body": _kind(body["schema"]) if body else "",
    "curl": _curl(path, method, parameters, body.get("example")),
    "answers": [
      (status, _answer(response), response["description"])
      for status, response in operation["responses"].items()
    ],
  }


def _curl(path: str, method: str, parameters: Any, example: Any) -> str:
  query = {p["name"]: p["example"] for p in parameters if "example" in p}
  for each in parameters:
    if each["in"] == "path":
      path = path.replace(f"{{{each['name']}}}", "A1")
  address = f"http://localhost:8000{path}"
  address += f"?{urlencode(query)}" if query else ""
  words = ["curl", shlex.quote(address)]
  if method != "GET":
    words[1:1] = ["-X", method]
  if example is not None:
    text = json.dumps(example, ensure_ascii=False)
    words += ["-H", "'content-type: application/json'", "-d", shlex.quote(text)]
  return " ".join(words)


def _answer(response: Mapping[str, Any]) -> str:
  ((media, content),) = response["content"].items()
  return media if media.startswith("text/") else _kind(content["schema"])


def _fields(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
  required = schema.get("required", ())
  return [
    (
      name + ("" if name in required else " ?"),
      _kind(each),
      each.get("description", ""),
    )
    for name, each in schema.get("properties", {}).items()
  ]


def _kind(schema: Mapping[str, Any]) -> str:
  """A schema in a few words."""
  if "$ref" in schema:
    return schema["$ref"].rpartition("/")[2]
  if "anyOf" in schema:
    return " or ".join(map(_kind, schema["anyOf"]))
  if "enum" in schema:
    return " or ".join(map(str, schema["enum"]))
  kind = str(schema.get("const", schema.get("type", "any")))
  if kind == "array":
    return f"list of {_kind(schema.get('items', {}))}"
  if isinstance(values := schema.get("additionalProperties"), Mapping):
    return f"{_kind(values)} by name"
  bounds = [
    f"{sign} {schema[name]:,}"
    for name, sign in (("minimum", ">="), ("maximum", "<="))
    if name in schema
  ]
  return " ".join([kind, *bounds])
