#!/bin/sh
# Runs the Python client with the python3 that has python3-grpcio; Bazel's own Python rules need a python that Debian does not have.
exec /usr/bin/python3 "$1" "$2" "$3"
