#!/bin/sh
# Explores inbox.pml: it must hold as it stands, and every planted bug must be found.
# Prints one line per run and, last, "N passed, M failed".  Needs spin and a C compiler.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jobs=${MODEL_JOBS:-2}

# explore NAME EXPECT FLAGS...: EXPECT is "holds" or "found".  Writes pass or fail to $work/NAME.verdict.
explore() {
    name=$1
    expect=$2
    shift 2
    dir=$work/$name
    mkdir "$dir"
    cp "$here/inbox.pml" "$dir"
    verdict=fail
    detail=
    if (cd "$dir" && spin -a "$@" inbox.pml && "${CC:-cc}" -w -O2 -DSAFETY -DCOLLAPSE -o pan pan.c) >"$dir/build" 2>&1; then
        (cd "$dir" && ./pan -E -m100000 -w25) >"$dir/out" 2>&1 || true
        detail=$(awk '/errors: /{e=$NF} /states, stored/{s=$1} /elapsed/{t=$4} END{print "errors " e ", " s " states, " t " s"}' "$dir/out")
        if [ "$expect" = holds ] && grep -q 'errors: 0' "$dir/out" && ! grep -q 'Search not completed' "$dir/out" &&
            ! grep -Eq 'max search depth too small|out of memory' "$dir/out"; then
            verdict=pass
        elif [ "$expect" = found ] && grep -q 'errors: 1' "$dir/out" && grep -q 'assertion violated' "$dir/out"; then
            verdict=pass
        fi
    else
        detail=$(tail -3 "$dir/build")
    fi
    echo "$verdict" >"$work/$name.verdict"
    echo "$verdict  $name ($expect): $detail"
    rm -rf "$dir"
}

running=0
start() {
    explore "$@" &
    running=$((running + 1))
    if [ "$running" -ge "$jobs" ]; then
        wait
        running=0
    fi
}

start as_it_stands holds -DPLAIN
start VISIT_LOOKS holds -DVISIT_LOOKS
start HAND_OVER holds -DHAND_OVER
start UNLOCK_EACH holds -DUNLOCK_EACH
for bug in NO_ORDER_LOCK LOCKS_ONE_BY_ONE NO_LOOK EARLY_UNLOCK LOCAL_OVERTAKES REAP_LATE TAKE_NO_LOOK TAKE_LOOKS_LATE \
    TAKE_STOPS_AT_GAP BATON_NO_RECHECK SLEEP_NO_RECHECK NO_OWNER_WAKE NO_HANDOVER BATON_NO_CAS; do
    start "$bug" found "-D$bug"
done

if [ -n "${MODEL_FULL:-}" ]; then
    # Every combination; command 4 never touches shard 1 alone, for the two shards are alike.
    for a in 1 2 3; do for b in 1 2 3; do for c in 1 2 3; do for d in 1 2 3; do for e in 1 3; do for f in 1 2 3; do
        start "all_$a$b$c$d$e$f" holds -DM0=$a -DM1=$b -DM2=$c -DM3=$d -DM4=$e -DM5=$f
    done; done; done; done; done; done
fi
wait

passed=$(cat "$work"/*.verdict | grep -c pass || true)
failed=$(cat "$work"/*.verdict | grep -c fail || true)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
