"""gridcover: camera coverage and incidents by grid.

The names of the library are listed in ``__init__.pyi``, by the module that defines them; a module
is loaded when one of its names is first used.
"""

import lazy_loader

from geo.cache_folder import provide_cache_folder

__version__ = "0.1.0"

provide_cache_folder()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
