#!/bin/sh
# The types of the web pages' scripts. Only who changes them needs node; whoever has none is told what was not checked.
if ! command -v npm > /dev/null; then
    echo "*** There is no npm, so the types of the web pages are NOT checked, and axe-core is missing from their tests." >&2
    exit 0
fi
if [ ! -x node_modules/.bin/tsc ] && ! npm install --silent; then
    echo "*** npm cannot install TypeScript, so the types of the web pages are NOT checked." >&2
    exit 0
fi
if [ "${1:-}" = --install ]; then exit 0; fi
exec node_modules/.bin/tsc -p tsconfig.json
