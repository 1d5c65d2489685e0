#!/bin/sh
# What program_test.py checks; a file of its own for Bazel, which runs no Python here.
exec python3 "$1" "$2"
