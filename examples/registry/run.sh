#!/usr/bin/env bash
# Takes the two registries of this folder through all that `tagship repo` does: planned, applied, changed by hand, found as
# drift, repaired, previewed, priced, listed, removed. It needs tagship, the AWS CLI and credentials of account 123456789012, whose
# number stands in tagship.yaml: put your own there, and take an account that holds nothing else.
set -euo pipefail
cd "$(dirname "$0")"

first=(--config tagship.yaml --aws-region eu-central-1)
second=(--config replica.yaml --aws-region eu-west-1)
layout=$(mktemp -d)
trap 'rm -rf "$layout"' EXIT

step() { printf '\n== %s\n' "$*"; }

# Runs what has to find a difference.
differs() {
  local code=0
  "$@" || code=$?
  [ "$code" -eq 12 ] || { echo "exit code $code where 12 belongs: $*" >&2; exit 1; }
}

# Adds a text to the blobs of an OCI image layout, and prints its descriptor.
blob() {
  printf '%s' "$2" > "$layout/blob"
  describe "$1"
}

describe() {
  local digest size
  digest=$(sha256sum "$layout/blob" | cut -d' ' -f1)
  size=$(wc -c < "$layout/blob")
  mv "$layout/blob" "$layout/blobs/sha256/$digest"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' "$1" "$digest" "$size"
}

# Makes an image that holds one file with its version, and pushes it.
publish() {
  local repository=$1 version=$2 layer diff_id config manifest
  local oci=application/vnd.oci.image
  rm -rf "${layout:?}"/*
  mkdir -p "$layout/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
  echo "$version" > "$layout/version"
  tar -cf "$layout/blob" -C "$layout" version
  layer=$(describe $oci.layer.v1.tar)
  # The layer is not compressed, so that its digest is its diff ID.
  diff_id=${layer#*'"digest":"'}
  diff_id=${diff_id%%'"'*}
  config=$(blob $oci.config.v1+json "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"$diff_id\"]}}")
  manifest=$(blob $oci.manifest.v1+json "{\"schemaVersion\":2,\"mediaType\":\"$oci.manifest.v1+json\",\"config\":$config,\"layers\":[$layer]}")
  echo "{\"schemaVersion\":2,\"manifests\":[$manifest]}" > "$layout/index.json"
  tagship copy "oci:$layout" "$repository:$version" --quiet "${first[@]}"
}

step 'plan: nothing is there yet'
differs tagship repo plan "${first[@]}" --exit-code
differs tagship repo plan "${second[@]}" --exit-code

step apply
tagship repo apply "${second[@]}" --quiet
tagship repo apply "${first[@]}" --quiet
tagship repo plan "${first[@]}" --exit-code
tagship repo plan "${second[@]}" --exit-code

step 'publish, which replicates'
for version in 1.0.0 1.1.0 1.2.0 1.3.0; do publish shop/api $version; done

step 'change by hand'
aws ecr put-image-tag-mutability --region eu-central-1 --repository-name shop/api --image-tag-mutability MUTABLE > /dev/null
aws ecr delete-repository-policy --region eu-central-1 --repository-name shop/web > /dev/null
aws ecr put-registry-scanning-configuration --region eu-central-1 --scan-type BASIC --rules '[]' > /dev/null
aws ecr put-replication-configuration --region eu-central-1 --replication-configuration '{"rules": []}' > /dev/null

step 'find the drift'
differs tagship repo plan "${first[@]}" --exit-code
differs tagship repo list "${first[@]}" --exit-code

step repair
tagship repo apply "${first[@]}" --quiet
tagship repo plan "${first[@]}" --exit-code

step 'preview: what the lifecycle policies would do'
tagship lifecycle preview shop/api "${first[@]}" --by-ecr

step 'refuse a policy that would delete what is in use'
differs tagship lifecycle preview shop/api --config too-tight.yaml --aws-region eu-central-1
differs tagship repo apply shop/api --config too-tight.yaml --aws-region eu-central-1

step 'price: what a month costs'
tagship repo cost "${first[@]}" --pulls 1000 --region-pulls 200

step 'list both registries'
tagship repo list "${first[@]}"
tagship repo list "${second[@]}"

step remove
tagship repo delete shop/api "${first[@]}" --force --confirm shop/api
tagship repo delete shop/api "${second[@]}" --force --confirm shop/api
tagship repo delete shop/web "${first[@]}"
tagship repo delete shop/base "${first[@]}"
tagship repo apply --config none.yaml --aws-region eu-central-1 --quiet
tagship repo apply --config none.yaml --aws-region eu-west-1 --quiet
tagship repo list "${first[@]}" --json
