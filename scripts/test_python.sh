#!/usr/bin/env bash
# Run the unit tests on every supported Python that is on PATH or under pyenv, each in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
for minor in 10 11 12 13 14; do
  python=""
  for candidate in "$HOME"/.pyenv/versions/3.$minor.*/bin/python "$(command -v "python3.$minor" || true)"; do
    [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null && python=$candidate
  done
  if [ -z "$python" ]; then
    echo "3.$minor: not found"
    continue
  fi
  found=$((found + 1))
  environment=.venvs/3.$minor
  if [ ! -e "$environment/.ready" ] || [ requirements-dev.lock -nt "$environment/.ready" ]; then
    "$python" -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    touch "$environment/.ready"
  fi
  echo "3.$minor: $("$python" --version)"
  "$environment/bin/pytest" -q -m "not model and not install" -p no:cacheprovider
done
[ "$found" -gt 0 ] || { echo "no supported Python found" >&2; exit 1; }
