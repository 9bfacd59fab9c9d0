#!/bin/sh
# Compiles the installed argon2 for processors with AVX2: the same sources, about twice the hashes a second.
# Needs a C++ compiler, make, python3 and Node's headers (in `$NODE_HEADERS`, by default beside the running Node).
#
#   scripts/build-argon2.sh .data/argon2-avx2
#   ARGON2_PREBUILD="$PWD/.data/argon2-avx2" npm start
set -eu
target=${1:?The folder to put it into, please.}
root=$(cd "$(dirname "$0")/.." && pwd)
node_gyp=$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js
headers=${NODE_HEADERS:-$(node -p 'require("path").resolve(process.execPath, "../..")')}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$root/node_modules/argon2" "$work/argon2"
ln -s "$root/node_modules" "$work/node_modules"
CFLAGS='-O3 -mavx2' node "$node_gyp" rebuild --silent --directory "$work/argon2" --nodedir "$headers"

mkdir -p "$target/build/Release"
# The package loads it from an absolute path only.
target=$(cd "$target" && pwd)
cp "$work/argon2/build/Release/argon2.node" "$target/build/Release/"
ARGON2_PREBUILD=$target node -e 'require("argon2").hash("").then(() => console.log("argon2 for AVX2 is in '"$target"'."))'
