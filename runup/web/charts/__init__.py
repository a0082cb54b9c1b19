"""Charts as SVG, made on the server: they need no script, scale, print, and say in words what they show.

Colors are classes of `report.css`, so that one picture serves light, dark and paper.
"""

from runup.web.charts.amounts import Amount, amounts
from runup.web.charts.columns import columns
from runup.web.charts.drawing import Series
from runup.web.charts.ranges import Range, ranges
from runup.web.charts.stacks import Stack, stacks

__all__ = ["Amount", "Range", "Series", "Stack", "amounts", "columns", "ranges", "stacks"]
