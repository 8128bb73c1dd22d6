#!/usr/bin/env bash
# Runs the agent from the sources with the environment of the image, which the Dockerfile's ENV lines define for both.
# Arguments are the agent's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t environment < <(sed -n 's/^ENV //p' deploy/Dockerfile)
# Node's options of whoever starts it count besides.
environment=("${environment[@]/#NODE_OPTIONS=/NODE_OPTIONS=${NODE_OPTIONS:+$NODE_OPTIONS }}")
PATH=$PWD/node_modules/.bin:$PATH exec env "${environment[@]}" node src/main.ts "$@"
