# shellcheck shell=bash
# Debian packages of any suite, unpacked into a folder of their own: the system's package lists and its installed
# packages stay as they are. Sourced, not run.

# shellcheck source=scripts/support/cache.sh
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# Installs missing packages of the system's own suite: PACKAGE…
system_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu: \`apt-get\` is missing" "install ${missing[*]}"
    [ "$(id -u)" = 0 ] || fail "installing ${missing[*]} needs root" "run the script as root"
    say "installing ${missing[*]}"
    apt-get -o Acquire::Retries=3 update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
}

# Prints the address of the Debian archive that this machine is set up to use.
debian_archive() {
    local archive="${TAGSHIP_DEBIAN_ARCHIVE:-}"
    [ -n "$archive" ] || archive="$(configured_archive)"
    if [ -z "$archive" ]; then
        # Whose an archive is, is known only after the first update.
        apt-get update -qq
        archive="$(configured_archive)"
    fi
    [ -n "$archive" ] || fail "no Debian archive is among this machine's package sources" \
        "set \`TAGSHIP_DEBIAN_ARCHIVE\` to the address of a Debian archive, or run in a Debian container"
    printf '%s\n' "$archive"
}

configured_archive() {
    # shellcheck disable=SC2016 # apt-get fills in the placeholder.
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# The folder of apt's own state for a suite, and for another architecture where `architecture` is set: SUITE
suite_state() { printf '%s\n' "$cache_root/apt/$1${architecture:+-$architecture}"; }

# Runs apt-get with a state of its own: SUITE, ARGUMENT…
suite_apt() {
    local state
    state="$(suite_state "$1")"
    shift
    apt-get ${architecture:+-o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"} -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::status="$state/status" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Downloads packages of a suite and unpacks them into a folder, once: SUITE, FOLDER, PACKAGE… `architecture` names another one
# than the machine's.
unpack_packages() {
    local suite="$1" folder="$2" state stamp wanted archive
    state="$(suite_state "$1")"
    shift 2
    stamp="$folder/.unpacked-$suite"
    wanted="$*"
    if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$wanted" ]; then return 0; fi
    say "unpacking $wanted ($suite)"
    archive="$(debian_archive)"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages" "$folder"
    : >"$state/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$archive" "$suite" \
        >"$state/sources.list"
    # A list of today is new enough: several scripts ask for the same suite one after the other.
    if [ -z "$(find "$state/updated" -mtime -1 2>/dev/null)" ]; then
        suite_apt "$suite" update -qq
        touch "$state/updated"
    fi
    rm -f "$state"/packages/*.deb
    (cd "$state/packages" && suite_apt "$suite" download -qq "$@")
    for package in "$state"/packages/*.deb; do dpkg -x "$package" "$folder"; done
    { printf '%s\n' "$wanted"; for package in "$state"/packages/*.deb; do basename "$package"; done; } >"$stamp"
    rm -f "$state"/packages/*.deb
}
