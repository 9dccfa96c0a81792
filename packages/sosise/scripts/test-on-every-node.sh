#!/usr/bin/env bash
# Runs the fast tests and the built app on every Node.js that we promise, and prints a table:
#     packages/sosise/scripts/test-on-every-node.sh [VERSION...]
# The binaries come from the npm registry into a temporary folder; NODES=FOLDER keeps them for the next time. Exit code 1 if anything
# failed; the output of what failed is shown.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

versions=("$@")
if ((${#versions[@]} == 0)); then
    versions=(20.19 22 24 26)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nodes=${NODES:-$work/nodes}

# The package `node` fetches the package of its platform with an install script, which npm may not run: take that one.
platform=$(node -p "(process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin-' : 'node-') + process.platform + '-' + process.arch")

# Prints the folder of a version's binary.
fetch_node() {
    local folder=$nodes/$1
    if [[ ! -x $folder/node_modules/$platform/bin/node ]]; then
        mkdir -p "$folder"
        npm install --prefix "$folder" --no-save --no-audit --no-fund --silent "$platform@$1" >&2
    fi
    printf '%s\n' "$folder/node_modules/$platform/bin"
}

# Runs a command under a name, and prints what belongs into the table.
attempt() {
    local log=$work/log start=$SECONDS
    if "$@" > "$log" 2>&1 < /dev/null; then
        printf 'passed, %d s' "$((SECONDS - start))"
    else
        printf 'FAILED'
        cat "$log" >&2
        touch "$work/failed"
    fi
}

npm run --silent build
table=$'| Node.js | tests | built app |\n| --- | --- | --- |\n'
for version in "${versions[@]}"; do
    bin=$(fetch_node "$version")
    full=$("$bin/node" -p process.versions.node)
    printf 'Node.js %s …\n' "$full" >&2
    suite=$(PATH="$bin:$PATH" attempt node node_modules/vitest/vitest.mjs run)
    app=$(PATH="$bin:$PATH" attempt node packages/sosise/scripts/check-built-app.js / node "$PWD/build/server.js")
    table+="| $full | $suite | $app |"$'\n'
done
printf '%s' "$table"
[[ ! -e $work/failed ]]
