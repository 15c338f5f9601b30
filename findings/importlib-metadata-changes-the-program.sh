#!/bin/sh
# importlib-metadata 8.7.0 on Python 3.10 to 3.13: importing it replaces the finder of the standard importlib.metadata for
# the whole process. A field that a distribution does not have gives None before the import and KeyError after it, for
# code that never imports the library itself.
# Seen: "before: None", "after: KeyError", "finder removed: True". Exits with 1 if that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check importlib-metadata==8.7.0 zipp==3.23.0
cat >"$folder/program.py" <<'PROGRAM'
import importlib.metadata
import warnings
from importlib.machinery import PathFinder

warnings.simplefilter("ignore")


def field():
    try:
        return importlib.metadata.metadata("zipp")["No-Such-Field"]
    except KeyError:
        return "KeyError"


before = field()
import importlib_metadata

after, removed = field(), not hasattr(PathFinder, "find_distributions")
print(f"before: {before}", f"after: {after}", f"finder removed: {removed}", sep="\n")
raise SystemExit((before, after, removed) != (None, "KeyError", True))
PROGRAM
"$folder/venv/bin/python" "$folder/program.py"
