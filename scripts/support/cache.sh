# shellcheck shell=bash
# Where everything that the scripts download or build for tests is kept. Sourced, not run.

# shellcheck disable=SC2034 # Read by the scripts that source this one.
cache_root="${TAGSHIP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tagship}"
# shellcheck disable=SC2034
repository_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# Talk goes to stderr: stdout is for what another program reads.
say() { printf '%s\n' "$*" >&2; }

# Ends the script with one sentence and, where there is one, the next action.
fail() {
    printf 'error: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then printf '\nhint: %s\n' "$2" >&2; fi
    exit 1
}

# Prints one assignment that a shell can read back: NAME, VALUE.
print_export() { printf 'export %s="%s"\n' "$1" "$2"; }
