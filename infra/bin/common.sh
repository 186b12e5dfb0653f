# SPDX-License-Identifier: Apache-2.0
# Read by the scripts beside it: where the stack is, and how to speak to it.
set -eu
umask 077
ROOT=$(cd "$(dirname "$0")/../.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose --project-directory "$ROOT" "$@"; }
elif command -v docker-compose >/dev/null 2>&1; then
    compose() { docker-compose --project-directory "$ROOT" "$@"; }
else
    die "docker compose (version 2.20 or later) is missing"
fi

# job NAME...: one of the jobs of `init`; `ops NAME...`: one of the archive.
job() { compose run --rm --no-deps --quiet-pull -T init "$@"; }
ops() { compose --profile ops run --rm --no-deps --quiet-pull -T ops "$@"; }

# Services of both profiles that run now.
running() { compose --profile demo ps --services --status running; }
