#!/bin/sh
# Chromium for the tests of the web pages: installed where that can be done without asking, missed loudly elsewhere.
if [ -x /usr/bin/chromium ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core > /dev/null 2>&1 && exit 0
    apt-get update -q > /dev/null 2>&1 && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core > /dev/null && exit 0
fi
echo "*** There is no /usr/bin/chromium, so the web pages are NOT tested. On Debian: apt-get install chromium" >&2
