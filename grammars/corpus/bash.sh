#!/usr/bin/env bash
source ./lib.sh
LIMIT=3
export HOST="a b"

# How to connect.
connect() {
  local host=$1
  echo "to $(resolve "$host")" 'raw'
}

function close {
  connect "$HOST"
}
