#!/bin/bash
# Runs the executor's tests against a real containerd and a real registry, both private.
#
#         tests/integration/executor/executor_test.sh [TEST-BINARY...]
#
# Needs root and the packages containerd, docker-registry, umoci, skopeo and busybox-static.  Everything it makes lies in one
# folder of its own and is gone afterwards.
set -euo pipefail

built=build/bin/tests/integration/executor
[ $# -gt 0 ] || set -- $built/executor_test $built/spec_test $built/health_test $built/images_test $built/image_mount_test $built/crowd_test
folder=$(mktemp -d "${TMPDIR:-/tmp}/skep-executor-test.XXXXXX")
registries=

shims() {
        pgrep -f "containerd-shim-runc-v2.* -address $folder/" || true
}

clean_up() {
        local pid
        for pid in $registries; do kill "$pid" || true; done
        if [ -f "$folder/run/containerd/containerd.pid" ]; then
                pid=$(cat "$folder/run/containerd/containerd.pid")
                # Shims first: they outlive their containerd.
                for shim in $(shims); do kill -9 "$shim" || true; done
                ! grep -qz "$folder" "/proc/$pid/cmdline" 2>/dev/null || kill -9 "$pid" || true
        fi
        sleep 0.3
        awk -v f="$folder" 'index($2, f) == 1 { print $2 }' /proc/self/mounts | sort -r |
                while read -r mounted; do umount -l "$mounted" || true; done
        find /sys/fs/cgroup -depth -type d -path "*/${folder##*/}*" -exec rmdir {} + 2>/dev/null || true
        rm -rf --one-file-system "$folder"
}
trap clean_up EXIT

make_image() {
        local rootfs=$folder/image/rootfs applet
        umoci init --layout "$folder/oci"
        umoci new --image "$folder/oci:box"
        umoci unpack --image "$folder/oci:box" "$folder/image"
        mkdir -p "$rootfs"/{bin,etc,tmp,data}
        cp /bin/busybox "$rootfs/bin/busybox"
        for applet in sh echo sleep cat id env ls dd tail true hostname kill yes head stat grep ps mount rm test touch httpd mkdir; do
                ln -s busybox "$rootfs/bin/$applet"
        done
        printf 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' >"$rootfs/etc/passwd"
        printf 'root:x:0:\napp:x:1000:\nwheel:x:10:root,app\n' >"$rootfs/etc/group"
        echo seed >"$rootfs/data/seed"
        umoci repack --image "$folder/oci:box" "$folder/image"
        umoci config --image "$folder/oci:box" --config.env PATH=/bin --config.env FROM=image \
                --config.cmd /bin/true
        umoci config --image "$folder/oci:box" --tag other --config.env OTHER=yes
}

# What is mounted: two layers, and links that would lead out.
make_data() {
        local rootfs=$folder/data/rootfs
        umoci unpack --image "$folder/oci:box" "$folder/data"
        mkdir "$rootfs/app"
        echo inside >"$rootfs/app/file"
        echo image >"$rootfs/etc/mark"
        ln -s /etc "$rootfs/app/way"
        ln -s ../../../../../../../../etc "$rootfs/app/out"
        umoci repack --image "$folder/oci:data" "$folder/data"
}

# A registry on a free port; the rest of its configuration is the argument.  Sets 'port'.
start_registry() {
        port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        cat >"$folder/registry.$port.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $folder/registry.$port}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
$1
END
        docker-registry serve "$folder/registry.$port.yml" >"$folder/registry.$port.log" 2>&1 &
        registries="$registries $!"
}

push() {
        for _ in $(seq 50); do
                ! skopeo copy -q --dest-tls-verify=false "${@:3}" "oci:$folder/oci:$1" "docker://$2" \
                        2>"$folder/push.log" || return 0
                sleep 0.1
        done
        cat "$folder/push.log" >&2
        return 1
}

make_image >/dev/null 2>&1
make_data >/dev/null 2>&1
start_registry ''
push box "127.0.0.1:$port/box:v1"
export SKEP_TEST_FOLDER=$folder SKEP_TEST_IMAGE=127.0.0.1:$port/box:v1
SKEP_TEST_DIGEST=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$SKEP_TEST_IMAGE")
export SKEP_TEST_DIGEST
push data "127.0.0.1:$port/data:v1"
export SKEP_TEST_DATA_IMAGE=127.0.0.1:$port/data:v1

python3 -W ignore -c 'import crypt; print("anna:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
        >"$folder/passwords"
start_registry "auth: {htpasswd: {realm: test, path: $folder/passwords}}"
push other "127.0.0.1:$port/locked:v1" --dest-creds anna:secret
export SKEP_TEST_LOCKED_IMAGE=127.0.0.1:$port/locked:v1
push data "127.0.0.1:$port/locked-data:v1" --dest-creds anna:secret
export SKEP_TEST_LOCKED_DATA_IMAGE=127.0.0.1:$port/locked-data:v1

skopeo copy -q "oci:$folder/oci:other" "docker-archive:$folder/saved.tar:127.0.0.1:1/loaded:v1"
export SKEP_TEST_TAR=$folder/saved.tar

for binary; do
        "$binary" || { tail -20 "$folder/state/containerd/containerd.log" >&2; exit 1; }
done

# Every test removed its tasks: nothing of them may be left.
left=$(shims; find "$folder"/state/tasks "$folder"/run/tasks "$folder"/run/memory "$folder"/run/runc/k8s.io \
        -mindepth 1 -maxdepth 1 2>/dev/null; find /sys/fs/cgroup -path "*/${folder##*/}/*" -type d 2>/dev/null || true)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
