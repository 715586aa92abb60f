#!/bin/sh
# Builds Kubernetes' API server and its controllers from Debian's source package, since no package has them as programs.
# Wants Debian and root, a quarter of an hour of a processor, and 3 GB while it works; what remains has 250 MB.
#
#     tests/build_kubernetes.sh FOLDER     puts kube-apiserver and kube-controller-manager there
set -eu

folder=$(realpath -m "$1")
go=/usr/lib/go-1.19/bin/go
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not root on Debian: Kubernetes is not built, and tests against its API server will be skipped." >&2
    exit 0
fi

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-1.19-go dpkg-dev etcd-server >/dev/null

work=$(mktemp -d)
chmod 755 "$work" # apt reads there as another user
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT INT TERM

# Debian's lists of sources, apart from the system's own.
mkdir -p "$work/parts" "$work/lists/partial" "$work/src/k8s.io"
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/parts/src.sources"
apt="apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/parts -o Dir::State::lists=$work/lists"
$apt update
cd "$work/src/k8s.io"
$apt source kubernetes >/dev/null
mv kubernetes-1.* kubernetes
cd kubernetes

unset GOFLAGS
export GOPATH="$work" GOCACHE="$work/cache" GO111MODULE=off CGO_ENABLED=0
$go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
described=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg | grep -v _test.go | xargs -n1 dirname | sort -u |
    sed -E 's#^staging/src/#k8s.io/kubernetes/vendor/#; s#^pkg/#k8s.io/kubernetes/pkg/#' | paste -sd,)
"$work/openapi-gen" --go-header-file hack/boilerplate/boilerplate.generatego.txt --output-file-base zz_generated.openapi \
    --output-package k8s.io/kubernetes/pkg/generated/openapi --output-base "$work/src" --input-dirs "$described" \
    -r "$work/violations" >/dev/null

mkdir -p "$folder"
for command in kube-apiserver kube-controller-manager; do
    $go build -p 2 -ldflags '-s -w' -o "$folder/$command" "./cmd/$command"
done
