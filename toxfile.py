"""Lets tox find the interpreters of pyenv: their shims are on PATH, but refuse to run unless pyenv is told to."""

import os
from pathlib import Path

_root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
_found = sorted(str(python.parent) for python in _root.glob("versions/3.*/bin/python3"))
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *_found])
