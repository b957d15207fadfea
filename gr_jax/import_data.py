"""Imports your own catalogue and logs.

Example:

  python -m gr_jax.import_data --items=items.csv --events=events.csv \\
    --columns=item_id=asin,text=title,category=path,user_id=uid,time=ts \\
    --output=data/my_shop

then train on it:

  python -m gr_jax.main --config=own_data --config.data.path=data/my_shop

Items need item_id and text, and may have category (a path "a > b", "a|b" or
"a/b"), value (the price: 1299, "1.299,00 kr"), and facts that tell ads of the
same text apart: account, advertiser and conversion, which the tokenizer ua_sid
reads. Several columns make one text or one path:
--columns=text=title+brand,category=department+aisle. Columns that answers are
to show and filters to know are kept by --attributes=brand,url. Events need
user_id and item_id, and may have time (unix time or any form of ISO 8601;
others with --time_format), order (a number, the place of an event in its user's
sequence, where there is no time; beside times it must be named in --columns and
orders what has one time), split (train, valid or test), event (exposure, click
or order, or as GA4, Shopify, Segment and others call them), query, value (what
was paid) and session (what was shown together; without it, the events of a user
with the same time and query). Rows that cannot be used are left out, counted in
the summary, and listed with their row numbers in OUTPUT/rejects.csv
(OUTPUT.rejects.csv if too little is left).

Files are read as they are: CSV, TSV and other delimited text, JSON Lines, JSON
arrays and objects, Parquet; packed by gzip, bzip2, xz or zip; in UTF-8, UTF-16
or what --encoding says. Columns of a file without a header are named by
--items_header and --events_header. Several files with the same columns are one
table; others are joined on the column that they share:

  python -m gr_jax.import_data --items=products.csv,aisles.csv \\
    --events='order_products_*.csv,orders.csv' \\
    --columns=item_id=product_id,text=product_name,category=aisle \\
    --output=data/groceries

Folders of public data are known by name:

  python -m gr_jax.import_data --format=movielens --input=ml-1m \\
    --output=data/movies

A published split comes in as it is, without invented times:

  python -m gr_jax.import_data --items=items.csv --events=events.csv \\
    --columns=order=position,split=fold --output=data/my_set

Without a split column the last requests in time are held out; without times the
last request of each user is the test and the one before it the validation.
"""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from gr_jax import command_line

# Before polars is imported: its allocator gives memory back at once, where it
# otherwise leaves it until the system needs it. Of thirty million events that
# is half a gigabyte.
os.environ.setdefault(
  "_RJEM_MALLOC_CONF",
  "background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0",
)

try:
  from gr_jax.data.imports.columns import parse_attributes, parse_pairs
  from gr_jax.data.imports.formats import FORMATS, Format, format_sources
  from gr_jax.data.imports.source import Source, parse_source
  from gr_jax.data.sources.own_data import import_tables
except ModuleNotFoundError as error:
  sys.exit(f"error: {command_line.one_line(error)}")


def main(arguments: list[str] | None = None) -> int:
  """Runs the import; returns the exit code."""
  return command_line.run(_parser(), _import, arguments)


def _import(flags: argparse.Namespace) -> None:
  items, events = _sources(flags)
  known = FORMATS.get(flags.format, Format((), (), {}))
  given = parse_pairs(flags.event_types, flag="--event_types")
  summary = import_tables(
    items,
    events,
    parse_pairs(flags.columns, flag="--columns"),
    flags.output,
    attributes=parse_attributes(flags.attributes),
    event_types=dict(known.event_types) | given,
    splits=parse_pairs(flags.splits, flag="--splits"),
    time_format=flags.time_format or known.time_format,
    category_separator=flags.category_separator,
    valid_share=flags.valid_share,
    test_share=flags.test_share,
    overwrite=flags.overwrite,
    progress=command_line.progress_printer(),
  )
  print(summary)


