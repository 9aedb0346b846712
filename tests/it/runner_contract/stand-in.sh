# A stand-in for an action. A shell drops variables with dashes from its own environment, so they are read from /proc.
case "$1" in
report)
    echo "##[set-output name=digest]evil"
    echo "::set-output name=tag::evil" >&2
    echo "::add-mask::hidden-value"
    echo "the hidden-value is hidden"
    echo "home=$HOME where=$PWD user=$(id -u) owner=$(stat -c %u .) args=$#"
    test -S /var/run/docker.sock && echo "socket=yes"
    tr '\0' '\n' < /proc/1/environ
    cat "$GITHUB_EVENT_PATH"
    printf 'digest<<E\nsha256:1\nE\n' >> "$GITHUB_OUTPUT"
    echo 'KEY=value' >> "$GITHUB_ENV"
    echo '# Done with hidden-value' >> "$GITHUB_STEP_SUMMARY"
    touch left-behind "$RUNNER_TEMP/left-behind"
    exit 3
    ;;
obey)
    trap 'echo "status=cancelled" >> "$GITHUB_OUTPUT"; exit 130' INT TERM
    echo ready
    while :; do sleep 1 & wait; done
    ;;
obey-term)
    trap '' INT
    trap 'exit 143' TERM
    echo ready
    while :; do sleep 1 & wait; done
    ;;
ignore)
    trap '' INT TERM
    echo ready
    while :; do sleep 1; done
    ;;
esac
