#!/usr/bin/env bash
# timed.sh NAME COMMAND...: runs the command, then says how many seconds it took.
name=$1
shift
started=$(date +%s)
"$@"
status=$?
echo "$name: $(($(date +%s) - started)) s" >&2
exit "$status"
