#!/bin/sh
# The image's entry point: takes the argon2 that was compiled for AVX2 where this processor has it and a first hash
# succeeds, else the one that the package ships, then becomes the command.
compiled=$(dirname "$0")/argon2-avx2
first_hash='require("argon2").hash("", { memoryCost: 1024 }).catch(() => process.exit(1))'
if grep -qsw avx2 /proc/cpuinfo && ARGON2_PREBUILD=$compiled node -e "$first_hash" 2>/dev/null; then
  export ARGON2_PREBUILD="$compiled"
fi
exec "$@"
