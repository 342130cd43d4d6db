# The image contains one static binary, and links to it by the names of the meshes' own programs: no shell, no iptables, no nft.
#
#   docker build -t localhost/netweir:0.1.0 .
#   docker build -t localhost/netweir:0.1.0 --build-arg BUILDER=my.registry/rust:1-trixie .
#
# `make image` builds only the last stage, around the binary of `make static`, and pulls nothing.
ARG BUILDER=docker.io/library/rust:1-trixie

FROM ${BUILDER} AS builder
WORKDIR /src
COPY . .
RUN script/setup build static capability \
    && script/static \
    && script/image-root .build/static/netweir /out

FROM scratch
LABEL org.opencontainers.image.title="netweir" \
      org.opencontainers.image.description="Captures a pod's traffic for a service-mesh proxy, through nf_tables and netlink alone" \
      org.opencontainers.image.source="https://example.invalid/netweir" \
      org.opencontainers.image.licenses="GPL-2.0-or-later" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="scratch"
# The file capability cap_net_admin+p lets the binary raise what the pod grants (`add: [NET_ADMIN]`), as this user too.
# With +ep it could not start in a pod that grants nothing.
COPY --from=builder /out /
USER 65534:65534
ENTRYPOINT ["/netweir"]
