# shellcheck shell=bash
# The Rust toolchain that the scripts compile with. Sourced, not run.

# shellcheck source=scripts/support/cache.sh
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# Ends the script unless a new enough Rust toolchain is there.
require_rust() {
    local wanted found
    wanted="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$repository_root/Cargo.toml")"
    found="$(cd "$repository_root" && rustc --version 2>/dev/null | cut -d ' ' -f 2)" || found=''
    if [ -z "$found" ] || ! command -v cargo >/dev/null; then
        fail 'there is no Rust toolchain' "install rustup's stable toolchain with rustfmt and clippy, as https://rustup.rs says"
    fi
    if [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort --version-sort | head -n 1)" != "$wanted" ]; then
        fail "Rust $found is too old: Tagship needs $wanted" "run \`rustup update stable\`"
    fi
}

# Says what a compilation costs, the first one above all: WHAT, DURATION, DISK, FOLDER THAT IT MAKES.
announce_compilation() {
    if [ -d "$4" ]; then say "compiling $1"; else say "compiling $1, the first time: about $2 on two cores, and $3 of disk"; fi
}
