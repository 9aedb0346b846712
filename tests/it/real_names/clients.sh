#!/usr/bin/env bash
# The embedded ECR under ECR's own names, used by real clients. Runs in mount and network namespaces of its own, so that
# `/etc/hosts`, `/etc/docker` and port 443 are ours alone, and engines of our own read them.
#
#   unshare --mount --net clients.sh TAGSHIP WORK ENGINES    the binary, an empty folder, the folder of scripts/engines
set -euo pipefail

tagship="$1" work="$2" engines="$3"
account=000000000000 region=us-east-1 other=999988887777
started=()
clean_up() {
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    awk -v folder="$work/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | xargs --no-run-if-empty umount --lazy
}
trap clean_up EXIT
announced() { sed -n "s/^$1=//p" "$work/server.log"; }
until_it() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; "$@"; }

ip link set lo up
"$tagship" local serve --tls --port 5510 --data "$work/data" >"$work/server.log" 2>"$work/server.err" &
started+=($!)
until_it grep --quiet '^tls-registry=' "$work/server.log"

# What the server says is to be done, done: names that lead to it, and Docker's trust.
registry="$(announced tls-registry)"
[ "$registry" = "$account.dkr.ecr.$region.amazonaws.com" ]
foreign="$other.dkr.ecr.$region.amazonaws.com"
{ cat /etc/hosts; announced hosts-line; printf '127.0.0.1 %s\n' "$foreign"; } >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
mkdir -p "$work/docker-etc" /etc/docker
mount --bind "$work/docker-etc" /etc/docker
for host in "$registry" "$foreign"; do
    mkdir -p "/etc/docker/certs.d/$host"
    cp "$(announced ca-certificate)" "/etc/docker/certs.d/$host/ca.crt"
done
[ -s "$(announced docker-ca)" ]

# No endpoint is given from here on: names and certificates are what leads to the server.
AWS_CA_BUNDLE="$(announced ca-certificate)"
AWS_ACCESS_KEY_ID="$(announced access-key-id)"
AWS_SECRET_ACCESS_KEY="$(announced secret-access-key)"
export AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export AWS_DEFAULT_REGION="$region" SSL_CERT_FILE="$AWS_CA_BUNDLE" HOME="$work/home" DOCKER_CONFIG="$work/home/.docker"
mkdir -p "$DOCKER_CONFIG"
uri="$(aws ecr create-repository --repository-name team/app --query repository.repositoryUri --output text)"
[ "$uri" = "$registry/team/app" ]
aws sts get-caller-identity --query Arn --output text
proxy="$(aws ecr get-authorization-token --query 'authorizationData[0].proxyEndpoint' --output text)"
[ "$proxy" = "https://$registry" ]

aws ecr get-login-password | crane auth login "$registry" --username AWS --password-stdin
echo content >"$work/file"
tar --create --file "$work/layer.tar" --directory "$work" file
crane append --oci-empty-base --new_layer "$work/layer.tar" --new_tag "$uri:crane"
skopeo inspect --raw "docker://$uri:crane" >/dev/null
echo 'passed: aws, crane, skopeo'

for engine in docker20 docker28; do
    folder="$work/$engine"
    mkdir "$folder"
    echo '{}' >"$folder/daemon.json"
    PATH="$engines/$engine/usr/bin:$engines/$engine/usr/sbin:$PATH" dockerd --config-file "$folder/daemon.json" \
        --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket" \
        --bridge none --iptables=false --ip6tables=false >"$folder/log" 2>&1 &
    started+=($!)
    export DOCKER_HOST="unix://$folder/socket"
    until_it docker version
    docker load --quiet --input "$engines/busybox.tar"
    for host in "$registry" "$foreign"; do
        aws ecr get-login-password | docker login --username AWS --password-stdin "$host"
    done
    docker tag busybox:1 "$uri:$engine"
    docker push --quiet "$uri:$engine"
    docker image rm "$uri:$engine"
    docker pull --quiet "$uri:$engine"
    docker tag busybox:1 "$foreign/team/app:1"
    if docker push "$foreign/team/app:1" 2>"$folder/refusal"; then exit 1; fi
    grep --fixed-strings "in the registry with id '$other'" "$folder/refusal"
    echo "passed: $engine"
done

mkdir "$work/source"
cd "$work/source"
cp "$work/file" .
printf 'FROM busybox:1\nCOPY file /file\n' >Dockerfile
git init --quiet --initial-branch main
git add .
git -c user.name=Test -c user.email=test@example.com commit --quiet --message 'feat: content'
git tag v1.0.0
"$tagship" ship --registry "$registry" --repository team/app
aws ecr describe-images --repository-name team/app --image-ids imageTag=1.0.0 --output text
echo 'passed: tagship'

alias="$(aws ecr-public describe-registries --query 'registries[0].aliases[0].name' --output text)"
for _ in 1 2; do
    "$tagship" ship --registry public.ecr.aws --repository "$alias/team/app" --create-repository
done
aws ecr-public describe-image-tags --repository-name team/app --query 'imageTagDetails[].imageTag' --output text | grep --word-regexp 1.0.0
crane digest "public.ecr.aws/$alias/team/app:1.0.0"
echo 'passed: public'
