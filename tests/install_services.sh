#!/bin/sh
# Installs the servers that tests talk to, on Debian as root; elsewhere it only says what would be missing.
set -eu

DATABASES="postgresql mariadb-server redis-server"
CONTAINERS="docker.io busybox-static"
ENGINES="openjdk-17-jre-headless"

[ -z "${RUMBO_TEST_ALL:-}" ] && ENGINES=""

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not root on Debian: tests of servers that are not installed will be skipped ($DATABASES $CONTAINERS)." >&2
    exit 0
fi

# The servers are started by the tests, not by their packages.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi

missing=""
for package in $DATABASES $CONTAINERS $ENGINES; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
apt-get update -qq
# shellcheck disable=SC2086 # names of packages, to be split
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
