#!/bin/sh
# Renew the lock files: exact versions and hashes for every Python from 3.11 on, and no registry's name.
set -eu
cd "$(dirname "$0")"
for set in node dev; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate --output-file "$set.lock" "$set.in"
done
