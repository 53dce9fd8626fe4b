#!/bin/sh
# Fails when a sanitizer has written a report into the folder $1, and prints the beginning of each.
found=0
for log in "$1"/*; do
    [ -s "$log" ] || continue
    found=1
    echo "== $log"
    head -60 "$log"
done
exit $found
