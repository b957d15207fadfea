import pathlib
import re
from xml.etree import ElementTree

import pytest

from gr_jax.evaluation.report import svg


def _picture(label='a <b> & "c"'):
  with svg.drawing("test"):
    figure, (panel,) = svg.panels(1, width=3, height=2)
    panel.plot([0, 1], [0, 1], "o-", color=svg.SERIES[1])
    panel.set_title("title", color=svg.INK)
    return svg.to_svg(figure, label=label)


def test_colours_are_those_of_the_page():
  picture = _picture()
  assert "var(--series-1)" in picture
  assert "var(--ink)" in picture
  stand_ins = [svg.INK, svg.MUTED, svg.GRID, svg.PAPER, *svg.SERIES]
  assert not any(color in picture for color in stand_ins)


def test_nothing_points_outside_the_page():
  picture = _picture()
  assert not re.search(r"https?:|<!DOCTYPE|<\?xml|metadata", picture)
  assert set(re.findall(r"url\((.)", picture)) <= {"#"}


def test_text_stays_text_and_the_label_is_escaped():
  # The page's HTML parser knows the prefix; an XML one needs its name.
  namespaced = _picture().replace("<svg", '<svg xmlns:xlink="x"', 1)
  root = ElementTree.fromstring(namespaced)
  assert root.get("aria-label") == 'a <b> & "c"'
  assert root.get("role") == "img"
  assert root.get("viewBox")
  assert "font-family" not in namespaced
  assert "title" in [text.text for text in root.iter("text")]


def test_the_same_figure_is_the_same_text():
  assert _picture() == _picture()


def test_names_inside_a_picture_are_unique_and_used():
  names = re.findall(r' id="([^"]*)"', _picture())
  assert len(names) == len(set(names))
  for name in names:
    assert f"#{name}" in _picture()


def test_a_picture_alone_is_well_formed_and_has_its_size_and_colours():
  root = ElementTree.fromstring(svg.standing_alone(_picture()))
  assert root.tag == "{http://www.w3.org/2000/svg}svg"
  assert 200 < int(root.get("width")) < 400
  assert "--ink" in "".join(root.itertext())


def test_other_text_does_not_stand_alone():
  with pytest.raises(ValueError, match="not a picture"):
    svg.standing_alone("<p>no</p>")


def test_light_and_dark_define_the_colours_that_pictures_use():
  css = pathlib.Path(svg.__file__).with_name("colors.css").read_text()
  light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
  names = set(re.findall(r"(--[\w-]+):", light))
  assert names == set(re.findall(r"(--[\w-]+):", dark))
  assert set(svg.VARIABLES.values()) <= names
