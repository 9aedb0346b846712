#!/bin/sh
# Installs the released `tagship` for this machine, after it has checked the checksum. Root is not needed.
#
#   TAGSHIP_INSTALL_VERSION     the version, such as 1.2.3; the latest one if it is not set
#   TAGSHIP_INSTALL_DIR         the folder; ~/.local/bin if it is not set
#   TAGSHIP_INSTALL_URL         where releases are, such as a mirror; https://github.com/tagship/tagship/releases if it is
#                               not set
#   TAGSHIP_INSTALL_CHECKSUMS   a file with the release's SHA256SUMS, which then are not downloaded
#
# The path of the installed program is the only line on standard output.
set -eu

say() { printf '%s\n' "$*" >&2; }

# Ends the script with one sentence and the next action.
fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# An address without a password that stands in it: URL.
shown() { printf '%s' "$1" | sed 's|//[^/@]*@|//***@|'; }

# Downloads a file: URL, FILE. Nothing but HTTPS is taken, except from this machine itself; `curl` does not follow an answer
# to anything else either.
download() {
    case "$1" in
    https://* | http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
    *) fail "\`$(shown "$1")\` is not an address with \`https\`" "set \`TAGSHIP_INSTALL_URL\` to one that is" ;;
    esac
    if command -v curl >/dev/null 2>&1; then
        case "$1" in
        https://*) set -- "$1" "$2" --proto =https --proto-redir =https ;;
        *) set -- "$1" "$2" --proto '=http,https' ;;
        esac
        url="$1"
        file="$2"
        shift 2
        curl "$@" --fail --silent --show-error --location --connect-timeout 20 --max-time 600 --retry 3 --output "$file" "$url"
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --timeout=20 --tries=3 --output-document="$2" "$1"
    else
        fail "there is neither \`curl\` nor \`wget\`" "install one of them"
    fi
}

# Prints the target triple that this machine's archive is named by.
target() {
    case "$(uname -s) $(uname -m)" in
    'Linux x86_64' | 'Linux amd64') echo x86_64-unknown-linux-gnu ;;
    'Linux aarch64' | 'Linux arm64') echo aarch64-unknown-linux-gnu ;;
    'Darwin arm64') echo aarch64-apple-darwin ;;
    *) fail "there is no release for $(uname -s) on $(uname -m)" "build it: \`cargo install --locked --git https://github.com/tagship/tagship tagship\`" ;;
    esac
}

# Prints the SHA-256 of a file: FILE.
sha256_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d ' ' -f 1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 "$1" | cut -d ' ' -f 1
    else
        fail "there is neither \`sha256sum\` nor \`shasum\`, so that the download cannot be checked" "install coreutils"
    fi
}

main() {
    releases="${TAGSHIP_INSTALL_URL:-https://github.com/tagship/tagship/releases}"
    releases="${releases%/}"
    folder="${TAGSHIP_INSTALL_DIR:-${HOME:?is not set}/.local/bin}"
    version="${TAGSHIP_INSTALL_VERSION:-}"
    version="${version#v}"
    case "$version" in
    *[!0-9A-Za-z.-]*) fail "\`$version\` is no version" "set \`TAGSHIP_INSTALL_VERSION\` to one such as 1.2.3" ;;
    esac
    triple="$(target)"
    work="$(mktemp -d)"
    trap 'rm -rf "$work" "$folder/.tagship.$$"' EXIT
    trap 'exit 130' HUP INT TERM

    if [ -n "${TAGSHIP_INSTALL_CHECKSUMS:-}" ]; then
        cp "$TAGSHIP_INSTALL_CHECKSUMS" "$work/SHA256SUMS"
    else
        if [ -n "$version" ]; then from="$releases/download/v$version"; else from="$releases/latest/download"; fi
        download "$from/SHA256SUMS" "$work/SHA256SUMS" ||
            fail "the checksums of ${version:-the latest version} cannot be downloaded from $(shown "$from")" \
                'check the version, and that this machine reaches the address'
    fi

    # A line is a checksum and a name, `tagship-VERSION-TARGET.tar.gz`, which tells the version too.
    line="$(grep -E "^[0-9a-f]{64}  tagship-${version:-[0-9][0-9A-Za-z.-]*}-$triple\.tar\.gz\$" "$work/SHA256SUMS" | head -n 1)" || true
    [ -n "$line" ] || fail "${version:-the release} has no archive for $triple" 'choose another version'
    checksum="${line%% *}"
    archive="${line##* }"
    name="${archive%.tar.gz}"
    version="${name#tagship-}"
    from="$releases/download/v${version%-"$triple"}"

    say "downloading $archive"
    download "$from/$archive" "$work/$archive" ||
        fail "$archive cannot be downloaded from $(shown "$from")" 'check that this machine reaches the address'
    found="$(sha256_of "$work/$archive")"
    [ "$found" = "$checksum" ] ||
        fail "$archive has the checksum $found, not $checksum: it is not what was released" 'try again, and report it if it stays so'

    tar -xzf "$work/$archive" -C "$work" "$name/tagship"
    mkdir -p "$folder" 2>/dev/null || fail "the folder \`$folder\` cannot be made" "set \`TAGSHIP_INSTALL_DIR\` to one of your own"
    [ ! -d "$folder/tagship" ] || fail "\`$folder/tagship\` is a folder" "move it away, or set \`TAGSHIP_INSTALL_DIR\`"
    # A program that runs can be replaced, but not written to; and where it is going to be, programs may be run.
    cp "$work/$name/tagship" "$folder/.tagship.$$" 2>/dev/null ||
        fail "the folder \`$folder\` cannot be written to" "set \`TAGSHIP_INSTALL_DIR\` to one of your own"
    "$folder/.tagship.$$" --version >"$work/answer" ||
        fail "the program of $archive does not run in \`$folder\`" \
            "set \`TAGSHIP_INSTALL_DIR\` to a folder that programs may be run in, and report it if it stays so"
    mv -f "$folder/.tagship.$$" "$folder/tagship"
    say "installed $(cat "$work/answer")"
    case ":$PATH:" in
    *":$folder:"*) ;;
    *) say "note: \`$folder\` is not on PATH" ;;
    esac
    printf '%s\n' "$folder/tagship"
}

# Last, so that a download of this script that was cut off does nothing.
main "$@"
