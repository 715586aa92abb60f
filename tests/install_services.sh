#!/bin/sh
# Installs the servers that tests talk to, on Debian as root; elsewhere it only says what would be missing.
#
#     tests/install_services.sh                      what `make test` needs
#     RUMBO_TEST_ALL=1 tests/install_services.sh     also what only `make test-all` needs
set -eu

DATABASES="postgresql mariadb-server redis-server"
FILE_SERVERS="openssh-server openssh-client vsftpd"
CONTAINERS="docker.io busybox-static"
ENGINES="openjdk-17-jre-headless"
HDFS="libjersey1-core-java libjersey1-server-java libjersey1-servlet-java libjersey1-json-java
libjsr311-api-java libjettison-java libcommons-daemon-java libcommons-net-java libcommons-codec-java
libhttpclient-java libhttpcore-java libservlet-api-java libjaxb-api-java libjackson2-databind-java
libjackson2-annotations-java libjackson-json-java libjetty9-java libjetty9-extra-java"

PACKAGES="$DATABASES $FILE_SERVERS $CONTAINERS"
[ -n "${RUMBO_TEST_ALL:-}" ] && PACKAGES="$PACKAGES $ENGINES $HDFS"

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not root on Debian: tests of servers that are not installed will be skipped ($PACKAGES)." >&2
    exit 0
fi

# The servers are started by the tests, not by their packages.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi

missing=""
for package in $PACKAGES; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
apt-get update -qq
# shellcheck disable=SC2086 # names of packages, to be split
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
