"""Write the committed boundaries: ``python -m geo.demo [FOLDER]``."""

import sys
from pathlib import Path

from geo.demo import boundaries_dir, write_boundaries

write_boundaries(Path(sys.argv[1]) if len(sys.argv) > 1 else boundaries_dir())
