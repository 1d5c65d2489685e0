# A registry on loopback and a few small images made from Debian's busybox-static.  Sourced after common.sh.
# shellcheck shell=bash

registry_answers() { curl -sf -m 2 "http://$REGISTRY/v2/" >/dev/null; }

registry_config() {
        cat <<Y
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $REGISTRY_STATE/data}, delete: {enabled: true}}
http: {addr: "$REGISTRY"}
Y
}

registry_start() {
        mkdir -p "$REGISTRY_STATE"
        registry_config >"$REGISTRY_STATE/config.yml"
        registry_answers && { say "it runs already"; return 0; }
        if has_systemd; then
                sed -e "s|@REGISTRY_STATE@|$REGISTRY_STATE|g" "$TOP/deploy/systemd/skep-registry.service" >/etc/systemd/system/skep-registry.service
                systemctl daemon-reload
                systemctl enable -q --now skep-registry.service
        else
                setsid "$PROGRAMS/skep-respawn" registry "$RUN" "$REGISTRY_STATE/registry.log" \
                        docker-registry serve "$REGISTRY_STATE/config.yml" >/dev/null 2>&1 </dev/null &
        fi
        for _ in $(seq 1 100); do registry_answers && return 0; sleep 0.1; done
        return 1
}

# image_rootfs FOLDER: busybox with all its names.
image_rootfs() {
        local name
        mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev,run,root,var/www}
        chmod 1777 "$1/tmp"
        cp /bin/busybox "$1/bin/busybox"
        for name in $(/bin/busybox --list); do [ "$name" = busybox ] || ln -sf busybox "$1/bin/$name"; done
        printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
        printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
        echo 'It works.' >"$1/var/www/index.html"
}

# image_push NAME CONFIG...: the rootfs in $WORK/oci:base with this configuration, pushed as NAME.
image_push() {
        local name=$1
        shift
        umoci config --image "$WORK/oci:base" --tag "$(basename "${name/:/-}")" --clear=config.cmd --clear=config.entrypoint "$@" &&
                skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$WORK/oci:$(basename "${name/:/-}")" "docker://$REGISTRY/$name"
}

registry_images() (
        set -e
        WORK=$(mktemp -d)
        trap 'rm -rf "$WORK"' EXIT
        umoci init --layout "$WORK/oci"
        umoci new --image "$WORK/oci:base"
        umoci unpack --image "$WORK/oci:base" "$WORK/bundle"
        image_rootfs "$WORK/bundle/rootfs"
        umoci repack --image "$WORK/oci:base" "$WORK/bundle"
        umoci config --image "$WORK/oci:base" --config.env PATH=/bin
        image_push busybox:latest --config.cmd sh
        image_push alpine:latest --config.cmd sh
        # shellcheck disable=SC2016
        image_push ticker:latest --config.cmd sh --config.cmd -c --config.cmd 'trap "exit 0" TERM; i=0; while :; do echo "tick $i ${COLOR:-}"; i=$((i+1)); sleep 1 & wait $!; done'
        # A shell before httpd, which as process 1 would not hear TERM.
        # shellcheck disable=SC2016
        image_push web:latest --config.cmd sh --config.cmd -c --config.cmd 'trap "exit 0" TERM; echo "serving ${COLOR:-}"; httpd -f -v -p 80 -h /var/www & wait $!'
        image_push crash:latest --config.cmd sh --config.cmd -c --config.cmd 'echo failing; exit 3'
)

registry_fill() {
        local have
        have=$(curl -sf -m 5 "http://$REGISTRY/v2/_catalog" || true)
        case $have in *'"crash"'*) say "the images are there already"; return 0 ;; esac
        registry_images >"$REGISTRY_STATE/images.log" 2>&1 || return 1
        say "busybox alpine ticker web crash"
}
