#!/bin/sh
# Installs what Basalt needs on Debian 12, and only what is missing. Usage: cmake/setup.sh [build|test]
#   build  compiler, CMake and libraries: enough to build and run the server (the default)
#   test   also what the tests need: clang, Criterion, spin, pytest, and stock Redis to compare with
# Runs apt as root or through sudo, or not at all where nothing is missing. Another distribution needs the packages of
# the same meaning; the build says by name what it does not find.
# make is there because gcc runs the parallel half of link-time optimisation with it.
set -eu

build="gcc libc6-dev make cmake ninja-build pkg-config
       liburing-dev libmimalloc-dev libck-dev libxxhash-dev liblua5.4-dev liblzf-dev"
test="git clang clang-format clang-tidy libclang-rt-14-dev llvm libcriterion-dev spin binutils
      python3 python3-pytest python3-pytest-xdist python3-redis redis-server redis-tools procps"

case "${1:-build}" in
build) wanted=$build ;;
test)
    wanted="$build $test"
    command -v npm >/dev/null 2>&1 || wanted="$wanted nodejs npm"
    ;;
*) echo "usage: $0 [build|test]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this is not Debian; install the equivalents of:" $wanted >&2
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

# The Node clients of the end-to-end tests, in their own folder.
node_clients() {
    [ "${1:-build}" = test ] && [ ! -d test/e2e/node/node_modules ] || return 0
    (cd test/e2e/node && npm ci --no-audit --no-fund --silent) ||
        echo "setup: npm could not install the Node clients; their tests will be left out" >&2
}

[ -n "$missing" ] || { node_clients "${1:-build}"; exit 0; }

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root=sudo
else
    echo "setup: not root and no sudo; as root, run: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

# The tests only call the program redis-server. Debian would also start it as a service, on the port that Basalt is
# about to use; a policy of "start nothing" stands for as long as the installation takes.
policy=/usr/sbin/policy-rc.d
drop_policy() { :; }
case "$missing" in
*redis-server*)
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
        $root chmod 755 $policy
        drop_policy() { $root rm -f $policy; }
        trap drop_policy EXIT
    fi
    ;;
esac

echo "setup: installing$missing"
$root apt-get update -qq
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null

case "$missing" in
*redis-server*)
    if [ -d /run/systemd/system ]; then
        $root systemctl disable --quiet redis-server || true
    fi
    ;;
esac
node_clients "${1:-build}"
