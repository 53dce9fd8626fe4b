#!/bin/sh
# Sets the machine up for testing and runs what CI runs. `cmake/test.sh --list` names the stages, `cmake/test.sh dev e2e`
# runs only those.
set -eu
cd "$(dirname "$0")/.."

cmake/setup.sh test
exec /usr/bin/python3 cmake/ci.py "$@"