def _sources(flags: argparse.Namespace) -> tuple[Source, Source]:
  """The files of the items and the events, and how they are written."""
  if flags.input and not flags.format:
    raise ValueError(
      f"--input={flags.input} needs --format, one of {', '.join(FORMATS)}; or "
      "name the files with --items and --events."
    )
  given = {kind: _given(flags, kind) for kind in ("items", "events")}
  if flags.format:
    return format_sources(flags.format, flags.input, **given)
  missing = [f"--{kind}" for kind, files in given.items() if not files.paths]
  if missing:
    raise ValueError(
      f"the following arguments are required: {', '.join(missing)} (or "
      "--format and --input); see --help."
    )
  return given["items"], given["events"]


def _given(flags: argparse.Namespace, kind: str) -> Source:
  """What the flags say of the files of one table, which may be nothing."""
  files, header = getattr(flags, kind), getattr(flags, f"{kind}_header")
  return dataclasses.replace(
    parse_source(files, flag=f"--{kind}") if files else Source(()),
    header=tuple(name.strip() for name in header.split(",") if header),
    delimiter=flags.delimiter.replace("\\t", "\t"),
    encoding=flags.encoding,
    keys=tuple(filter(None, flags.join.split(","))),
  )


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python -m gr_jax.import_data", __doc__)
  add = parser.add_argument
  files = "file of delimited text, JSON or Parquet, also packed; or several "
  add("--items", default="", metavar="FILES", help=files + "between commas")
  add("--events", default="", metavar="FILES", help=files + "(events_*.csv)")
  add(
    "--format",
    default="",
    choices=["", *FORMATS],
    metavar="NAME",
    help=f"public data set whose files and columns are known: "
    f"{', '.join(FORMATS)}; other flags come before it",
  )
  add("--input", type=Path, help="folder with the files of --format")
  add("--output", type=Path, required=True, help="folder to write")
  add(
    "--columns",
    default="",
    metavar="OURS=YOURS,...",
    help="columns that have another name in your files; items.item_id=... and "
    "events.item_id=... where the two files differ",
  )
  add(
    "--attributes",
    default="",
    metavar="NAME,...",
    help="columns of the items that answers show and filters know, such as "
    "brand,url,image=img_url; nothing is trained on them",
  )
  add(
    "--event_types",
    default="",
    metavar="YOURS=OURS,...",
    help="event types whose name does not say, or says wrongly, whether it is "
    "an exposure, click or order: --event_types=view=click,swipe=exposure",
  )
  add(
    "--splits",
    default="",
    metavar="YOURS=OURS,...",
    help="words of the split column that are not train, valid (validation, "
    "val, dev) or test: --splits=0=train,1=valid,2=test",
  )
  add(
    "--time_format",
    default="",
    help="form of times that are neither unix time nor ISO 8601: mdy "
    "(5/31/2024 1:45 PM), dmy (31.5.2024 13:45) or a strptime pattern such as "
    "'%%d %%b %%Y %%H:%%M'",
  )
  add(
    "--category_separator",
    default="",
    metavar="TEXT",
    help="what stands between the names of a category path; none leaves "
    "categories whole (default: > or | where any has one, / or ; where most "
    "have one)",
  )
  add(
    "--valid_share",
    type=float,
    default=0.1,
    help="share of the requests, just before the test ones (default 0.1); not "
    "read without times or with a split column",
  )
  add(
    "--test_share",
    type=float,
    default=0.1,
    help="share of the last requests in time (default 0.1), likewise",
  )
  for kind in ("items", "events"):
    add(
      f"--{kind}_header",
      default="",
      metavar="NAME,...",
      help="names of the first columns, where the files have no header",
    )
  add(
    "--delimiter",
    default="",
    help="what stands between fields, such as '::' or '\\t' (default: found)",
  )
  add(
    "--encoding",
    default="",
    help="encoding of text, such as latin-1 or gb18030 (default: UTF-8, or a "
    "guess that is printed)",
  )
  add(
    "--join",
    default="",
    metavar="COLUMN,...",
    help="columns that join the files of one table, where two share several",
  )
  add("--overwrite", action="store_true", help="replace an earlier import")
  return parser


if __name__ == "__main__":
  sys.exit(main())
