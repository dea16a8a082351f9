"""The folder in which compiled kernels are cached."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of compiled kernels, as numba chooses it.

    Returns
    -------
    pathlib.Path
        ``NUMBA_CACHE_DIR``, otherwise ``__pycache__`` beside the sources, otherwise the
        user's cache.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    package = Path(__file__).parent
    if os.access(package, os.W_OK):
        return package / "__pycache__"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "numba"


def provide_cache_folder() -> None:
    """Set ``NUMBA_CACHE_DIR`` to a folder of this account if numba's own choice cannot be written.

    Without it an account that has no home and cannot write the sources could load no kernel.
    """
    folder = cache_folder()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return
    own = Path(tempfile.gettempdir()) / f"gridcover-numba-{os.geteuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    state = own.lstat()
    # Compiled code is loaded from this folder: no other account may be able to write it.
    if own.is_symlink() or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        own = Path(tempfile.mkdtemp(prefix="gridcover-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(own)
