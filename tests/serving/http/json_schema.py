"""Whether JSON fits a schema, and JSON at the edges of one."""

import hypothesis.strategies as st

KINDS = {
  "object": dict,
  "array": list,
  "string": str,
  "boolean": bool,
  "number": (int, float),
  "integer": int,
  "null": type(None),
}


def fits(schema: dict | bool, value, models=None) -> bool:
  """Whether JSON fits a schema, of the words that the description uses."""
  if isinstance(schema, bool):
    return schema
  models = schema.get("$defs", models)
  if "$ref" in schema:
    schema = models[schema["$ref"].rpartition("/")[2]]
  if "anyOf" in schema:
    return any(fits(each, value, models) for each in schema["anyOf"])
  kind = schema.get("type", "string")
  if kind == "integer" and isinstance(value, float) and value.is_integer():
    value = int(value)
  if not isinstance(value, KINDS[kind]):
    return False
  if isinstance(value, bool):
    return kind == "boolean"
  if kind == "null":
    return True
  if kind in ("number", "integer"):
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return value in schema.get("enum", (value,)) and low <= value <= high
  size = {"object": "Properties", "array": "Items", "string": "Length"}[kind]
  least, most = schema.get(f"min{size}", 0), schema.get(f"max{size}", 1e9)
  if not least <= len(value) <= most:
    return False
  if kind == "array":
    return all(fits(schema["items"], each, models) for each in value)
  if kind == "string":
    return value in schema.get("enum", (value,))
  return _object_fits(schema, value, models)


def _object_fits(schema: dict, value: dict, models: dict) -> bool:
  known = schema.get("properties", {})
  other = schema.get("additionalProperties", True)
  names = schema.get("propertyNames", {"type": "string"})
  return set(schema.get("required", ())) <= set(value) and all(
    fits(names, name, models) and fits(known.get(name, other), each, models)
    for name, each in value.items()
  )


def near(schema: dict, models=None) -> st.SearchStrategy:
  """JSON at the edges of a schema, on both sides."""
  models = schema.get("$defs", models)
  if "$ref" in schema:
    schema = models[schema["$ref"].rpartition("/")[2]]
  if "anyOf" in schema:
    return st.one_of(*(near(each, models) for each in schema["anyOf"]))
  match schema["type"]:
    case "string" if "enum" in schema:
      return st.sampled_from([*schema["enum"], "other"])
    case "string":
      sizes = schema["minLength"], schema["maxLength"]
      lengths = st.sampled_from([sizes[0] - 1, *sizes, sizes[1] + 1, 1])
      return lengths.map(lambda n: "a" * n) | st.just("ab")
    case "array":
      inside = near(schema["items"], models)
      return st.lists(inside, max_size=2) | st.just({})
    case "object":
      known = {
        name: near(each, models)
        for name, each in schema.get("properties", {}).items()
      }
      if not known:
        inside = near(schema["additionalProperties"], models)
        return st.dictionaries(st.sampled_from(["", "a", "b"]), inside)
      first = schema.get("required", ())
      must = {name: known.pop(name) for name in first}
      return st.fixed_dictionaries(must, optional=known) | st.sampled_from(
        [{}, {"unknown": 1}, None]
      )
    case "boolean":
      return st.sampled_from([True, False, 0])
    case "null":
      return st.just(None)
  few = schema.get("enum", (0,))
  edges = [schema.get("minimum", min(few)), schema.get("maximum", max(few))]
  return st.sampled_from(
    [*edges, edges[0] - 1, edges[1] + 1, edges[0] + 0.5, 8.0, "1", True]
  )
