#!/bin/sh
# Sets the machine up, builds the optimised server and starts it on port 6379 with its data in ./data.
# Arguments are the server's: `cmake/run.sh basalt.conf --port 7000`.
set -eu
cd "$(dirname "$0")/.."

cmake/setup.sh build
cmake --preset release >/dev/null
cmake --build build/release --target basalt-server

# A configuration file, if one is named, comes first; what stands on the command line after it wins.
config=
case "${1:-}" in
'' | -*) ;;
*) config=$1; shift ;;
esac
mkdir -p data
exec build/release/basalt-server ${config:+"$config"} --port 6379 --dir data "$@"
