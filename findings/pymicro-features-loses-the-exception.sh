#!/usr/bin/env bash
# pymicro-features 2.0.2 (what pymicro-wakeword 2.5.0 reads sound with): if a MicroFrontend is freed while an exception
# passes, the exception is lost, and the caller gets a SystemError that says nothing. It is freed so when it is an
# argument of a call whose next argument raises, as in `Satellite(MicroFrontend(), open(path))`.
# Seen: `ValueError became SystemError: error return without exception set`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pymicro-features==2.0.2
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
from pymicro_features import MicroFrontend


def caught(make):
    try:
        return (make(), int("no number"))
    except BaseException as error:
        return error


assert type(caught(object)) is ValueError
found = caught(MicroFrontend)
print(f"ValueError became {type(found).__name__}: {found}")
assert type(found) is SystemError
PYTHON
