#!/bin/sh
# The style and the types of the web pages' scripts. Only who changes them needs node; whoever has none is told what was not checked.
if ! command -v npm > /dev/null; then
    echo "*** There is no npm, so the scripts of the web pages are NOT checked, and axe-core is missing from their tests." >&2
    exit 0
fi
if [ ! -x node_modules/.bin/tsc ] || [ ! -x node_modules/.bin/prettier ]; then
    if ! npm install --silent; then
        echo "*** npm cannot install what is in package.json, so the scripts of the web pages are NOT checked." >&2
        exit 0
    fi
fi
if [ "${1:-}" = --install ]; then exit 0; fi
node_modules/.bin/prettier --log-level warn --check "src/rumbo/web/static/**/*.js" && exec node_modules/.bin/tsc -p tsconfig.json
