# The action's image: one static binary, the certificate authorities that it trusts, and the licences.
#
# It is built from what `scripts/build-image` stages in dist/, so building it needs neither a base image nor a
# compiler, and takes a second. dist/ is not kept in git: `uses: ./` in this repository's own workflows works after
# `scripts/build-image`. Who writes `uses: tagship/tagship@v1` never builds it: a release commit's action.yml names
# the published image by digest (`image: docker://…@sha256:…`) in the place of `image: Dockerfile`.
FROM scratch
ARG TARGETARCH
COPY dist/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY dist/LICENSE dist/THIRD-PARTY-LICENSES.txt /licenses/
COPY dist/linux-${TARGETARCH}/tagship /tagship
# Large layers wait in files without names.
WORKDIR /tmp
WORKDIR /
# The binary itself, because a shell in between would drop the environment variables with dashes in their names.
# No USER: the runner's files belong to whoever runs it, and an action's container has to be root to write them.
ENTRYPOINT ["/tagship"]
