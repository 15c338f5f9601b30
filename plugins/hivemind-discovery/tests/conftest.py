"""Tests are imported by path, so what they share is put where it is found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
