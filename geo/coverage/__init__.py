"""Coverage of cameras: shares by grid, blind spots, image classes, added cameras and siting."""
