"""Import of files into the store, with a report of every row that was not used as it was.

A module is loaded when one of its names is first used: `geo.osm` needs only the codes of reasons.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
