import xml.etree.ElementTree as ElementTree

import pytest

from gr_jax.evaluation.report import svg, svg_file


def test_a_picture_alone_is_well_formed_and_has_its_size_and_colours():
  with svg.drawing("test"):
    figure, axes = svg.panels(1, width=4, height=2)
    axes[0].plot([0, 1], [0, 1])
    drawn = svg.to_svg(figure, label="a line")
  root = ElementTree.fromstring(svg_file.standing_alone(drawn))
  assert root.tag == "{http://www.w3.org/2000/svg}svg"
  assert 300 < int(root.get("width")) < 500
  assert "--ink" in "".join(root.itertext())


def test_other_text_is_refused():
  with pytest.raises(ValueError, match="not a picture"):
    svg_file.standing_alone("<p>no</p>")
