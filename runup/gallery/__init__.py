"""Every email of a campaign in every branch, to look at: in a browser, as files, or in one's own inbox."""

from runup.gallery.export import write_gallery
from runup.gallery.letter import letter, sample_branches
from runup.gallery.wordings import Gallery, Wording

__all__ = ["Gallery", "Wording", "letter", "sample_branches", "write_gallery"]
